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
    place /= "here"
    place.mkdir(parents=True)
    archive = place / "x.archive"
    (place / "out").mkdir()
    beside = [place.parent / "out", place / "kept"]  # what a name that climbs out would write over
    for path in beside:
        path.write_bytes(b"kept")
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
        left = _beside(place, archive, beside) + [path.name for path in (place / "out").iterdir()]
        if left:
            return f"refused, and left {left}"
        return None if str(archive) in str(error) else f"does not name the file: {error}"
    except Exception as error:
        return f"unpacking: {type(error).__name__}: {error}"
    if sum(path.stat().st_size for path in files) > MOST_BYTES:
        return "unpacked more than allowed"
    if wrote := _beside(place, archive, beside):
        return f"wrote outside its folder: {wrote}"
    found = sorted(path for path in (place / "out").rglob("*") if not path.is_dir())
    if found != files or any(path.is_symlink() for path in found):
        return f"unpacked {found[:5]} and says {files[:5]}"
    return None if whole else "unpacked what cannot be read through"


def _beside(place: Path, archive: Path, beside: list[Path]) -> list[str]:
    """What is there that was not, or is not what it was, outside of the folder `out`."""
    known = {archive, place / "out", place, *beside}
    found = {path for folder in (place, place.parent) for path in folder.iterdir()}
    changed = [path for path in beside if not path.is_file() or path.read_bytes() != b"kept"]
    return sorted(path.name for path in (found ^ known) | set(changed))
