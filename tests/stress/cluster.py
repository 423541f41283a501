"""A real Slurm of two nodes on this machine, for tests and for attacks."""

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
from unittest import mock

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo", "setpriv")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def lacking() -> list[str]:
    """What is missing here for a cluster."""
    gone = [name for name in PROGRAMS if shutil.which(name) is None]
    return gone + ["root"] * (os.geteuid() != 0)


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Path]:
    """munged, slurmctld and two slurmd, started by hand as root and ended by their process; gives
    the configuration, which $SLURM_CONF names as long as it lasts."""
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
        with mock.patch.dict(os.environ, SLURM_CONF=str(config)):
            yield config
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

    Only a configuration in a temporary folder is looked for, so no other Slurm is touched.
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


def jobs() -> list[str]:
    """Tasks that wait or run."""
    done = subprocess.run(
        ["squeue", "--noheader", "--array", "--format=%F_%K %T"], capture_output=True, text=True
    )
    return [line for line in done.stdout.splitlines() if "COMPLETING" not in line]


def scontrol(*words: str) -> None:
    subprocess.run(["scontrol", *words], check=True, capture_output=True)
