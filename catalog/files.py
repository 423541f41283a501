"""Files that are there whole or not at all, and locks that end with the process that holds them.

with lock(path) as mine: ...        # waits; `lock(path, 0)` asks once
write_whole(path, content)          # readers see the old file or the new one
with whole(path) as temporary: ...  # the same for a library that writes files itself
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.errors import InputError

FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFullError(InputError):
    """There is no room for what is to be written; what was read is not at fault."""


@contextmanager
def disk_full_told(path: Path) -> Iterator[None]:
    """Turn "no space left" into a `DiskFullError` that names the place and the way out."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL and "No space left" not in str(error):
            raise
        raise DiskFullError(
            f"{path}: the disk is full. What was finished is kept and the file was not written. "
            "Free some space (or choose another place with --out, --to or SAM4MIS_CACHE) and give "
            "the same command again; it goes on where it stopped."
        ) from error


@contextmanager
def lock(path: Path, wait_s: float = -1) -> Iterator[bool]:
    """Hold the lock at `path`; yields False where another process kept it for `wait_s` seconds.

    The system frees it when a process dies, however it dies. -1 waits as long as it takes. Raises
    `OSError` where the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(path)
    with contextlib.suppress(Timeout):
        held.acquire(timeout=wait_s)
    try:
        yield held.is_locked
    finally:
        held.release()


@contextmanager
def whole(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """A new file beside `path` to be written; it replaces `path` once it is on the disk.

    A link stays a link, and the permissions of an old file stay. Whatever is raised inside leaves
    the old file and no rubbish. Not `durable`: after a power cut the file may be lost (caches).
    """
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if durable:
            _sync(temporary)
        if target.exists():
            shutil.copymode(target, temporary)
        else:
            temporary.chmod(0o644)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    if durable:
        with contextlib.suppress(OSError):  # some file systems cannot sync a folder
            _sync(target.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by `content`: readers see the old one or the new one, never a part.

    What is there and is no file (a device, a pipe) takes the content and stays what it is.

    Raises `InputError` where the disk is full (`DiskFullError`) or the folder cannot be written;
    the old file is then untouched.
    """
    try:
        with disk_full_told(path):
            if path.exists() and not (path.is_file() or path.is_dir()):
                path.write_bytes(content)
                return
            with whole(path) as temporary:
                temporary.write_bytes(content)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {error.strerror}; what was there is untouched."
        ) from error
