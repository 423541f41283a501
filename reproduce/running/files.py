"""Files that are there whole or not at all, and a clear message when the disk is full."""

from __future__ import annotations

import errno
import os
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


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it. Raises `InputError` on a full disk."""
    with disk_full_told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part"
        )
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
