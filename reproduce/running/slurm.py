"""An array job whose tasks are the worker command: submitted, watched and ended by `run`.

Shards, locks and atomic files are those of a run on one machine, so the run folder must lie on
storage that all nodes share and whose locks work across nodes (NFS 4, Lustre with flock).

How a task is, is asked where it is known: `squeue` (tasks that wait, run, were requeued, ended a
few minutes ago), then `sacct` where the cluster keeps accounts, then the exit status that each task
leaves in the run folder. A task that none of them knows has ended.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog.cli.output import say
from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.files import write_whole
from reproduce.ground.ending import undisturbed
from reproduce.running.batch_script import Asked, script

POLL_S = 1.0
ASK_S = 60.0  # for an answer of Slurm
NO_SLURM = (
    "--slurm needs sbatch on the PATH: give the command on a login node of your cluster, or leave "
    "--slurm out to run here."
)
ALIVE = {
    "PENDING",
    "CONFIGURING",
    "RUNNING",
    "COMPLETING",
    "SUSPENDED",
    "STOPPED",
    "STAGE_OUT",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "SPECIAL_EXIT",
    "RESIZING",
    "SIGNALING",
}
WAYS_OUT = {
    "TIMEOUT": "ask for more time: --slurm-set time=MINUTES",
    "DEADLINE": "ask for more time: --slurm-set time=MINUTES",
    "OUT_OF_MEMORY": "ask for more memory: --slurm-set mem=32G",
    "CANCELLED": "somebody cancelled it",
    "NODE_FAIL": "a node was lost; give the command again",
    "PREEMPTED": "another job took the node; give the command again",
}


@dataclass(frozen=True, slots=True)
class Task:
    """One task of the array, as Slurm calls its state; `reason`: why it waits."""

    number: int
    state: str
    reason: str = ""

    @property
    def alive(self) -> bool:
        """Whether it may still work."""
        return self.state in ALIVE


def need_slurm() -> None:
    """Raise `PrerequisiteError` where there is no Slurm."""
    if shutil.which("sbatch") is None:
        raise PrerequisiteError(NO_SLURM)


def has_gpus(partition: str | None) -> bool:
    """Whether the nodes of a partition (None: of the default ones) have GPUs, as `sinfo` says."""
    where = ["--partition", partition] if partition else []
    done = _slurm("sinfo", "--noheader", "--format", "%P %G", *where)
    rows = [line.split(" ", 1) for line in done.stdout.splitlines() if " " in line]
    default = [row for row in rows if row[0].endswith("*")]
    return any("gpu" in gres for _, gres in (rows if partition or not default else default))


def run_array(
    folder: Path,
    command: Sequence[str],
    wanted: Asked,
    reached: Callable[[], bool],
    on_look: Callable[[], None] = lambda: None,
) -> None:
    """Submit an array job and wait until `reached` says that all is done. The job ends with this
    call, however that ends; what tasks finished is kept.

    on_look  called about once a second

    Raises `UsageError` with sbatch's own words where it refuses the job, `InputError` where no task
    is left that could go on.
    """
    need_slurm()
    text = script(folder, command, wanted)
    job, told = "", ""
    try:
        with undisturbed():
            job = _submitted(folder, text)
        say(f"Slurm job {job}: {wanted.tasks} tasks, logs in {folder / 'slurm'}")
        while not reached():
            on_look()
            tasks = states(folder, job, wanted.tasks)
            if tasks and not any(task.alive for task in tasks) and not reached():
                raise InputError(_ended(folder, job, tasks))
            now = "squeue does not answer; waiting" if tasks is None else _waiting(tasks)
            if now and now != told:
                say(now)
            told = now
            time.sleep(POLL_S)
        on_look()
    finally:
        if job:
            _slurm("scancel", job)


def _submitted(folder: Path, text: str) -> str:
    """Write the script, hand it to sbatch, and give the job's number."""
    path = folder / "slurm" / "script.sh"
    write_whole(path, text.encode())
    done = _slurm("sbatch", "--parsable", str(path))
    if done.returncode:
        said = " ".join(done.stderr.split()).removeprefix("sbatch: error: ")
        raise UsageError(
            f"sbatch refused the job: {said}\nThe script is {path}; --slurm-set changes what it "
            "asks for."
        )
    return done.stdout.strip().partition(";")[0]


def states(folder: Path, job: str, number: int) -> list[Task] | None:
    """How each task is; None where Slurm does not answer, so that nothing is known."""
    found = _by_squeue(job, number)
    if found is None:
        return None
    if len(found) < number:
        found = {**_by_exit(folder, job, number), **_by_sacct(job), **found}
    return [found.get(n, Task(n, "ENDED")) for n in range(number)]


def _by_squeue(job: str, number: int) -> dict[int, Task] | None:
    done = _slurm(
        "squeue", "--noheader", "--array", "--states=all", "--jobs", job, "--format", "%K|%T|%r"
    )
    if done.returncode:
        # A job that ended some minutes ago is no longer known; anything else is no answer.
        return {} if "Invalid job id" in done.stderr else None
    return _parsed(done.stdout.splitlines(), number)


def _parsed(lines: Sequence[str], number: int) -> dict[int, Task]:
    found: dict[int, Task] = {}
    for line in lines:
        index, _, rest = line.strip().partition("|")
        state, _, reason = rest.partition("|")
        if index.isdecimal() and int(index) < number and state:
            found[int(index)] = Task(int(index), state.split()[0].rstrip("+"), reason)
    return found


def _by_sacct(job: str) -> dict[int, Task]:
    """{} where the cluster keeps no accounts."""
    if shutil.which("sacct") is None:
        return {}
    done = _slurm("sacct", "-X", "--noheader", "--parsable2", "--jobs", job, "-o", "JobID,State")
    if done.returncode:
        return {}
    lines = [re.sub(r"^\d+_(\d+)\|", r"\1|", line) for line in done.stdout.splitlines()]
    return _parsed(lines, 1 << 20)


def _by_exit(folder: Path, job: str, number: int) -> dict[int, Task]:
    found = {}
    for n in range(number):
        path = folder / "slurm" / f"{job}_{n}.exit"
        if path.is_file():
            status = path.read_text("utf-8").strip()
            found[n] = Task(n, "COMPLETED" if status == "0" else "FAILED", f"exit status {status}")
    return found


def _waiting(tasks: Sequence[Task]) -> str:
    """That nothing runs yet, and why; "" where something does or no reason is known."""
    pending = [t for t in tasks if t.state == "PENDING" and t.reason not in ("", "None")]
    if not pending or any(task.state == "RUNNING" for task in tasks):
        return ""
    return f"{len(pending)} of {len(tasks)} tasks wait: {pending[0].reason}"


def _ended(folder: Path, job: str, tasks: Sequence[Task]) -> str:
    """Why a job ended before its work was done, with the last words of a log."""
    counts: dict[str, list[int]] = {}
    for task in tasks:
        counts.setdefault(task.state, []).append(task.number)
    lines = []
    for state, numbers in counts.items():
        way = f" ({WAYS_OUT[state]})" if state in WAYS_OUT else ""
        lines.append(f"  {len(numbers)} of {len(tasks)} tasks: {state.replace('_', ' ')}{way}")
    bad = next((t for t in tasks if t.state not in ("COMPLETED", "ENDED")), tasks[0])
    log = folder / "slurm" / f"{job}_{bad.number}.log"
    last = log.read_text("utf-8", "replace").strip().splitlines()[-1:] if log.is_file() else []
    said = f"Its last words: {last[0]}\n" if last else ""
    return (
        f"Slurm job {job} ended before the run was done:\n" + "\n".join(lines) + f"\n{said}"
        f"Logs: {folder / 'slurm'}. The same command goes on from the finished shards."
    )


def _slurm(*words: str) -> subprocess.CompletedProcess[str]:
    """A command of Slurm; one that does not answer in time has the return code 124."""
    try:
        return subprocess.run(  # noqa: S603 - our own arguments
            words, capture_output=True, text=True, timeout=ASK_S
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 124, "", "no answer")
    except FileNotFoundError:
        return subprocess.CompletedProcess(words, 127, "", f"{words[0]} is not installed")
