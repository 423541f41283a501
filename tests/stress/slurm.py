"""Trouble on a cluster of two nodes while a run is worked off: the same command then ends it.

One trouble a try, at any moment: a task is requeued, suspended, cancelled or killed, a node goes
down, the waiting command is asked to end or killed. Then the cluster is whole again, the command is
given once more, and what was measured is what one process measures. No task outlives the command
that it belongs to, unless that was killed.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random

from .cluster import cluster, jobs, lacking, left, sinfo
from .commands import Left, NotHereError, Started, commands, differing
from .limits import TOLD

ASKED = ["--device", "cpu", "--slurm", "--slurm-set", "mem=2G", "--slurm-set", "time=5"]
PATIENCE_S = 120.0  # for tasks to go and nodes to come back
NODES = ("n1", "n2")


class Attack:
    def __init__(self, scratch: Path, stack: ExitStack) -> None:
        if lacks := lacking():
            raise NotHereError(", ".join(lacks))
        self.scratch = scratch
        (scratch / "slurm").mkdir()
        self.config = stack.enter_context(cluster(scratch / "slurm"))
        (alone,) = (c for c in commands(stack) if c.name == "run")
        alone.arguments[alone.arguments.index("--limit") + 1] = "24"
        self.command = dataclasses.replace(alone, arguments=[*alone.arguments, *ASKED])
        folder = alone.folder(scratch / "alone")
        began = time.monotonic()
        code, said = alone.started(folder).ended()
        self.wall_s = time.monotonic() - began
        self.whole: Left = alone.left(folder)
        assert code == 0, said

    def __call__(self, random: Random) -> str | None:
        troubles: list[Callable[[Random, Started], str]] = [
            _requeued, _suspended, _cancelled, _node_down, self._task_killed, _asked, _killed,
        ]  # fmt: skip
        folder = self.command.folder(self.scratch / "registry")
        started = self.command.started(folder)
        # A task takes about as long as the command alone, once it was given a node.
        time.sleep(random.uniform(0.2, 2.0) * self.wall_s)
        told = random.choice(troubles)(random, started)
        code, said = started.ended()
        if code not in (*TOLD, -signal.SIGKILL) or "Traceback" in said or "internal error" in said:
            return f"{told}: exit {code}: {said[-400:]}"
        if code == -signal.SIGKILL:
            _control("scancel", "--user", "root")
        if not _soon(lambda: not jobs()):
            return f"{told}: exit {code}, tasks left: {jobs()}"
        for node in NODES:
            _control("scontrol", "update", f"NodeName={node}", "State=RESUME")
        if not _soon(lambda: sinfo(dict(os.environ)).count("idle") == len(NODES)):
            return f"{told}: the nodes do not come back: {sinfo(dict(os.environ))}"
        code, said = self.command.started(folder).ended()
        if code:
            return f"{told}: then exit {code}: {said[-400:]}"
        differ = differing(self.command.left(folder), self.whole)
        return f"{told}: other bytes in {differ[:5]}" if differ else None

    def _task_killed(self, random: Random, started: Started) -> str:
        tasks = [n for n in left(self.config) if b"reproduce" in _words(n)]
        tasks = [n for n in tasks if n != started.process.pid]
        if not tasks:
            return "no task to kill yet"
        with suppress(OSError):
            os.kill(random.choice(tasks), signal.SIGKILL)
        return "a task killed"


def _requeued(random: Random, _: Started) -> str:
    task = _task(random)
    _control("scontrol", "requeue", task)
    return f"task {task} requeued"


def _suspended(random: Random, _: Started) -> str:
    task = _task(random)
    _control("scontrol", "suspend", task)
    time.sleep(random.uniform(0, 3))
    _control("scontrol", "resume", task)
    return f"task {task} suspended for a while"


def _cancelled(random: Random, _: Started) -> str:
    task = _task(random)
    task = random.choice((task, task.partition("_")[0]))
    _control("scancel", task)
    return f"{task} cancelled"


def _node_down(random: Random, _: Started) -> str:
    node = random.choice(NODES)
    _control("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=attack")
    time.sleep(random.uniform(0, 5))
    _control("scontrol", "update", f"NodeName={node}", "State=RESUME")
    return f"node {node} down for a while"


def _asked(random: Random, started: Started) -> str:
    ending = random.choice((signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
    started.process.send_signal(ending)
    return f"{ending.name} to the command"


def _killed(_: Random, started: Started) -> str:
    started.process.kill()
    return "the command killed"


def _task(random: Random) -> str:
    """A task that waits or runs, as `squeue` names it; "0" where there is none."""
    return random.choice([job.split()[0] for job in jobs()] or ["0"])


def _control(*words: str) -> None:
    """Ask Slurm, which may refuse: there may be nothing left to trouble."""
    subprocess.run(words, capture_output=True)


def _soon(true: Callable[[], bool]) -> bool:
    """Whether it comes true within the patience."""
    end = time.monotonic() + PATIENCE_S
    while not (met := true()) and time.monotonic() < end:
        time.sleep(0.3)
    return met


def _words(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""
