"""Unpack archives of weights or data without letting anything out of the folder."""

from __future__ import annotations

import shutil
import stat
import tarfile
import tempfile
import zipfile
from pathlib import Path

from catalog.errors import InputError
from reproduce.running.files import disk_full_told

MAX_BYTES = 1 << 40
ARCHIVES = ("a zip archive", "a tar archive", "a gzip archive")  # as `loading.sniff` calls them
WEIGHTS = (".pth", ".pt", ".ckpt", ".safetensors", ".bin")


def weights_inside(archive: Path) -> Path:
    """The one weights file of an archive, unpacked once into the cache by the archive's hash.

    Raises `InputError` where the archive holds none or several.
    """
    from filelock import FileLock

    from reproduce.obtaining.cache import cache_folder
    from reproduce.reading import sha256_of

    folder = cache_folder() / "unpacked" / sha256_of(archive)
    with disk_full_told(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
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
    links, devices, more than `max_bytes`, a damaged file, or a folder with something in it.
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
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise InputError(f"{archive}: damaged archive ({error}). Download it again.") from error
    finally:
        shutil.rmtree(working, ignore_errors=True)
    return sorted(path for path in folder.rglob("*") if path.is_file())


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
        _check_size(archive, sum(member.file_size for member in members), max_bytes)
        for member in members:
            target = inside(member.filename, folder, archive)
            if stat.S_ISLNK(member.external_attr >> 16):
                raise InputError(f"{archive}: member {member.filename!r} is a link; not unpacked.")
            if member.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with content.open(member) as source, target.open("wb") as stream:
                shutil.copyfileobj(source, stream)


def _untar(archive: Path, folder: Path, max_bytes: int) -> None:
    with tarfile.open(archive) as content:
        members = content.getmembers()
        _check_size(archive, sum(member.size for member in members), max_bytes)
        for member in members:
            target = inside(member.name, folder, archive)
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            source = content.extractfile(member) if member.isfile() else None
            if source is None:
                raise InputError(
                    f"{archive}: member {member.name!r} is a link or a device; not unpacked."
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            with source, target.open("wb") as stream:
                shutil.copyfileobj(source, stream)


def _check_size(archive: Path, total: int, max_bytes: int) -> None:
    if total > max_bytes:
        raise InputError(f"{archive}: unpacks to {total:,} bytes, more than {max_bytes:,} allowed.")
