"""Which released checkpoints run here, why the others do not, and what would lift that.

Derived from the project files alone: the same on every machine. What one machine lacks (a file, a
data set, memory) is said by `sam4mis reproduce doctor`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from catalog.records import LookFirst, Project
from catalog.vocabulary import vocabularies

Standing = Literal["runs", "adapter", "look-first", "nothing"]

#: Kinds of projects that are no method of the field: never in a SAM table, always labelled.
OUTSIDE = ("control", "selftest")
NO_MODEL = "no-segmentation"  # of the vocabulary `family`
#: What would lift it, by standing or by why a file has to be looked at first.
LIFTS = {
    "adapter": "an adapter",
    "dead-link": "an address that answers",
    "closed-share": "a copy that needs no account",
    "unknown-content": "somebody who opens the archive and records its files",
    "does-not-fit": "code and file that fit each other",
    "pickle": "weights in a format that opens safely",
    "nothing": "nothing: there is no segmentation to run",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One project with released weights.

    why      None where it runs
    lifted   key of `LIFTS`; None where it runs
    remarks  what a person has to look at before a run all the same, each with its file
    """

    project: Project
    standing: Standing
    why: str | None
    lifted: str | None
    remarks: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        return self.standing == "runs"

    @property
    def lifts(self) -> str | None:
        """What would lift it, in words."""
        return LIFTS[self.lifted] if self.lifted else None

    @property
    def data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "project": self.project.slug,
            "family": self.project.family,
            "runs": self.runs,
            "adapter": self.project.adapter,
            "why_not": self.why,
            "lifts": self.lifts,
            "look_first": list(self.remarks),
        }


def releases(projects: Iterable[Project]) -> list[Line]:
    """A line for every project of the field that releases weights, by family, then by name."""
    order = {name: number for number, name in enumerate(vocabularies()["family"].terms)}
    public = [p for p in projects if p.weights_status == "public" and p.kind not in OUTSIDE]
    public.sort(key=lambda p: (order.get(p.family or "", len(order)), p.slug))
    return [line(project) for project in public]


def line(project: Project) -> Line:
    """Where one project stands. An adapter runs it, whatever a file of it needs first."""
    own = [c for c in project.checkpoints or [] if c.of is None]
    looked = [(c.file or c.id, c.look_first) for c in own if c.look_first]
    remarks = _remarks(looked)
    reason = project.adapter_reason
    if project.adapter:
        return Line(project, "runs", None, None, remarks)
    if project.family == NO_MODEL:
        return Line(project, "nothing", reason, "nothing", remarks)
    blocking = [first for _, first in looked if first.why in LIFTS]
    if own and len(blocking) == len(own):
        return Line(project, "look-first", blocking[0].text, blocking[0].why, remarks)
    return Line(project, "adapter", reason, "adapter", remarks)


def _remarks(looked: list[tuple[str, LookFirst]]) -> tuple[str, ...]:
    """What is said of the files, once for all of which the same is said."""
    files: dict[str, list[str]] = {}
    for file, first in looked:
        where = f" ({first.place})" if first.place else ""
        files.setdefault(f"{first.text}{where}", []).append(file)
    return tuple(f"{', '.join(names)}: {text}" for text, names in files.items())


def by_family(lines: Iterable[Line]) -> list[tuple[str, list[Line]]]:
    """The lines of each family, in the order that `releases` gives them."""
    return [
        (family, list(held)) for family, held in groupby(lines, lambda x: x.project.family or "")
    ]
