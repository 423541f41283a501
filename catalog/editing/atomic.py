"""Writing a file whole or not at all, one writer at a time."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog.errors import InputError

LOCK = ".sam4mis/edit.lock"
LOCK_WAIT_S = 60.0


@contextmanager
def edit_lock(root: Path, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """Hold the registry's edit lock. The system frees it when a process dies, however it dies.

    Raises `InputError` where another process keeps it for `wait_s` seconds or the folder cannot
    be written.
    """
    from filelock import FileLock, Timeout

    path = root / LOCK
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        lock.acquire(timeout=wait_s)
    except Timeout as error:
        raise InputError(
            f"{path}: another sam4mis has been editing for {wait_s:.0f} s; nothing was changed. "
            "Try again when it has finished."
        ) from error
    except OSError as error:
        raise InputError(
            f"{path}: cannot lock the registry: {error.strerror}; nothing was changed."
        ) from error
    try:
        yield
    finally:
        lock.release()


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by `content`: readers see the old one or the new one, never a part.

    The new content is on the disk before the name points to it. Raises `InputError` where the disk
    is full or the folder cannot be written; the old file is then untouched.
    """
    target = path.resolve()  # a link stays a link
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        else:
            temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        raise InputError(
            f"{path}: cannot be written: {error.strerror}; what was there is untouched."
        ) from error
    with contextlib.suppress(OSError):  # some file systems cannot sync a folder
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
