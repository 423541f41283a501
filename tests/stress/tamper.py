"""Edit results: the published ones, and one of today that is made first; each must be refused."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from random import Random

from catalog.registry import RESULTS
from reproduce.judging.examining import examine

from .tampering import ROOT, Copy, drawn, made


class Attack:
    def __init__(self, scratch: Path, _: ExitStack) -> None:
        self.scratch = scratch
        self.folders = [*sorted((ROOT / RESULTS).glob("lwnet-*")), made(scratch / "made")]

    def __call__(self, random: Random) -> str | None:
        folder = random.choice(self.folders)
        place = self.scratch / "copy"
        shutil.rmtree(place, ignore_errors=True)
        copy = Copy.of(folder, place)
        told = drawn(copy, random)
        found = examine(copy.folder)
        if not found:
            return f"{folder.name}: {told}"
        if any(each.place and each.path for each in found):  # beside "and 2 more of this kind"
            return None
        return f"{folder.name}: {told}: told without file and field: {found[0]}"
