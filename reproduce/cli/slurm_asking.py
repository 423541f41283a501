"""What `run --slurm` asks of a cluster: on which kind of device, how long, how much memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from catalog.errors import UsageError
from catalog.registry import Registry, find_root, workplace
from reproduce.cli.arguments import Arguments
from reproduce.planning.campaign import memory_of
from reproduce.planning.rates import expected_time
from reproduce.planning.recipes import Recipe
from reproduce.running.batch_script import Asked, asked, estimate, script
from reproduce.running.engine import worker_command
from reproduce.running.slurm import has_gpus, need_slurm
from reproduce.runs.spec import DeviceKind, kind_of


def device_on_nodes(arguments: Arguments) -> DeviceKind:
    """The kind of device that tasks compute on: what is asked for, else a GPU where the nodes of
    the partition have any. This machine's own devices do not matter.

    Raises `UsageError` for a setting that cannot be, `PrerequisiteError` where there is no Slurm.
    """
    wanted = asked(arguments.slurm_jobs, arguments.slurm_settings)
    need_slurm()
    if len(arguments.devices) > 1 or not set(arguments.devices) <= {"cpu", "cuda"}:
        raise UsageError(
            f"--device {' --device '.join(arguments.devices)}: with --slurm expected cpu or cuda, "
            "once; which card it is the cluster decides."
        )
    if arguments.devices:
        kind = kind_of(arguments.devices[0])
        if "gpus" in wanted.values and wanted.gpu != (kind == "cuda"):
            raise UsageError(
                f"--device {kind} and --slurm-set gpus={wanted.values['gpus']} contradict."
            )
        return kind
    if "gpus" in wanted.values:
        return "cuda" if wanted.gpu else "cpu"
    return "cuda" if has_gpus(wanted.values.get("partition")) else "cpu"


def refuse_early(arguments: Arguments) -> None:
    """Raise what `device_on_nodes` raises, and `UsageError` for settings that would say nothing,
    before the first of many runs is looked at."""
    if arguments.slurm:
        device_on_nodes(arguments)
    elif arguments.slurm_settings:
        raise UsageError(
            f"--slurm-set {arguments.slurm_settings[0]}: goes with --slurm, which is not given."
        )


def asked_of(
    arguments: Arguments, members: Sequence[Recipe], kind: DeviceKind, n_cases: int | None
) -> Asked:
    """What each task is given: estimates, and what --slurm-set says instead.

    n_cases  of the run; None: not read yet
    """
    results = Registry.load(find_root()).results
    time = expected_time(members, results, n_cases)
    tasks = arguments.slurm_jobs
    thought = estimate(time.hours, memory_of(members[0]), tasks, kind == "cuda")
    return asked(tasks, arguments.slurm_settings, thought)


def script_of(arguments: Arguments, members: Sequence[Recipe], n_cases: int | None) -> str:
    """The batch script that the command would submit, for --dry-run; the run's id stands open."""
    kind = device_on_nodes(arguments)
    wanted = asked_of(arguments, members, kind, n_cases)
    folder = (arguments.out or workplace(find_root()) / "build" / "runs") / "RUN"
    return script(Path(folder), [*worker_command(folder.resolve(), kind), "--gates"], wanted)
