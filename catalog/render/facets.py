"""The facets of the papers table: what a reader may narrow by, and each work's values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from catalog.render.labels import CODE, LICENCES, WEIGHTS, label
from catalog.render.views import PaperView

#: Values that stand at the end of a facet, in this order.
LAST = ("other", "none", "n/a", "unknown", "no-claim")


@dataclass(frozen=True, slots=True)
class Facet:
    """One thing to narrow by. `key` is the parameter in the address; OR inside, AND across.

    option: the filter of the command line that keeps the same works; None: it has none
    many: the value of works on many of the others, which match each of them until a reader says no
    """

    key: str
    title: str
    of: Callable[[PaperView], tuple[str, ...]]
    labels: dict[str, str] | None = None
    order: tuple[str, ...] | None = None  # None: by count; () : by value, newest first
    least: int = 1  # values with fewer works are left out of the panel
    open: bool = False
    option: str | None = None
    many: str | None = None

    def label(self, value: str) -> str:
        if value == "unknown" and self.key == "year":
            return "no date"
        return (self.labels or {}).get(value) or label(value)


def _values(name: str) -> Callable[[PaperView], tuple[str, ...]]:
    return lambda view: view.work.told(name)


def _standing(view: PaperView) -> tuple[str, ...]:
    return ("second-hand" if view.second_hand else "looked-up",)


STANDING = {
    "looked-up": "looked up by us",
    "second-hand": "second hand, from another list",
}
VERDICT_LABELS = {
    "not-attempted": "not attempted",
    "not-comparable": "not comparable",
    "no-claim": "no claim recorded",
}

FACETS: tuple[Facet, ...] = (
    Facet("code", "Code", lambda v: (v.code,), CODE, tuple(CODE), open=True),
    Facet("weights", "Weights", lambda v: (v.weights,), WEIGHTS, tuple(WEIGHTS), open=True),
    Facet("year", "Year", lambda v: (v.year,), None, (), open=True),
    Facet("modality", "Modality", _values("modality"), open=True, option="modality", many="multi"),
    Facet("dimension", "Dimension", _values("dimensionality"), option="dimensionality"),
    Facet("region", "Region", _values("region"), option="region"),
    Facet("target", "Target", _values("target"), option="target"),
    Facet("prompt", "Prompt", _values("prompt"), option="prompt"),
    Facet("base", "Base model", _values("base-model"), option="base-model"),
    Facet("adaptation", "Adaptation", _values("adaptation"), option="adaptation"),
    Facet("supervision", "Supervision", _values("supervision"), option="supervision"),
    Facet("contribution", "Contribution", _values("contribution"), option="contribution"),
    Facet("dataset", "Data set", _values("dataset"), least=2, option="dataset"),
    Facet(
        "licence",
        "Licence of weights",
        lambda v: v.weights_licence,
        {**LICENCES, "n/a": "no weights"},
        (*LICENCES, "n/a"),
        option="weights-licence",
    ),
    Facet("verdict", "Verdict", lambda v: v.verdicts, VERDICT_LABELS, option="verdict"),
    Facet("standing", "How it was read", _standing, STANDING),
)

BY_KEY = {facet.key: facet for facet in FACETS}


def counted(facet: Facet, views: Iterable[PaperView]) -> list[tuple[str, int]]:
    """Values of a facet with how many works have each, in showing order."""
    counts = Counter(value for view in views for value in facet.of(view))
    if facet.order:
        known = [(v, counts[v]) for v in facet.order if counts[v]]
        return known + sorted((v, n) for v, n in counts.items() if v not in facet.order)
    if facet.order == ():
        ordered = sorted(counts.items(), reverse=True)
    else:
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(v, n) for v, n in ordered if v not in LAST] + [
        (v, counts[v]) for v in LAST if counts[v]
    ]
