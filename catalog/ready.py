"""What a claim that nobody has run yet would take, as `sam4mis reproduce plan --site` left it.

The file says what holds on any machine: one that has no weights and no data yet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import field

from catalog.records import Record
from catalog.registry import RESULTS, generated

FILE = f"{RESULTS}/ready.json"
COMMAND = "sam4mis reproduce plan --site"


class Ready(Record, kw_only=True):
    """One run that answers its claims, and what it takes.

    best           the best class that the comparison can reach; D: no verdict can come of it
    why            what keeps it from class A
    hours          None: not known. `basis`: measured by a published run, or assumed
    sizes_unknown  files whose size nobody recorded; `download_bytes` is without them
    by_hand        what a person has to do first; []: one command does everything
    """

    claims: list[str]
    best: Literal["A", "B", "C", "D"]
    why: list[str]
    adapter: str
    dataset: str
    split: str
    hours: float | None
    basis: str
    on: str | None
    download_bytes: int
    sizes_unknown: list[str]
    memory_mib: int | None
    by_hand: list[str]

    @property
    def decides(self) -> bool:
        """Whether a verdict can come of it."""
        return self.best != "D"

    @property
    def effort(self) -> tuple[bool, int, bool, float, str]:
        """Least effort first: steps by hand, then time; what decides nothing comes last."""
        return (
            not self.decides,
            len(self.by_hand),
            self.hours is None,
            self.hours or 0.0,
            self.claims[0],
        )


class Readiness(Record, kw_only=True):
    """Runs that could be made today, and why a claim that nothing blocks is in none of them."""

    schema: Literal["ready/1"] = "ready/1"
    runs: list[Ready] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def load(root: Path) -> Readiness:
    """What the file of a registry says, least effort first; nothing where there is no file."""
    path = root / FILE
    found = generated(path, Readiness) or Readiness()
    found.runs.sort(key=lambda run: run.effort)
    return found
