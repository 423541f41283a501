"""How much a file says it holds, asked before any memory is taken."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from catalog.errors import InputError, UsageError

LIMIT = "SAM4MIS_FILE_GIB"
LIMIT_GIB = 2.0


def need_room(path: Path, shape: Sequence[int], bytes_each: int, what: str = "it") -> None:
    """Raise `InputError` where an array that a file declares is empty or larger than the limit.

    shape, bytes_each  as the header says;  what  of the file it is, for messages
    """
    told = "x".join(map(str, shape))
    if any(size < 1 for size in shape):
        raise InputError(f"{path}: {what} has the shape {told}: there is nothing in it.")
    size, limit = math.prod(map(int, shape)) * bytes_each / 2**30, _limit_gib()
    if size > limit:
        raise InputError(
            f"{path}: {what} opens to {size:,.1f} GiB ({told}), and {limit:g} GiB are allowed a "
            f"file; nothing was read. If that is right, allow more and repeat the command: "
            f"export {LIMIT}={math.ceil(size)}"
        )


def _limit_gib() -> float:
    """$SAM4MIS_FILE_GIB, 2 unless set."""
    named = os.environ.get(LIMIT, str(LIMIT_GIB))
    try:
        limit = float(named)
    except ValueError:
        limit = -1.0
    if not 0 < limit < math.inf:
        raise UsageError(f"{LIMIT}={named}: expected a number of GiB above 0, such as 4.")
    return limit
