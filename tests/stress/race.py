"""The same command, or two commands on one cache, several times at once: nothing is lost.

Writers of one file wait for each other; what they leave together is what one leaves alone, and for
writers of different works all of the works. Some of them are of another version of the program.
"""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import yaml

from .commands import ROOT, Command, Left, commands, differing


class Attack:
    def __init__(self, scratch: Path, stack: ExitStack) -> None:
        self.scratch = scratch
        self.commands = [c for c in commands(stack) if c.name != "two workers"]
        self.alone: dict[str, Left] = {}
        self.other = _another_version(scratch / "other")

    def __call__(self, random: Random) -> str | None:
        writers = random.choice((2, 2, 3, 8))
        if random.random() < 0.3:
            return self._different_works(writers)
        command = random.choice(self.commands)
        if command.name not in self.alone:
            folder = command.folder(self.scratch / "alone")
            for _ in range(command.runs):
                command.started(folder).ended()
            self.alone[command.name] = command.left(folder)
        folder = command.folder(self.scratch / "registry")
        versions = [random.random() < 0.3 for _ in range(writers)]
        told = f"{command.name}, {writers} at once, {sum(versions)} of another version"
        for _ in range(command.runs):
            started = [command.started(folder, **self._as(other)) for other in versions]
            ended = [each.ended() for each in started]
        for code, said in ended:
            if code not in (0, 1, 3) or "Traceback" in said:
                return f"{told}: exit {code}: {said[-400:]}"
        code, said = command.started(folder).ended()
        if code not in (0, command.done):
            return f"{told}, and once more: exit {code}: {said[-400:]}"
        differ = differing(command.left(folder), self.alone[command.name])
        return f"{told}: other bytes in {differ[:5]}" if differ else None

    def _as(self, other: bool) -> dict[str, Any]:
        """Options of a process that is of the other version."""
        path = os.pathsep.join([str(self.other), os.environ.get("PYTHONPATH", "")])
        return {"env": {"PYTHONPATH": path}} if other else {}

    def _different_works(self, writers: int) -> str | None:
        def given(folder: Path) -> None:
            for number in range(writers):
                (folder / f"{number}.bib").write_text(
                    f"@misc{{a, title = {{Organ {number} by SAM}}, author = {{A B and C D}}, "
                    f"year = 2026, eprint = {{2611.{number:05d}}}, archivePrefix = {{arXiv}}}}"
                )

        add = Command("add", [], given, lambda _: {})
        folder = add.folder(self.scratch / "registry")
        started = []
        for number in range(writers):
            add.arguments = ["add", f"{{}}/{number}.bib", "--yes"]
            started.append(add.started(folder))
        ended = [each.ended() for each in started]
        if failed := [said for code, said in ended if code]:
            return f"{writers} writers of different works: {failed[0][-400:]}"
        found = {p["title"] for p in yaml.safe_load((folder / "papers.yaml").read_text())["papers"]}
        wanted = {f"Organ {number} by SAM" for number in range(writers)}
        return None if found == wanted else f"{writers} writers: lost {wanted - found}"


def _another_version(folder: Path) -> Path:
    """The program with other code where records and runs are read: what it keeps in a cache is not
    what this one keeps there."""
    for name in ("catalog", "reproduce", "sam4mis"):
        without = shutil.ignore_patterns("__pycache__", "results")
        shutil.copytree(ROOT / name, folder / name, ignore=without)
    for path in ("catalog/records/papers.py", "reproduce/runs/spec.py"):
        with (folder / path).open("a", encoding="utf-8") as code:
            code.write("\n# another version\n")
    return folder
