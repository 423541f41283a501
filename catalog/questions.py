"""The five questions of the survey, and what each work's finding says to them.

Works that are about no model of the SAM family, or of which the record does not tell, are left out
of every count. The authors of a method are one voice about it, an evaluation by others another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from catalog.provenance import PRIMARY, host_of, origin
from catalog.records import Bearing, FindingSource, Paper, WorkFinding

QUESTIONS: dict[int, str] = {
    1: "Is SAM reliable without training?",
    2: "Does adaptation beat SAM, and specialists?",
    3: "Which prompt works best?",
    4: "Is annotation work saved?",
    5: "What stands in the way of robust models?",
}
_SLUGS = {1: "without-training", 2: "adaptation", 3: "prompts", 4: "annotation", 5: "robustness"}
DIRECTIONS = ("for", "against", "mixed", "neutral")

Voice = Literal["own", "independent", "unknown"]
VOICES: dict[Voice, str] = {
    "independent": "by others: evaluations and benchmarks that propose no method",
    "own": "by authors about the method, tool or data set that they propose",
    "unknown": "kind of work not recorded",
}
OBSTACLES = {
    "shift": "domain shift",
    "3d": "3D data",
    "compute": "compute",
    "evaluation": "the evaluation itself",
    "data": "too little data",
    "prompt-noise": "inexact prompts",
    "uncertainty": "uncertainty",
    "unseen-structures": "unseen structures",
    "fairness": "fairness",
    "other": "other",
}
_PROPOSES = {"method", "tool"}
_EVALUATES = {"evaluation", "benchmark", "survey"}

#: What a direction says where yes and no would not be understood.
SAYS: dict[int, dict[str, str]] = {
    5: {"for": "an obstacle is reported as overcome", "against": "an obstacle stood in the way"}
}


def slug(question: int) -> str:
    """The part of an address that stands for a question: `adaptation`."""
    return _SLUGS[question]


def address(question: int) -> str:
    """The page of a question: `questions/adaptation/`."""
    return f"questions/{_SLUGS[question]}/"


@dataclass(frozen=True, slots=True)
class Said:
    """What one work says to one question."""

    paper: Paper
    finding: WorkFinding
    bearing: Bearing

    @property
    def voice(self) -> Voice:
        return voice(self.paper)

    @property
    def second_hand(self) -> bool:
        return second_hand(self.finding)


def voice(paper: Paper) -> Voice:
    """Whose word a work's finding is: its authors' about what they propose, or an evaluation's."""
    tag = paper.contribution
    if tag is None or isinstance(tag.values, str):
        return "unknown"
    kinds = set(tag.values)
    return "independent" if kinds & _EVALUATES and not kinds & _PROPOSES else "own"


def second_hand(finding: WorkFinding) -> bool:
    """Whether all it was read from is a page that only copies or lists the work."""
    pages = [s.place for s in finding.provenance if s.kind == "page" and s.place]
    return len(pages) == len(finding.provenance) and not any(origin(p) in PRIMARY for p in pages)


def counted(finding: WorkFinding) -> bool:
    """Whether a finding is known to be about a model of the SAM family."""
    return finding.models in ("sam", "partly-sam")


def said(papers: Iterable[Paper], question: int) -> list[Said]:
    """What `papers` say to a question, in their order; a work may speak of two opponents."""
    return [
        Said(paper, paper.finding, bearing)
        for paper in papers
        if paper.finding is not None and counted(paper.finding)
        for bearing in paper.finding.bears_on
        if bearing.question == question
    ]


def tally(
    items: Iterable[Said], keep: Callable[[Said], bool] = lambda item: True
) -> dict[Voice, dict[str, int]]:
    """Works by voice and direction, both in showing order; voices that nobody has are left out."""
    return {
        name: {way: len(works) for way, works in ways.items()}
        for name, ways in listed(filter(keep, items)).items()
    }


def listed(items: Iterable[Said]) -> dict[Voice, dict[str, dict[str, list[Said]]]]:
    """Voice -> direction -> id of the work -> what it says in that direction."""
    found: dict[Voice, dict[str, dict[str, list[Said]]]] = {
        name: {way: {} for way in DIRECTIONS} for name in VOICES
    }
    for item in items:
        by_work = found[item.voice][item.bearing.direction]
        by_work.setdefault(item.paper.id, []).append(item)
    return {name: ways for name, ways in found.items() if any(ways.values())}


def bearing_words(bearing: Bearing) -> str:
    """What a bearing says, in a few words: `over specialists: nnU-Net`."""
    opponent = {"sam": "over plain SAM", "specialist": "over specialists"}.get(bearing.about or "")
    parts = [
        f"{opponent}: {bearing.compared}" if opponent and bearing.compared else opponent,
        bearing.compared if not opponent else None,
        f"better: {', '.join(bearing.better)}" if bearing.better else None,
        f"worse: {', '.join(bearing.worse)}" if bearing.worse else None,
        f"with {', '.join(bearing.prompts)}" if bearing.prompts else None,
        bearing.saving,
        bearing.detail or OBSTACLES.get(bearing.obstacle or ""),
        "read between the lines" if bearing.inferred else None,
    ]
    return "; ".join(part for part in parts if part)


def sources_words(finding: WorkFinding) -> str:
    """Where a finding was read, in words; second hand where only a copy was seen."""
    numbers = [
        str(source.number + 1)
        for source in finding.provenance
        if source.kind == "reported" and source.number is not None
    ]
    named = [_source_words(s) for s in finding.provenance if s.kind != "reported"]
    if numbers:
        plural = "s" if len(numbers) > 1 else ""
        named.append(f"number{plural} {' and '.join(numbers)} of those printed without a protocol")
    return ", ".join(named) + (" (second hand)" if second_hand(finding) else "")


def _source_words(source: FindingSource) -> str:
    """A primary page by its address, a copy by its host: the page of the work itself says more."""
    if source.kind == "page" and source.place:
        primary = origin(source.place) in PRIMARY
        return source.place if primary else f"a copy at {host_of(source.place)}"
    if source.kind == "project":
        return f"the project {source.place}"
    return f"the {source.kind} of the record"
