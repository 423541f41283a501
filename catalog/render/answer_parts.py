"""What answers to the five questions are made of: the records of the API, evidence, counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from msgspec import field

from catalog import questions
from catalog.questions import Said
from catalog.records import Bearing, Record, Reported
from catalog.render import charts
from catalog.render.labels import DECIDED
from catalog.render.views import Catalog, ClaimView

ENOUGH = 10  # evaluations by others below which they decide nothing


class Figure(Record, kw_only=True):
    """What a figure draws, as a table: `rows` of text under `head`."""

    title: str
    head: list[str]
    rows: list[list[str]]


class AsPrinted(Record, kw_only=True):
    """A number that a work prints without its protocol, and what it says beside it."""

    work: str
    name: str
    number: Reported


class Answer(Record, kw_only=True):
    """A question with what the records say; the drawings stand apart."""

    question: int
    title: str
    answer: str
    voices: str  # what works say, evaluations by others apart from authors
    evidence: str
    figures: list[Figure]
    missing: list[str]
    printed: list[AsPrinted] = field(default_factory=list)  # without a protocol: never compared


class WorkSays(Record, kw_only=True):
    """What one work says to the question, and whose word it is."""

    work: str
    voice: questions.Voice
    finding: str
    certainty: str
    second_hand: bool
    bearing: Bearing


class Completeness(Record, kw_only=True):
    """How many works there are, have a finding, and are left out of the counts."""

    works: int
    with_finding: int
    of_other_models: int
    models_not_recorded: int
    second_hand: int


class QuestionFile(Answer, kw_only=True):
    """`api/v1/questions/<slug>.json`: the answer, the works and how complete the records are."""

    works: list[WorkSays]
    records: Completeness


@dataclass(frozen=True, slots=True)
class Drawn:
    """An answer with its drawings, one a figure, and what works say."""

    answer: Answer
    charts: list[Markup]
    said: list[Said]

    @property
    def number(self) -> int:
        return self.answer.question


def said_to(catalog: Catalog, question: int) -> list[Said]:
    return questions.said((view.paper for view in catalog.papers), question)


def as_printed(catalog: Catalog, keep: Callable[[Reported], object]) -> list[AsPrinted]:
    """Numbers of works that say more than their value, by work."""
    return [
        AsPrinted(work=view.id, name=view.name, number=number)
        for view in catalog.papers
        for number in view.paper.reported
        if keep(number)
    ]


def evidence(numbers: Iterable[ClaimView]) -> str:
    """How far numbers are believed: printed, following from released rows, run."""
    items = list(numbers)
    if not items:
        return "No printed number with a protocol is recorded."
    run = sum(c.state in DECIDED for c in items)
    follow = sum(c.recomputed == "agrees" for c in items)
    return (
        f"{len(items)} printed numbers: {follow} follow from released rows, {run} checked by a run."
    )


def voices(items: Sequence[Said], keep: Callable[[Said], bool] = lambda item: True) -> str:
    """Counts of works by voice: `Evaluations by others: 9 for, 7 against, 12 mixed. ...`."""
    names: dict[questions.Voice, str] = {
        "independent": "Evaluations by others",
        "own": "Authors about what they propose",
    }
    none = dict.fromkeys(questions.DIRECTIONS, 0)
    counts = questions.tally(items, keep)
    return " ".join(
        f"{name}: {of['for']} for, {of['against']} against, {of['mixed']} mixed."
        for voice, name in names.items()
        for of in (counts.get(voice, none),)
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """Whether evaluations by others show it: enough of them, most of them for it."""

    yes: bool
    of: int


def shown(items: Sequence[Said], keep: Callable[[Said], bool] = lambda item: True) -> Shown:
    """What evaluations by others say that are for it, against it or mixed."""
    counts = questions.tally(items, keep).get("independent", {})
    total = sum(counts.get(way, 0) for way in ("for", "against", "mixed"))
    return Shown(total >= ENOUGH and counts["for"] > total / 2, total)


def bars(
    name: str,
    title: str,
    rows: Sequence[tuple[str, float, str]],
    head: str,
    whole: float | None = None,
) -> tuple[Figure, Markup]:
    """Bars with their data, all of which a phone shows; `whole`: what they are shares of."""
    said = "; ".join(f"{text}: {note}" for text, _, note in rows)
    chart = charts.bars(name, title, f"{said}.", rows, whole=whole)
    return Figure(title=title, head=["", head], rows=[[t, n] for t, _, n in rows]), chart
