"""The same command, or two commands on one cache, several times at once: nothing is lost.

Writers of one file wait for each other; what they leave together is what one leaves alone, and for
writers of different works all of the works.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from random import Random

import yaml

from .commands import Command, Left, commands, differing


class Attack:
    def __init__(self, scratch: Path, stack: ExitStack) -> None:
        self.scratch = scratch
        self.commands = [c for c in commands(stack) if c.name != "two workers"]
        self.alone: dict[str, Left] = {}

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
        told = f"{command.name}, {writers} at once"
        for _ in range(command.runs):
            ended = [each.ended() for each in [command.started(folder) for _ in range(writers)]]
        for code, said in ended:
            if code not in (0, 1, 3) or "Traceback" in said:
                return f"{told}: exit {code}: {said[-400:]}"
        code, said = command.started(folder).ended()
        if code not in (0, command.done):
            return f"{told}, and once more: exit {code}: {said[-400:]}"
        differ = differing(command.left(folder), self.alone[command.name])
        return f"{told}: other bytes in {differ[:5]}" if differ else None

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
