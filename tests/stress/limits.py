"""Commands on a poor machine: they do their work, or say in words what is missing.

Little memory, few open files, small files only (as on a full disk), no home, an odd
language, a folder with an odd name or one that is gone, signals in the middle. Afterwards, with
everything there, the same command does its work.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

from .commands import Command, Left, commands, differing

TOLD = (0, 1, 2, 3, 130, 141)
Poor = tuple[str, dict[str, Any]]  # what is poor in words, options of Popen
ODD_NAMES = ("with space", "quote's", "ünïcode", "-dash", "line\nbreak", "a" * 200, "$HOME", "{}")


def _limited(kind: int, most: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(kind, (most, most))


def _poor(random: Random) -> Poor:
    choices: list[Callable[[], Poor]] = [
        lambda: (
            f"{(mib := random.choice((150, 300, 600, 1200, 2048)))} MiB of addresses",
            {"preexec_fn": _limited(resource.RLIMIT_AS, mib << 20)},
        ),
        lambda: (
            f"{(files := random.choice((8, 12, 20, 40)))} open files",
            {"preexec_fn": _limited(resource.RLIMIT_NOFILE, files)},
        ),
        lambda: (
            f"files of {(size := random.choice((0, 100, 4096, 100_000)))} bytes at most",
            {"preexec_fn": _limited(resource.RLIMIT_FSIZE, size)},
        ),
        lambda: ("no home", {"env": {"HOME": "/nonexistent", "XDG_CACHE_HOME": ""}}),
        lambda: ("the language C", {"env": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"}}),
        lambda: ("no terminal width", {"env": {"COLUMNS": "1", "TERM": "dumb"}}),
        lambda: ("a zone far away", {"env": {"TZ": random.choice(("Pacific/Kiritimati", "odd"))}}),
        lambda: ("a cache that is a file", {"env": {"SAM4MIS_CACHE": "/dev/null/x"}}),
        lambda: ("a cache below /proc", {"env": {"SAM4MIS_CACHE": "/proc/cache"}}),
        lambda: ("no folder to stand in", {"preexec_fn": _gone}),
        lambda: ("closed input", {"stdin": None, "preexec_fn": lambda: os.close(0)}),
    ]
    return random.choice(choices)()


def _gone() -> None:
    Path("gone").mkdir()
    os.chdir("gone")
    Path("../gone").rmdir()


class Attack:
    def __init__(self, scratch: Path, stack: ExitStack) -> None:
        self.scratch = scratch
        self.commands = [c for c in commands(stack) if c.name not in ("run", "two workers")]
        self.alone: dict[str, Left] = {}

    def __call__(self, random: Random) -> str | None:
        command = random.choice(self.commands)
        name = random.choice(("registry", "registry", *ODD_NAMES))
        folder = command.folder(self.scratch / name)
        if random.random() < 0.2:
            ending = random.choice((signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE))
            told = f"{command.name} in {name!r}, {ending.name} in the middle"
            started = command.started(folder)
            time.sleep(random.uniform(0, 1.5))
            started.process.send_signal(ending)
            code, said = started.ended()
            allowed = (*TOLD, -ending)
        else:
            poor, options = _poor(random)
            told = f"{command.name} in {name!r}, {poor}"
            try:
                code, said = command.started(folder, **options).ended()
            except subprocess.SubprocessError:
                return None  # the process itself could not begin
            allowed = (*TOLD, -signal.SIGXFSZ)
        if code not in allowed or "Traceback" in said or "internal error" in said:
            return f"{told}: exit {code}: {said[-400:]}"
        return self._then(command, folder, told)

    def _then(self, command: Command, folder: Path, told: str) -> str | None:
        """With everything there it does its work."""
        if command.name not in self.alone:
            alone = command.folder(self.scratch / "alone")
            for _ in range(command.runs):
                command.started(alone).ended()
            self.alone[command.name] = command.left(alone)
        for _ in range(command.runs):
            code, said = command.started(folder).ended()
        if code not in (0, command.done):
            return f"{told}: then exit {code}: {said[-400:]}"
        differ = differing(command.left(folder), self.alone[command.name])
        return f"{told}: then other bytes in {differ[:5]}" if differ else None
