"""Kill a command at any moment; the same command then ends as if nothing had happened.

Half of the kills fall on a change of a file (`dying.py`), the other half on a moment of the clock,
its workers included. What a command leaves is compared byte for byte with what it leaves when it
is not disturbed.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

from .commands import ENDS_S, Command, Left, commands, differing


@dataclass(frozen=True)
class Undisturbed:
    """What a command leaves, how many changes of files it makes and how long it takes."""

    left: Left
    changes: int
    wall_s: float


class Attack:
    def __init__(self, scratch: Path, stack: ExitStack) -> None:
        self.scratch = scratch
        self.commands = list(commands(stack))
        self.known: dict[str, Undisturbed] = {}

    def __call__(self, random: Random) -> str | None:
        command = random.choice(self.commands)
        if command.name not in self.known:
            found = self._undisturbed(command)
            if isinstance(found, str):
                return f"{command.name}, undisturbed: {found}"
            self.known[command.name] = found
        whole = self.known[command.name]
        folder = command.folder(self.scratch / "registry")
        if random.random() < 0.5:
            number = random.randrange(1, whole.changes + 1)
            told = f"{command.name}, killed at change {number} of {whole.changes}"
            self._run(command, folder, number=number)
        else:
            after_s = random.uniform(0, 1.1 * whole.wall_s)
            told = f"{command.name}, killed after {after_s:.2f} s of {whole.wall_s:.2f}"
            self._run(command, folder, within_s=after_s)
        code, said = self._to_the_end(command, folder)
        if code not in (0, command.done):
            return f"{told}: then exit {code}: {said[-400:]}"
        differ = differing(command.left(folder), whole.left)
        return f"{told}: other bytes in {differ[:5]}" if differ else None

    def _undisturbed(self, command: Command) -> Undisturbed | str:
        folder = command.folder(self.scratch / "registry")
        began = time.monotonic()
        self._run(command, folder)
        wall_s = time.monotonic() - began
        changes = int((self.scratch / "counted").read_text())
        folder = command.folder(folder)
        code, said = self._to_the_end(command, folder)
        left = command.left(folder)
        if code or not left:
            return f"exit {code}, left {sorted(left)[:5]}: {said[-400:]}"
        return Undisturbed(left, changes, wall_s)

    def _to_the_end(self, command: Command, folder: Path) -> tuple[int, str]:
        for _ in range(command.runs):
            code, said = self._run(command, folder)
            if code:
                break
        return code, said

    def _run(
        self, command: Command, folder: Path, *, number: int = 0, within_s: float = ENDS_S
    ) -> tuple[int, str]:
        counted = str(self.scratch / "counted")
        program = [sys.executable, "-m", "tests.stress.dying", str(number), counted, "--"]
        return command.started(folder, program).ended(within_s)
