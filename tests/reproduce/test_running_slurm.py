"""A real Slurm of two nodes on this machine works off a run as an array job."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running_bundle import bundle, counts

from reproduce.running.engine import Execution, execute

pytestmark = pytest.mark.slow

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo", "setpriv")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def slurm(
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
        f"NodeName=n{i} NodeHostname={host} Port={ports[i]} CPUs=1 State=UNKNOWN" for i in (1, 2)
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


def test_array_job_gives_the_same_statistics(root: Path, slurm: Path, tmp_path: Path) -> None:
    made = bundle(root, 20)
    alone, _ = made.run(tmp_path / "alone")
    folder, plan = made.plan(tmp_path / "slurm")
    how = Execution(slurm={"time": 5}, slurm_jobs=2, quiet=True)
    result = execute(folder, plan, [made.item], how, gate=False)
    assert result.status == "complete"
    assert counts(folder) == counts(alone)
    assert len(list((folder / "slurm").glob("*_submitted.pkl"))) >= 1
    assert list((folder / "slurm").glob("*.out")), "tasks wrote their logs"


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
