"""What is asked of Slurm for a run: the settings of `--slurm-set`, and the batch script.

=============  ==========================================================================
 setting        what it asks for
=============  ==========================================================================
 partition, account, qos, constraint, reservation, nodelist, exclude   words of the cluster
 time           minutes, or [days-]hours:minutes:seconds, of each task
 mem            memory of each task: 16G, 500M; 0: all of the node
 cpus           processors of each task
 gpus           1, or type:number as in a100:1; 0: none, and the run is one on the CPU
=============  ==========================================================================

`default` for time, mem or gpus asks for nothing, so the partition's own holds.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from catalog.errors import UsageError

WORD = r"[\w.,:@+=&|*()\[\]-]+"
SETTINGS: Mapping[str, tuple[str, str, str]] = {  # setting -> option of sbatch, pattern, in words
    **{
        name: (name, WORD, "a word of your cluster")
        for name in (
            "partition",
            "account",
            "qos",
            "constraint",
            "reservation",
            "nodelist",
            "exclude",
        )
    },
    "time": ("time", r"(?=.*[1-9])(\d+|(\d+-)?\d+:\d{2}(:\d{2})?)", "minutes, or 1-12:00:00"),
    "mem": ("mem", r"0|[1-9]\d*[KMGT]?", "a size such as 16G"),
    "cpus": ("cpus-per-task", r"[1-9]\d{0,3}", "a number of processors"),
    "gpus": ("gres", r"([\w.-]+:)?\d{1,2}", "a number, or type:number"),
}
OPEN = ("time", "mem", "gpus")  # for which `default` asks for nothing
DEFAULT = "default"
SLACK, LEAST_MINUTES = 3.0, 15  # a node may be slower than the one a rate was measured on
MEMORY_TIMES, LEAST_GIB = 3.0, 4  # images, references and libraries beside the network


@dataclass(frozen=True, slots=True)
class Asked:
    """What each task of an array job is given. `values`: settings as above."""

    tasks: int
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def gpu(self) -> bool:
        """Whether a GPU is asked for."""
        return not re.fullmatch(r"(.*:)?0*", self.values.get("gpus", "0"))


def asked(tasks: int, settings: Sequence[str], estimated: Mapping[str, str] | None = None) -> Asked:
    """What to ask for: estimates, and what `KEY=VALUE` says instead.

    Raises `UsageError` for a key that there is none of and a value that cannot be.
    """
    values = dict(estimated or {})
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UsageError(f"--slurm-set {setting}: expected KEY=VALUE.")
        if key not in SETTINGS:
            near = get_close_matches(key, SETTINGS, n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise UsageError(f"--slurm-set {key}: expected one of {', '.join(SETTINGS)}.{meant}")
        if value == DEFAULT and key in OPEN:
            values.pop(key, None)
            continue
        _, pattern, words = SETTINGS[key]
        if not re.fullmatch(pattern, value):
            raise UsageError(f"--slurm-set {setting}: expected {words}.")
        values[key] = value
    return Asked(tasks, values)


def estimate(hours: float | None, memory_mib: int | None, tasks: int, gpu: bool) -> dict[str, str]:
    """What a run is thought to need: time and memory with room, one GPU where it is for one.

    hours       of the whole run on one machine; None: nothing is known to go by
    memory_mib  peak of one process on a CPU; None: not known
    """
    found = {}
    if hours is not None:
        minutes = LEAST_MINUTES + math.ceil(60 * SLACK * hours / tasks)
        found["time"] = str(minutes)
    if memory_mib is not None:
        found["mem"] = f"{max(LEAST_GIB, math.ceil(MEMORY_TIMES * memory_mib / 1024))}G"
    if gpu:
        found["gpus"] = "1"
    return found


def script(folder: Path, command: Sequence[str], wanted: Asked) -> str:
    """The batch script of an array job whose tasks all run `command`.

    Each task leaves its log, and its exit status, in `folder`/slurm. Raises `UsageError` for a
    folder that no script can name.
    """
    place = (folder / "slurm").resolve()
    if any(ord(character) < 32 or character in '"\\' for character in str(place)):
        raise UsageError(f"{place}: no batch script can name this folder. Use --out.")
    options = [
        "job-name=sam4mis",
        f"array=0-{wanted.tasks - 1}",
        f'output="{str(place).replace("%", "%%")}/%A_%a.log"',
        "open-mode=append",
        "ntasks=1",
        "requeue",
        *(
            f"{SETTINGS[key][0]}={_value(key, value)}"
            for key, value in wanted.values.items()
            if key != "gpus" or wanted.gpu
        ),
    ]
    ended = f'{shlex.quote(str(place))}/"${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}.exit"'
    return "\n".join(
        [
            "#!/bin/sh",
            *(f"#SBATCH --{option}" for option in options),
            f"rm -f {ended}",
            shlex.join(command),
            "status=$?",
            f"echo $status > {ended}",
            "exit $status",
            "",
        ]
    )


def _value(key: str, value: str) -> str:
    return f"gpu:{value}" if key == "gpus" else value
