"""Unpack archives of weights or data without letting anything out of the folder."""

from __future__ import annotations

import errno
import gzip
import io
import lzma
import shutil
import stat
import struct
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Self

from catalog.errors import InputError
from catalog.files import DiskFullError, disk_full_told, lock

MAX_BYTES = 1 << 40
ARCHIVES = ("a zip archive", "a tar archive", "a gzip archive")  # as `sniff` calls them
WEIGHTS = (".pth", ".pt", ".ckpt", ".safetensors", ".bin")
OLD_CODE_PAGE = "cp437"  # as `zipfile` reads names that are not said to be UTF-8
UTF8 = 0x800  # bit of a zip member's flags: its name is UTF-8
DEPTH = 64  # folders in each other
HEADER_BYTES = 1 << 20  # of names and attributes before one member of a tar file
PADDING_BYTES = 64 << 20  # after the end of a tar file
PIECE = 1 << 20
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    struct.error,
    ValueError,
    OverflowError,
    RecursionError,
)


@dataclass(frozen=True, slots=True)
class Member:
    """One file or folder of an archive. `open` is None for a folder; `size`: bytes, unpacked."""

    name: str
    size: int
    open: Callable[[], IO[bytes] | None] | None


@dataclass(frozen=True, slots=True)
class Content:
    """Members in the order of the archive. `total`: bytes of all, None where it does not say."""

    members: Iterator[Member]
    total: int | None


def weights_inside(archive: Path) -> Path:
    """The one weights file of an archive, unpacked once into the cache by the archive's hash.

    Raises `InputError` where the archive holds none or several.
    """
    from reproduce.ground.places import cache_folder
    from reproduce.ground.reading import sha256_of

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
    links, devices, files with holes, names that are there twice or cannot be stored, more than
    `max_bytes` or than is free, an archive that is damaged, encrypted or packed in a way Python
    does not know, or a folder with something in it.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: expected a new or empty folder to unpack {archive.name} into.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    working = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        with disk_full_told(folder), opened(archive) as content:
            room = _Room(archive, working, max_bytes)
            room.take(content.total or 0)
            names = _Names(archive)
            for member in content.members:
                target = inside(member.name, working, archive)
                names.take(member)
                if content.total is None:
                    room.take(member.size)
                _put(archive, member, target)
        if folder.exists():
            folder.rmdir()
        working.replace(folder)
    finally:
        shutil.rmtree(working, ignore_errors=True)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def read_through(archive: Path, max_bytes: int = MAX_BYTES) -> None:
    """Read every member and every checksum. Raises `InputError` where the archive is damaged."""
    with opened(archive) as content:
        left = max_bytes
        for member in content.members:
            left -= member.size
            if left < 0:
                raise _too_large(archive, max_bytes - left, max_bytes)
            if member.open is not None:
                with member.open() or io.BytesIO() as source:
                    while source.read(PIECE):
                        pass


@contextmanager
def opened(archive: Path) -> Iterator[Content]:
    """The members of a zip or tar file, and one message for whatever is wrong with it.

    Raises `InputError` where it is neither, damaged, or cannot be unpacked here.
    """
    try:
        # By the first bytes: a tar file of zip files also ends like one.
        with archive.open("rb") as stream:
            zipped = stream.read(2) == b"PK"
        if zipped:
            with zipfile.ZipFile(archive) as content:
                members = content.infolist()
                total = sum(member.file_size for member in members)
                yield Content(_zip_members(archive, content), total)
        else:
            with _tar(archive) as packed:
                yield Content(_tar_members(archive, packed), None)
    except UnicodeError as error:
        raise InputError(
            f"{archive}: damaged archive, or one with a name in another code page than it says or "
            f"than this machine can store ({error}). Download it again, or unpack it with another "
            "program and say where the folder lies."
        ) from error
    except DAMAGED as error:
        raise InputError(f"{archive}: damaged archive ({error}). Download it again.") from error
    except NotImplementedError as error:  # deflate64 and the like
        raise InputError(
            f"{archive}: this archive cannot be unpacked here ({error}). Unpack it with another "
            "program and say where the folder lies."
        ) from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the beginning of the file
            raise
        raise InputError(
            f"{archive}: damaged archive (it refers to places outside itself). Download it again."
        ) from error


def _zip_name(member: zipfile.ZipInfo) -> str:
    """A member's name: UTF-8 where it is that (macOS does not say so), else the old code page.

    `zipfile` ends it at a NUL; here it stays, and is refused.
    """
    name = member.orig_filename
    if member.flag_bits & UTF8:
        return name
    try:
        return name.encode(OLD_CODE_PAGE).decode("utf-8")
    except UnicodeDecodeError:
        return name


def _zip_members(archive: Path, content: zipfile.ZipFile) -> Iterator[Member]:
    for member in content.infolist():
        name = _zip_name(member)
        if stat.S_ISLNK(member.external_attr >> 16):
            raise InputError(f"{archive}: member {name!r} is a link; not unpacked.")
        if member.flag_bits & 1:
            raise InputError(
                f"{archive}: member {name!r} is encrypted. Unpack it with another "
                "program and say where the folder lies."
            )
        # Some programs on Windows part names with backslashes.
        is_folder = name.endswith(("/", "\\"))
        yield Member(name, member.file_size, None if is_folder else partial(content.open, member))


def _tar(archive: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(archive, tarinfo=_Header)
    except tarfile.TarError as error:
        raise InputError(f"{archive}: expected a zip or tar archive.") from error


def _tar_members(archive: Path, content: tarfile.TarFile) -> Iterator[Member]:
    while member := content.next():  # one pass: going back in a packed stream is reading it again
        if not member.isdir() and not member.isfile():
            raise InputError(
                f"{archive}: member {member.name!r} is a link or a device; not unpacked."
            )
        opener = None if member.isdir() else partial(content.extractfile, member)
        yield Member(member.name, member.size, opener)
    padding = 0
    while content.fileobj is not None and (piece := content.fileobj.read(PIECE)):
        padding += len(piece)  # to the end, where gzip has its checksum
        if padding > PADDING_BYTES:
            raise tarfile.ReadError(f"more than {PADDING_BYTES:,} bytes after its end")


class _Header(tarfile.TarInfo):
    """A header that tells what `tarfile` overlooks or believes.

    It takes a damaged header, or the end of the file without a mark, for the end of the archive and
    leaves out what follows; it reads names and maps of holes of any size into memory.
    """

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile_)
        except (
            tarfile.InvalidHeaderError,  # type: ignore[attr-defined]  # typeshed leaves it out
            tarfile.TruncatedHeaderError,  # type: ignore[attr-defined]  # and this
            tarfile.EmptyHeaderError,  # type: ignore[attr-defined]  # and this
        ) as error:
            raise tarfile.ReadError(f"{error}: it ends without its mark, or is cut") from error

    def _proc_member(self, tarfile_: tarfile.TarFile) -> Any:
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise _holes(self)
        if self.type in _ABOUT_THE_NEXT and self.size > HEADER_BYTES:
            raise tarfile.ReadError(f"a name or attributes of {self.size:,} bytes")
        return super()._proc_member(tarfile_)  # type: ignore[misc]  # typeshed leaves it out

    def _refuse(self, next_: tarfile.TarInfo, *_: object) -> None:
        raise _holes(next_)

    # How GNU tar marks files with holes in attributes, three versions of it.
    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _refuse


def _holes(member: tarfile.TarInfo) -> NotImplementedError:
    return NotImplementedError(f"member {_short(member.name)} is a file with holes, sparse")


_ABOUT_THE_NEXT = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


def inside(name: str, root: Path, archive: Path) -> Path:
    """Where a member goes. Raises `InputError` where that is not below `root`, and for a name that
    no folder can hold."""
    plain = name.replace("\\", "/")
    if "\0" in plain or len(plain.split("/")) > DEPTH:
        what = "a NUL in its name" if "\0" in plain else f"more than {DEPTH} folders in each other"
        raise InputError(
            f"{archive}: member {_short(name)} has {what}. The archive is broken or hostile; "
            "nothing was unpacked."
        )
    target = (root / plain).resolve()
    if (
        plain.startswith("/")
        or ":" in plain.split("/")[0]
        or not target.is_relative_to(root.resolve())
    ):
        raise InputError(
            f"{archive}: member {_short(name)} would be written outside the folder. "
            "The archive is broken or hostile; nothing was unpacked."
        )
    return target


def _short(name: str) -> str:
    return repr(name if len(name) <= 200 else f"{name[:200]}...")


class _Names:
    """Each file once: the second of two with one name would hide the first."""

    def __init__(self, archive: Path) -> None:
        self.archive = archive
        self.known: set[str] = set()

    def take(self, member: Member) -> None:
        """Raises `InputError` for a name that is there, also in other bytes for the same letters
        (NFC and NFD are one file on some machines and two on others)."""
        if member.open is None:
            return
        plain = unicodedata.normalize("NFC", Path(member.name.replace("\\", "/")).as_posix())
        if plain in self.known:
            raise InputError(
                f"{self.archive}: member {_short(member.name)} is there twice (or another whose "
                "name is written with the same letters); not unpacked."
            )
        self.known.add(plain)


@dataclass(slots=True)
class _Room:
    """What may still be written."""

    archive: Path
    folder: Path
    most: int
    taken: int = 0

    def take(self, size: int) -> None:
        """Raises `InputError` where it is more than allowed, `DiskFullError` where more than is
        free."""
        self.taken += size
        if self.taken > self.most:
            raise _too_large(self.archive, self.taken, self.most)
        if size > (free := shutil.disk_usage(self.folder).free):
            raise DiskFullError(
                f"{self.archive}: unpacks to {self.taken:,} bytes, {free:,} are free in "
                f"{self.folder.parent}. Nothing was unpacked. Free some space, or choose a folder "
                "on a larger disk."
            )


def _too_large(archive: Path, total: int, most: int) -> InputError:
    return InputError(f"{archive}: unpacks to {total:,} bytes, more than {most:,} allowed.")


def _put(archive: Path, member: Member, target: Path) -> None:
    """Write one member, or make its folder."""
    try:
        if member.open is None:
            target.mkdir(parents=True, exist_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        stream = target.open("wb")
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise InputError(
            f"{archive}: member {member.name!r} is a file and a folder; not unpacked."
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ):
            raise
        raise InputError(
            f"{archive}: member {_short(member.name)} has a name that this machine cannot store "
            f"({error.strerror}); not unpacked."
        ) from error
    with stream, member.open() or io.BytesIO() as source:
        shutil.copyfileobj(source, stream, PIECE)
