"""A real Slurm of two nodes on this machine works off a run as an array job."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from running_bundle import WEIGHTS, Bundle, bundle, counts
from stress.cluster import cluster, end_left, jobs, lacking, left, scontrol, sinfo, wait_for

from catalog.errors import InputError, UsageError
from catalog.records import Result
from reproduce.running import gates
from reproduce.running.batch_script import asked
from reproduce.running.engine import Execution, execute
from reproduce.running.slurm import has_gpus
from reproduce.runs.spec import Plan

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if lacks := lacking():
        pytest.skip(f"needs root and Debian's slurm-wlm and munge; missing: {lacks}")
    with cluster(tmp_path_factory.mktemp("slurm")) as config:
        yield config.parent


def on_cluster(tasks: int = 2, *settings: str) -> Execution:
    return Execution(slurm=asked(tasks, ("time=5", "mem=2G", *settings)), quiet=True)


@dataclass
class Waiting:
    """A run on the cluster that is waited for beside the test."""

    folder: Path
    plan: Plan
    outcome: list[Result | BaseException]
    thread: threading.Thread

    @classmethod
    def begun(cls, made: Bundle, out: Path, how: Execution) -> Waiting:
        folder, plan = made.plan(out)
        outcome: list[Result | BaseException] = []

        def run() -> None:
            try:
                outcome.append(execute(folder, plan, [made.item], how))
            except Exception as error:
                outcome.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return cls(folder, plan, outcome, thread)

    def ended(self) -> Result | BaseException:
        self.thread.join()
        return self.outcome[0]


@pytest.fixture(scope="module")
def alone(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, Path]:
    """A run and what one process makes of it."""
    made = bundle(root, 40)
    return made, made.run(tmp_path_factory.mktemp("alone"))[0]


def test_array_job_gives_the_same_and_tries_the_gates_on_a_node(
    alone: tuple[Bundle, Path], slurm: Path, tmp_path: Path
) -> None:
    made, one = alone
    folder, plan = made.plan(tmp_path)
    result = execute(folder, plan, [made.item], on_cluster())
    assert result.status == "complete"
    assert counts(folder) == counts(one)
    assert [c.name for c in result.checks if c.passed][2:] == gates.names(made.spec)
    logs = "".join(path.read_text() for path in (folder / "slurm").glob("*.log"))
    assert logs.count("gates tried") == 1
    wait_for(lambda: not jobs())


def test_sbatch_says_itself_what_it_refuses(
    alone: tuple[Bundle, Path], slurm: Path, tmp_path: Path
) -> None:
    made, _ = alone
    folder, plan = made.plan(tmp_path)
    for setting, words in (("partition=nothing", "invalid partition"), ("mem=900G", "emory")):
        with pytest.raises(UsageError, match="sbatch refused the job") as caught:
            execute(folder, plan, [made.item], on_cluster(2, setting))
        assert words in str(caught.value)
    assert not jobs()


def test_a_requeued_task_goes_on_and_one_that_waits_ends_with_the_run(
    alone: tuple[Bundle, Path], slurm: Path, tmp_path: Path
) -> None:
    """One node is taken away, so that a task waits for ever; the other's task is requeued."""
    made, one = alone
    scontrol("update", "NodeName=n2", "State=DRAIN", "Reason=test")
    try:
        run = Waiting.begun(made, tmp_path, on_cluster())
        wait_for(lambda: any("RUNNING" in job for job in jobs()))
        (running,) = (job.split()[0] for job in jobs() if "RUNNING" in job)
        wait_for(lambda: bool(list((run.folder / "shards").glob("*.json"))))
        scontrol("requeue", running)
        result = run.ended()
        assert isinstance(result, Result), result
        assert result.status == "complete"
        assert counts(run.folder) == counts(one)
        wait_for(lambda: not jobs())
    finally:
        scontrol("update", "NodeName=n2", "State=RESUME")
        wait_for(lambda: sinfo(dict(os.environ)).count("idle") == 2)


def test_a_job_that_is_gone_is_told_without_accounts(
    alone: tuple[Bundle, Path], slurm: Path, tmp_path: Path
) -> None:
    """Cancelled from elsewhere; this cluster keeps no accounts that could be asked."""
    made, one = alone
    run = Waiting.begun(made, tmp_path, on_cluster())
    wait_for(lambda: any("RUNNING" in job for job in jobs()))
    subprocess.run(["scancel", jobs()[0].partition("_")[0]], check=True)
    error = run.ended()
    assert isinstance(error, InputError), error
    assert "CANCELLED (somebody cancelled it)" in str(error)
    assert "The same command goes on" in str(error)
    result = execute(run.folder, run.plan, [made.item], on_cluster())
    assert counts(run.folder) == counts(one)
    assert result.status == "complete"


def test_what_a_task_says_is_told(root: Path, slurm: Path, tmp_path: Path) -> None:
    """The nodes have GPUs by their configuration, and a task that is given one breaks."""
    assert has_gpus(None)
    assert has_gpus("all")
    made = bundle(root, 2)
    folder, plan = made.plan(tmp_path)
    (folder / "prompts.json").unlink()
    with pytest.raises(InputError, match="1 of 1 tasks: FAILED") as caught:
        execute(folder, plan, [made.item], on_cluster(1, "gpus=1"))
    assert "prompts.json" in str(caught.value)


def test_sigterm_ends_the_job(root: Path, slurm: Path, tmp_path: Path) -> None:
    weights = ["--checkpoint", str(WEIGHTS)]
    words = ["run", "selftest/phantom-dice", *weights, "--out", str(tmp_path), "--device", "cpu"]
    command = subprocess.Popen(
        [sys.executable, "-m", "reproduce.cli", *words, "--slurm", "--slurm-set", "mem=2G"],
        cwd=root,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: bool(jobs()))
    command.terminate()
    assert command.wait() != 0
    wait_for(lambda: not jobs())


def test_what_an_aborted_job_leaves_is_ended(slurm: Path) -> None:
    """An srun that nobody waits for, and a process that ignores being asked to end."""
    config = slurm / "slurm.conf"
    before = left(config)
    srun = subprocess.Popen(["srun", "-n1", "sleep", "600"], start_new_session=True)
    stubborn = subprocess.Popen(
        ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], start_new_session=True
    )
    wait_for(lambda: len(left(config)) >= len(before) + 3)  # srun, its step's sleep, the shell
    end_left(config, grace_s=3)
    assert left(config) == []
    for process in (srun, stubborn):
        process.wait()
