"""Unpack archives of weights or data without letting anything out of the folder."""

from __future__ import annotations

import errno
import gzip
import io
import lzma
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Self

from catalog.errors import InputError
from catalog.files import DiskFullError, disk_full_told, lock

MAX_BYTES = 1 << 40
ARCHIVES = ("a zip archive", "a tar archive", "a gzip archive")  # as `sniff` calls them
WEIGHTS = (".pth", ".pt", ".ckpt", ".safetensors", ".bin")
OLD_CODE_PAGE = "cp437"  # as `zipfile` reads names that are not said to be UTF-8
UTF8 = 0x800  # bit of a zip member's flags: its name is UTF-8
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
)


def weights_inside(archive: Path) -> Path:
    """The one weights file of an archive, unpacked once into the cache by the archive's hash.

    Raises `InputError` where the archive holds none or several.
    """
    from reproduce.obtaining.cache import cache_folder
    from reproduce.reading import sha256_of

    folder = cache_folder() / "unpacked" / sha256_of(archive)
    with disk_full_told(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
    with lock(Path(f"{folder}.lock")):
        files = (
            sorted(path for path in folder.rglob("*") if path.is_file())
            if folder.is_dir()
            else unpack(archive, folder)
        )
    found = [path for path in files if path.name.lower().endswith(WEIGHTS)]
    if len(found) != 1:
        names = ", ".join(str(path.relative_to(folder)) for path in files[:8])
        raise InputError(
            f"{archive}: expected one weights file in the archive, got {len(found)}. "
            f"It holds {names or 'nothing'}. Unpack it and pass the right file with --checkpoint."
        )
    return found[0]


def unpack(archive: Path, folder: Path, max_bytes: int = MAX_BYTES) -> list[Path]:
    """Unpack a zip or tar file into `folder` (new or empty); returns the files, sorted.

    Raises `InputError`, leaving nothing behind, for absolute paths, paths that climb out with `..`,
    links, devices, a name that is a file and a folder, more than `max_bytes`, an archive that is
    damaged, encrypted or packed in a way Python does not know, or a folder with something in it.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: expected a new or empty folder to unpack {archive.name} into.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    working = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        with disk_full_told(folder):
            # By the first bytes: a tar file of zip files also ends like one.
            with archive.open("rb") as stream:
                zipped = stream.read(2) == b"PK"
            if zipped:
                _unzip(archive, working, max_bytes)
            elif tarfile.is_tarfile(archive):
                _untar(archive, working, max_bytes)
            else:
                raise InputError(f"{archive}: expected a zip or tar archive.")
        if folder.exists():
            folder.rmdir()
        working.replace(folder)
    except DAMAGED as error:
        raise InputError(f"{archive}: damaged archive ({error}). Download it again.") from error
    except UnicodeError as error:
        raise InputError(
            f"{archive}: damaged archive, or one with a name in another code page than it says or "
            f"than this machine can store ({error}). Download it again, or unpack it with another "
            "program and say where the folder lies."
        ) from error
    except NotImplementedError as error:  # deflate64 and the like
        raise InputError(
            f"{archive}: this archive cannot be unpacked here ({error}). Unpack it with another "
            "program and say where the folder lies."
        ) from error
    finally:
        shutil.rmtree(working, ignore_errors=True)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _zip_name(member: zipfile.ZipInfo) -> str:
    """A member's name: UTF-8 where it is that (macOS does not say so), else the old code page."""
    if member.flag_bits & UTF8:
        return member.filename
    try:
        return member.filename.encode(OLD_CODE_PAGE).decode("utf-8")
    except UnicodeDecodeError:
        return member.filename


def inside(name: str, root: Path, archive: Path) -> Path:
    """Where a member goes. Raises `InputError` where that is not below `root`."""
    plain = name.replace("\\", "/")
    target = (root / plain).resolve()
    if (
        plain.startswith("/")
        or ":" in plain.split("/")[0]
        or not target.is_relative_to(root.resolve())
    ):
        raise InputError(
            f"{archive}: member {name!r} would be written outside the folder. "
            "The archive is broken or hostile; nothing was unpacked."
        )
    return target


def _unzip(archive: Path, folder: Path, max_bytes: int) -> None:
    with zipfile.ZipFile(archive) as content:
        members = content.infolist()
        total = sum(member.file_size for member in members)
        _check_size(archive, total, max_bytes)
        if total > (free := shutil.disk_usage(folder).free):
            raise DiskFullError(
                f"{archive}: unpacks to {total:,} bytes, {free:,} are free in {folder.parent}. "
                "Nothing was unpacked. Free some space, or choose a folder on a larger disk."
            )
        for member in members:
            name = _zip_name(member)
            target = inside(name, folder, archive)
            if stat.S_ISLNK(member.external_attr >> 16):
                raise InputError(f"{archive}: member {name!r} is a link; not unpacked.")
            if member.flag_bits & 1:
                raise InputError(
                    f"{archive}: member {name!r} is encrypted. Unpack it with another "
                    "program and say where the folder lies."
                )
            # Some programs on Windows part names with backslashes.
            is_folder = name.endswith(("/", "\\"))
            opened = None if is_folder else partial(content.open, member)
            _put(archive, name, target, opened)


def _untar(archive: Path, folder: Path, max_bytes: int) -> None:
    total = 0
    with tarfile.open(archive, tarinfo=_Header) as content:
        for member in content:  # one pass: going back in a packed stream is reading it again
            target = inside(member.name, folder, archive)
            total += member.size
            _check_size(archive, total, max_bytes)
            if not member.isdir() and not member.isfile():
                raise InputError(
                    f"{archive}: member {member.name!r} is a link or a device; not unpacked."
                )
            opened = None if member.isdir() else partial(content.extractfile, member)
            _put(archive, member.name, target, opened)
        while content.fileobj is not None and content.fileobj.read(1 << 20):
            pass  # to the end, where gzip has its checksum


class _Header(tarfile.TarInfo):
    """tarfile takes a damaged header for the end of the archive and leaves out what follows."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile_)
        except (
            tarfile.InvalidHeaderError,  # type: ignore[attr-defined]  # typeshed leaves it out
            tarfile.TruncatedHeaderError,  # type: ignore[attr-defined]  # and this
        ) as error:
            raise tarfile.ReadError(str(error)) from error


def _put(
    archive: Path, name: str, target: Path, opened: Callable[[], IO[bytes] | None] | None
) -> None:
    """Write one member, or make its folder (`opened` is None)."""
    try:
        if opened is None:
            target.mkdir(parents=True, exist_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        stream = target.open("wb")
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise InputError(
            f"{archive}: member {name!r} is a file and a folder; not unpacked."
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ):
            raise
        raise InputError(
            f"{archive}: member {name!r} has a name that this machine cannot store "
            f"({error.strerror}); not unpacked."
        ) from error
    with stream, opened() or io.BytesIO() as source:
        shutil.copyfileobj(source, stream)


def _check_size(archive: Path, total: int, max_bytes: int) -> None:
    if total > max_bytes:
        raise InputError(f"{archive}: unpacks to {total:,} bytes, more than {max_bytes:,} allowed.")
