"""Commands on a poor machine: they do their work, or say in words what is missing.

Little memory, few open files, small files only (as on a full disk), places that are read-only, no
home, a user without a name, an odd language, a folder with an odd name or one that is gone, closed
streams, a clock that is wrong, signals in the middle. Afterwards, with everything there, the same
command does its work.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from .commands import ENDS_S, Command, Left, commands, differing

TOLD = (0, 1, 2, 3, 130, 141)
Poor = tuple[str, dict[str, Any]]  # what is poor in words, options of Popen
PYTHON = [sys.executable, "-m", "catalog"]
SHELL = ("sh", "-c")
READ_ONLY = """for place; do [ "$place" = -- ] && break; mkdir -p "$place"
mount --bind "$place" "$place" && mount -o remount,bind,ro "$place" || exit 97; done
while [ "$1" != -- ]; do shift; done; shift; cd "$PWD"; exec "$@"
"""
NAMELESS = ("unshare", "--user", "--map-user=12345", "env", "-u", "HOME", "-u", "XDG_CACHE_HOME")
STREAMS = {">&-": "output", "2>&-": "errors", ">&- 2>&-": "output and errors", "<&-": "input"}
EPOCHS = ("0", "-1", "9" * 11, "9" * 30, "soon", "", "1e9", "\u00b2")
DAYS = (-20_000, -1, 1, 60_000)  # that a clock is wrong by: 1972, yesterday, tomorrow, 2190
WRONG_CLOCK = """import runpy, sys, time
seconds, nanoseconds = time.time, time.time_ns
time.time = lambda: seconds() + {days} * 86400
time.time_ns = lambda: nanoseconds() + {days} * 86400 * 10**9
sys.argv[0] = "catalog"
runpy.run_module("catalog", run_name="__main__", alter_sys=True)
"""
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
        lambda: redirected(random.choice(list(STREAMS))),
        lambda: redirected(random.choice((">/dev/full", "2>/dev/full"))),
        lambda: (
            f"a clock wrong by {(days := random.choice(DAYS))} days",
            {"program": [sys.executable, "-c", WRONG_CLOCK.format(days=days)]},
        ),
        lambda: (
            f"SOURCE_DATE_EPOCH={(epoch := random.choice(EPOCHS))!r}",
            {"env": {"SOURCE_DATE_EPOCH": epoch}},
        ),
    ]
    if may(*NAMELESS):
        choices += [
            lambda: ("a user without a name, no home", {"program": [*NAMELESS, *PYTHON]}),
            lambda: (
                "a user without a name, no home, no cache named",
                {"program": [*NAMELESS, "-u", "SAM4MIS_CACHE", *PYTHON]},
            ),
        ]
    if alone := mounting():
        choices += [lambda: read_only(alone, random.choice(PLACES))] * 3
    return random.choice(choices)()


PLACES = (
    ("",), ("cache",), ("build", "self"), ("projects",), ("reproduce", "catalog"), ("", "/tmp"),
)  # fmt: skip


def read_only(alone: tuple[str, ...], places: tuple[str, ...]) -> Poor:
    """Root may write whatever its bits say, so that the places are mounted read-only."""
    inside = [place if place.startswith("/") else f"{{}}/{place}" for place in places]
    told = " and ".join(place or "the registry" for place in places)
    return f"{told} read-only", {
        "program": [*alone, *SHELL, READ_ONLY, "sh", *inside, "--", *PYTHON]
    }


def redirected(streams: str) -> Poor:
    told = f"closed {STREAMS[streams]}" if streams in STREAMS else f"a full disk at {streams}"
    return told, {"program": [*SHELL, f'exec "$@" {streams}', "sh", *PYTHON]}


@cache
def may(*program: str) -> bool:
    """Whether this machine lets us do so (namespaces of users and mounts are not everywhere)."""
    try:
        return not subprocess.run([*program, "true"], capture_output=True, check=False).returncode
    except OSError:
        return False


def mounting() -> tuple[str, ...] | None:
    """What a program is started by to have mounts of its own; None: that may not be done."""
    ways = (("unshare", "-m"), ("unshare", "--user", "--map-root-user", "-m"))
    test = (*SHELL, "mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp")
    return next((way for way in ways if may(*way, *test)), None)


def _aged(folder: Path, days: float) -> None:
    """As if every file in it had been written on a machine whose clock was wrong."""
    at = time.time() + days * 86400
    for path in folder.rglob("*"):
        os.utime(path, (at, at), follow_symlinks=False)


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
            poor = _poor(random)
            if random.random() < 0.1:  # what is there was written under another clock
                days = random.choice(DAYS)
                command.started(folder).ended(random.choice((1.0, ENDS_S)))
                _aged(folder, days)
                poor = f"files {days} days away from now", {}
            return self.poorly(command, folder, poor)
        return self._judged(command, folder, told, code, said, allowed)

    def poorly(self, command: Command, folder: Path, poor: Poor) -> str | None:
        """Give a command on a poor machine, and then on a good one."""
        told, options = f"{command.name} in {folder.name!r}, {poor[0]}", dict(poor[1])
        if program := options.get("program"):
            options["program"] = [part.replace("{}", str(folder)) for part in program]
        try:
            code, said = command.started(folder, **options).ended()
        except subprocess.SubprocessError:
            return None  # the process itself could not begin
        return self._judged(command, folder, told, code, said, (*TOLD, -signal.SIGXFSZ))

    def _judged(
        self,
        command: Command,
        folder: Path,
        told: str,
        code: int,
        said: str,
        allowed: Sequence[int],
    ) -> str | None:
        if code not in allowed or "Traceback" in said or "internal error" in said:
            return f"{told}: exit {code}: {said[-400:]}"
        if code == 0 and "SOURCE_DATE_EPOCH" in told:
            return None  # done, and dated as it was told
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
