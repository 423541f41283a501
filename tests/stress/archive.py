"""Unpack odd, broken and hostile archives: files inside the folder, or a message and nothing."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from random import Random

from catalog.errors import InputError
from reproduce.obtaining.archives import read_through, unpack

from .packing import HOSTILE

MOST_BYTES = 8 << 20


class Attack:
    def __init__(self, scratch: Path, _: ExitStack) -> None:
        self.scratch = scratch

    def __call__(self, random: Random) -> str | None:
        make = random.choice(HOSTILE)
        content = make(random)
        broke = unpacked(self.scratch / "try", content)
        return broke and f"{make.__name__}, {len(content)} bytes: {broke}"


def unpacked(place: Path, content: bytes) -> str | None:
    """Unpack one; what broke, or None."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    archive = place / "x.archive"
    archive.write_bytes(content)
    try:
        read_through(archive, MOST_BYTES)
        whole = True
    except InputError:
        whole = False
    except Exception as error:
        return f"reading: {type(error).__name__}: {error}"
    try:
        files = unpack(archive, place / "out", MOST_BYTES)
    except InputError as error:
        left = [path.name for path in place.iterdir() if path != archive]
        if left:
            return f"refused, and left {left}"
        return None if str(archive) in str(error) else f"does not name the file: {error}"
    except Exception as error:
        return f"unpacking: {type(error).__name__}: {error}"
    if sum(path.stat().st_size for path in files) > MOST_BYTES:
        return "unpacked more than allowed"
    return None if whole else "unpacked what cannot be read through"
