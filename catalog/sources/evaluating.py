"""How well the search and its scores tell works in scope from others that people judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from catalog.decided import decisions
from catalog.errors import UsageError
from catalog.intake.draft import Draft
from catalog.intake.reading import decode
from catalog.intake.works_list import read_works_list
from catalog.sources.discovering import Query

Judged = Literal["in", "borderline", "excluded"]


@dataclass(frozen=True, slots=True)
class Work:
    """A work as people judged it. `abstract` is None where only its title was looked at."""

    title: str
    judged: Judged
    arxiv: str | None
    abstract: str | None = None


@dataclass(slots=True)
class Outcome:
    """What became of the works: `queued` of `works` by judgement; `found`: also by the search.

    `missed`: in scope and scored too low; `wrong`: excluded and queued. Each with its score.
    """

    threshold: int
    works: dict[Judged, int] = field(default_factory=dict)
    queued: dict[Judged, int] = field(default_factory=dict)
    found: dict[Judged, int] = field(default_factory=dict)
    with_abstract: int = 0
    missed: list[tuple[int, str]] = field(default_factory=list)
    wrong: list[tuple[int, str]] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Queued works in scope of all in scope."""
        return self.queued["in"] / self.works["in"]

    @property
    def precision(self) -> float | None:
        """Works in scope of those queued, borderline ones left aside; None: nothing was queued."""
        of = self.queued["in"] + self.queued["excluded"]
        return self.queued["in"] / of if of else None


def read_judged(path: Path) -> list[Work]:
    """The works of a list as `sam4mis import` takes it: in scope, borderline, excluded.

    Raises `FindingsError`, or `UsageError` where no work is in scope.
    """
    drafts = read_works_list(decode(path.read_bytes(), str(path)), str(path), decisions().venues)
    works = [Work(d.title, _judged(d), d.version.ids.arxiv) for d in drafts]
    if not any(work.judged == "in" for work in works):
        raise UsageError(f"{path}: no work is in scope, so nothing can be measured.")
    return works


def _judged(draft: Draft) -> Judged:
    decision = draft.inclusion.decision if draft.inclusion else "include"
    return {"include": "in", "undecided": "borderline", "exclude": "excluded"}[decision]  # type: ignore[return-value] # the three literals


def with_abstracts(works: Iterable[Work], abstracts: Mapping[str, str]) -> list[Work]:
    """The works with the abstracts that are known, by arXiv id."""
    return [Work(w.title, w.judged, w.arxiv, abstracts.get(w.arxiv or "")) for w in works]


def evaluate(query: Query, works: Iterable[Work]) -> Outcome:
    """Score every work; one without an abstract by its title alone.

    `found` counts only works with an abstract: what the search asks for stands in abstracts.
    """
    outcome = Outcome(query.file.threshold)
    for counts in (outcome.works, outcome.queued, outcome.found):
        counts.update({"in": 0, "borderline": 0, "excluded": 0})
    for work in works:
        outcome.works[work.judged] += 1
        score, _ = query.score(work.title, work.abstract or "")
        outcome.with_abstract += work.abstract is not None
        outcome.found[work.judged] += work.abstract is not None and query.finds(
            work.title, work.abstract
        )
        if score >= outcome.threshold:
            outcome.queued[work.judged] += 1
            if work.judged == "excluded":
                outcome.wrong.append((score, work.title))
        elif work.judged == "in":
            outcome.missed.append((score, work.title))
    outcome.missed.sort(reverse=True)
    outcome.wrong.sort(reverse=True)
    return outcome
