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
        elsewhere = [each for each in found if folder.name not in each.place]
        return f"{folder.name}: {told}: told of another place: {elsewhere}" if elsewhere else None
