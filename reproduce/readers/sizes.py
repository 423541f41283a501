"""How much a file says it holds, asked before any memory is taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from catalog.errors import InputError
from reproduce.ground.limits import gib_named

LIMIT = "SAM4MIS_FILE_GIB"
LIMIT_GIB = 2.0


def need_room(path: Path, shape: Sequence[int], bytes_each: int, what: str = "it") -> None:
    """Raise `InputError` where an array that a file declares is empty or larger than the limit.

    shape, bytes_each  as the header says;  what  of the file it is, for messages
    """
    told = "x".join(map(str, shape))
    if any(size < 1 for size in shape):
        raise InputError(f"{path}: {what} has the shape {told}: there is nothing in it.")
    size, limit = math.prod(map(int, shape)) * bytes_each / 2**30, gib_named(LIMIT, LIMIT_GIB)
    if size > limit:
        raise InputError(
            f"{path}: {what} opens to {size:,.1f} GiB ({told}), and {limit:g} GiB are allowed a "
            f"file; nothing was read. If that is right, allow more and repeat the command: "
            f"export {LIMIT}={math.ceil(size)}"
        )
