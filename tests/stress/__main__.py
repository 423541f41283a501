"""Run one attack: print tried, held and broke with the smallest input, and write one JSON.

An attack is a module beside this one with a class `Attack`: made once with an empty folder to work
in and a stack for what it opens, then asked for one try after the other. A try is drawn from
`Random("<seed>/<number>")` alone, so that its number finds it again. Exit status 1 where anything
broke.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random
from typing import Protocol

from .commands import NotHereError

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("archive", "fuzz", "kill", "limits", "markup", "net", "race", "slurm", "tamper", "words")


class Attack(Protocol):
    def __call__(self, random: Random) -> str | None:
        """Try once; what broke, as small as it is known, or None where all held."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    parser.add_argument("name", choices=[*NAMES, "all"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--tries", type=int, default=None, help="so many, however long it takes")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "stress")
    asked = parser.parse_args(arguments)
    names = NAMES if asked.name == "all" else (asked.name,)
    return max(attacked(name, asked) for name in names)


def attacked(name: str, asked: argparse.Namespace) -> int:
    """Run one attack; 1 where anything broke, else 0."""
    tried, broke = 0, []
    with tempfile.TemporaryDirectory(prefix="stress-") as scratch, ExitStack() as stack:
        module = importlib.import_module(f"{__package__}.{name}")
        try:
            attack: Attack = module.Attack(Path(scratch), stack)
        except NotHereError as error:
            print(f"{name}: not tried, this machine lacks {error}")
            return 0
        end = time.monotonic() + 60 * asked.minutes
        with suppress(KeyboardInterrupt):  # who stops it is told what was tried until then
            while tried < asked.tries if asked.tries is not None else time.monotonic() < end:
                found = attack(Random(f"{asked.seed}/{tried}"))
                if found is not None:
                    broke.append({"try": tried, "input": found})
                tried += 1
    smallest = min(broke, key=lambda item: len(str(item["input"])), default=None)
    report = {
        "attack": name,
        "seed": asked.seed,
        "tried": tried,
        "held": tried - len(broke),
        "broke": len(broke),
        "smallest": smallest,
        "all": broke,
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    path = asked.out / f"{name}-{asked.seed}.json"
    path.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(f"{name}: tried {tried}, held {tried - len(broke)}, broke {len(broke)} ({path})")
    if smallest is not None:
        print(f"smallest: {smallest['input']} (--seed {asked.seed}, try {smallest['try']})")
    return 1 if broke else 0


if __name__ == "__main__":
    sys.exit(main())
