"""Slurm through submitit: an array job whose tasks are the worker command.

Shards, locks and atomic files are those of a run on one machine, so the run folder must lie on
storage that all nodes share and whose locks work across nodes (NFS 4, Lustre with flock).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catalog.errors import InputError, PrerequisiteError
from reproduce.ground.progress import progress
from reproduce.running.worker import finished
from reproduce.runs.spec import Plan, shards_of

POLL_S = 1.0
NO_SLURM = (
    "--slurm needs sbatch on the PATH: give the command on a login node of your cluster, or leave "
    "--slurm out to run here."
)


def run_array(
    folder: Path,
    plan: Plan,
    device: str,
    jobs: int,
    settings: Mapping[str, Any],
    quiet: bool = False,
) -> None:
    """Submit `jobs` workers as one array job and wait for them.

    `settings` go to submitit's Slurm executor as they are (partition, time in minutes, mem, ...).
    Ctrl-C cancels the job; finished shards are kept. Raises `InputError` where tasks failed and
    shards are left, `PrerequisiteError` where there is no Slurm.
    """
    import shutil

    import submitit
    from submitit.helpers import CommandFunction

    from reproduce.running.engine import worker_command

    if shutil.which("sbatch") is None:
        raise PrerequisiteError(NO_SLURM)
    shards = shards_of(plan.spec)
    tasks = max(1, min(jobs, len(shards)))
    executor = submitit.SlurmExecutor(folder=folder / "slurm")
    executor.update_parameters(job_name="sam4mis", array_parallelism=tasks, **settings)
    command = CommandFunction(worker_command(folder, device), verbose=False)
    submitted = executor.map_array(_call, [command] * tasks)
    done = sum(len(s.cases) for s in shards if finished(folder, s))
    try:
        with progress(
            f"{plan.spec.run_id()} on Slurm job {submitted[0].job_id.split('_')[0]}",
            len(plan.spec.cases),
            done=done,
            quiet=quiet,
        ) as bar:
            while True:
                ended = all(job.done() for job in submitted)
                now = sum(len(s.cases) for s in shards if finished(folder, s))
                bar.advance(now - done)
                done = now
                if ended or done == len(plan.spec.cases):
                    break
                time.sleep(POLL_S)
    except KeyboardInterrupt:
        for job in submitted:
            job.cancel(check=False)
        raise
    failures = [job for job in submitted if job.done() and job.exception() is not None]
    if failures and done < len(plan.spec.cases):
        lines = (failures[0].stderr() or "no message").strip().splitlines()
        raise InputError(
            f"{len(failures)} of {tasks} Slurm tasks failed: {lines[-1:] or 'no message'} "
            f"(logs in {folder / 'slurm'}). The same command goes on from the finished shards."
        )


def _call(command: Any) -> Any:
    """What a task runs: the worker command (submitit pickles functions by name)."""
    return command()
