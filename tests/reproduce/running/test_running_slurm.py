"""A real Slurm of two nodes on this machine works off a run as an array job."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from running_bundle import WEIGHTS, Bundle, bundle, counts

from catalog.errors import InputError, UsageError
from catalog.records import Result
from reproduce.running import gates
from reproduce.running.batch_script import asked
from reproduce.running.engine import Execution, execute
from reproduce.running.slurm import has_gpus
from reproduce.runs.spec import Plan

pytestmark = pytest.mark.slow

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo", "setpriv")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        yield from cluster(tmp_path_factory, patch)


def cluster(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """munged, slurmctld and two slurmd, started by hand as root and ended by their process."""
    gone = [name for name in PROGRAMS if shutil.which(name) is None]
    if gone or os.geteuid() != 0:
        pytest.skip(f"needs root and Debian's slurm-wlm and munge; missing: {gone or 'root'}")
    folder = tmp_path_factory.mktemp("slurm")
    host = socket.gethostname().split(".")[0]
    ports = [free_port() for _ in range(3)]
    nodes = "\n".join(
        f"NodeName=n{i} NodeHostname={host} Port={ports[i]} CPUs=1 RealMemory=8000 "
        f"Gres=gpu:1 State=UNKNOWN"
        for i in (1, 2)
    )
    for name in ("state", "spool", "log"):
        (folder / name).mkdir()
    config = folder / "slurm.conf"
    config.write_text(
        f"""ClusterName=test
SlurmctldHost={host}
SlurmUser=root
SlurmctldPort={ports[0]}
AuthType=auth/munge
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
GresTypes=gpu
KillWait=2
JobRequeue=1
ReturnToService=2
MpiDefault=none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/ctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/log/ctld
SlurmdLogFile={folder}/log/%n
{nodes}
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""
    )
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")  # counted, and nothing else
    monkeypatch.setenv("SLURM_CONF", str(config))
    environment = os.environ | {"SLURM_CONF": str(config)}
    running: list[subprocess.Popen[bytes]] = []

    def start(*command: str, **more: object) -> None:
        # A test that is killed runs no `finally`: the kernel ends its daemons with it.
        tied = ["setpriv", "--pdeathsig", "KILL", "--"] if "user" not in more else []
        running.append(
            subprocess.Popen(  # type: ignore[call-overload]  # user= passes through
                [*tied, *command],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                **more,
            )
        )

    own_munge = subprocess.run(["munge", "-n"], capture_output=True).returncode != 0
    try:
        if own_munge:
            Path("/run/munge").mkdir(exist_ok=True)
            shutil.chown("/run/munge", "munge", "munge")
            start("munged", "--foreground", user="munge", group="munge")
            wait_for(lambda: subprocess.run(["munge", "-n"], capture_output=True).returncode == 0)
        start("slurmctld", "-D", "-f", str(config))
        for i in (1, 2):
            (folder / "spool" / f"n{i}").mkdir()
            start("slurmd", "-D", "-N", f"n{i}", "-f", str(config))
        wait_for(lambda: sinfo(environment).count("idle") == 2)
        yield folder
    finally:
        # jobs first: a slurmstepd and its srun outlive the daemons that started them
        subprocess.run(["scancel", "--user", "root"], env=environment, capture_output=True)
        for process in reversed(running):
            process.terminate()
        for process in running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        end_left(config)


def left(config: Path) -> list[int]:
    """Processes that know this Slurm by its configuration: srun, slurmstepd, tasks; not this one.

    Only a path in pytest's own temporary folder is looked for, so no other Slurm is touched.
    """
    found = []
    needle = f"SLURM_CONF={config}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        number = int(folder.name)
        with contextlib.suppress(OSError):
            variables = (folder / "environ").read_bytes().split(b"\0")
            zombie = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if number != os.getpid() and not zombie and needle in variables:
                found.append(number)
    return found


def end_left(config: Path, grace_s: float = 10) -> None:
    """End what an aborted job left behind: asked first, and after `grace_s` killed."""
    for sign, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, float("inf"))):
        for number in left(config):
            with contextlib.suppress(OSError):
                os.kill(number, sign)
        deadline = time.monotonic() + wait_s
        while left(config) and time.monotonic() < deadline:
            time.sleep(0.1)


def sinfo(environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["sinfo", "-N", "-h", "-o", "%N %t"], env=environment, capture_output=True, text=True
    )
    return done.stdout


def wait_for(true: Callable[[], bool]) -> None:
    while not true():
        time.sleep(0.3)


def on_cluster(tasks: int = 2, *settings: str) -> Execution:
    return Execution(slurm=asked(tasks, ("time=5", "mem=2G", *settings)), quiet=True)


def jobs() -> list[str]:
    """Tasks that wait or run."""
    done = subprocess.run(
        ["squeue", "--noheader", "--array", "--format=%F_%K %T"], capture_output=True, text=True
    )
    return [line for line in done.stdout.splitlines() if "COMPLETING" not in line]


def scontrol(*words: str) -> None:
    subprocess.run(["scontrol", *words], check=True, capture_output=True)


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
