"""How far the record of a work is believed: seen on its own page, or read from another list.

A version that came from another list is second hand until arXiv, Crossref or OpenReview has been
asked and agrees (`sam4mis refresh`). A work is second hand while every version of it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.records import Paper, Project, TakenBack, Version


def second_hand(paper: Paper) -> bool:
    """Whether nobody has seen any version of a work on its own page."""
    return bool(paper.versions) and all(version.second_hand for version in paper.versions)


def flagged(paper: Paper) -> list[Version]:
    """The versions that were asked for, and of which the primary page says something else."""
    return [v for v in paper.versions if v.second_hand and v.second_hand.differs]


def taken_back(paper: Paper) -> TakenBack | None:
    """The newest notice that a version was withdrawn or retracted, None where none is known."""
    return next((v.taken_back for v in reversed(paper.versions) if v.taken_back), None)


def as_of(project: Project) -> str:
    """What the states of code and weights rest on: the commit that was read and its date.

    The day on which somebody looked says little: a repository may have moved since its commit.
    """
    repository = project.repository
    if repository and repository.commit:
        short = repository.commit[:10]
        if repository.commit_date:
            return f"as of {repository.commit_date}, commit {short}"
        return f"as of commit {short}, whose date is not recorded"
    return f"no commit was read; looked at in {project.checked or 'an unknown month'}"


@dataclass(frozen=True, slots=True)
class Standing:
    """Counts of works: all, second hand, and of these those that a primary page contradicts."""

    works: int
    second_hand: int
    flagged: int

    def __str__(self) -> str:
        differ = f", {self.flagged} of them differ from their primary page" if self.flagged else ""
        return f"{self.second_hand} of {self.works} works are second hand{differ}"


def counts(papers: Iterable[Paper]) -> Standing:
    """How many of some works are second hand."""
    listed = list(papers)
    waiting = [paper for paper in listed if second_hand(paper)]
    return Standing(len(listed), len(waiting), sum(bool(flagged(paper)) for paper in waiting))
