"""Trends: questions as titles, one sentence as answer, the plot, the data; the gap map."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from markupsafe import Markup

from catalog.render import charts
from catalog.render.facets import BY_KEY, LAST, counted
from catalog.render.output import Output
from catalog.render.views import Catalog, PaperView, tag_values

#: Years with fewer works tell nothing about shares.
ENOUGH = 30
TOP = 4


@dataclass(slots=True)
class Question:
    """A question with its answer, its plot and its data (rows of cells under a head)."""

    name: str
    title: str
    answer: str
    chart: Markup
    head: list[str]
    rows: list[list[str]]


def _years(papers: list[PaperView]) -> dict[str, list[PaperView]]:
    found: dict[str, list[PaperView]] = {}
    for view in papers:
        if view.year != "unknown":
            found.setdefault(view.year, []).append(view)
    return {y: v for y, v in sorted(found.items()) if len(v) >= ENOUGH}


def _some(share: float, works: int) -> str:
    """A share with what it is a share of: `53 of 156 works (34 %)`."""
    return f"{share * works:.0f} of {works} works ({100 * share:.0f} %)"


def _release(years: dict[str, list[PaperView]]) -> Question:
    """Share of works per year by release; what nobody has looked for is not counted as none."""
    stages = (
        ("not looked for", "unknown"),
        ("no code found", "none"),
        ("code", "code"),
        ("code and weights", "weights+"),
    )
    shares: dict[str, list[float]] = {name: [] for name, _ in stages}
    rows = []
    for year, views in years.items():
        counts = Counter(
            "weights+" if v.stage in ("weights", "checked") else v.stage for v in views
        )
        for name, key in stages:
            shares[name].append(counts[key] / len(views))
        rows.append(
            [
                year,
                str(len(views)),
                *(f"{counts[key]} ({100 * counts[key] / len(views):.0f} %)" for _, key in stages),
            ]
        )
    last = list(years)[-1] if years else "—"
    works = len(years[last]) if years else 0
    answer = (
        f"In {last}, {_some(shares['code'][-1] + shares['code and weights'][-1], works)}"
        f" link code and {_some(shares['code and weights'][-1], works)} release weights; "
        f"for {_some(shares['not looked for'][-1], works)} nobody has looked yet."
        if years
        else "Not enough works with a year."
    )
    chart = charts.stacked(
        "release",
        "Share of works by release",
        answer,
        list(years),
        list(shares.items()),
        share=True,
    )
    return Question(
        "release",
        "Do they release code and weights?",
        answer,
        chart,
        ["Year", "Works", *shares],
        rows,
    )


def _tag(papers: list[PaperView], name: str, title: str, what: str) -> Question:
    """Works with each of the most frequent values of a facet, as the table of works counts them,
    and their share year by year; a work may have several."""
    facet = BY_KEY[name]
    told = [view for view in papers if facet.of(view) != ("unknown",)]
    years = {y: v for y, v in _years(told).items() if len(v) >= ENOUGH}
    counts = {y: Counter(t for v in views for t in facet.of(v)) for y, views in years.items()}
    total = [(t, n) for t, n in counted(facet, told) if t not in LAST][:10]
    top = [t for t, _ in total]
    head = ["Year", "Works", *map(facet.label, top)]
    if not years or not top:
        return Question(name, title, "Not enough works have this recorded.", Markup(""), head, [])
    rows = [
        [
            year,
            str(len(views)),
            *(f"{counts[year][t]} ({100 * counts[year][t] / len(views):.0f} %)" for t in top),
        ]
        for year, views in years.items()
    ]
    first, last = next(iter(years)), list(years)[-1]
    change = {
        t: counts[last][t] / len(years[last]) - counts[first][t] / len(years[first]) for t in top
    }
    up = max(change, key=lambda t: change[t])
    answer = (
        f"{facet.label(top[0])} most often: {total[0][1]} of {len(told)} works with {what} "
        f"recorded; {facet.label(up)} has grown most, "
        f"from {_some(counts[first][up] / len(years[first]), len(years[first]))} in {first} "
        f"to {_some(counts[last][up] / len(years[last]), len(years[last]))} in {last}."
    )
    bars = [(facet.label(t), float(n), f"{n} of {len(told)}") for t, n in total]
    chart = charts.bars(name, title, answer, bars, whole=len(told))
    return Question(name, title, answer, chart, head, rows)


def gap_map(papers: list[PaperView]) -> tuple[list[str], list[tuple[str, list[int]]], int]:
    """Works by modality (rows) and adaptation (columns), densest first; and the largest cell."""
    cells: Counter[tuple[str, str]] = Counter()
    for view in papers:
        for modality in tag_values(view.paper.modalities):
            for adaptation in tag_values(view.paper.adaptation):
                cells[modality, adaptation] += 1
    skip = ("unknown", "n/a", "none", "other", "multi")
    modalities, adaptations = Counter[str](), Counter[str]()
    for (modality, adaptation), n in cells.items():
        if modality not in skip and adaptation not in skip:
            modalities[modality] += n
            adaptations[adaptation] += n
    rows = sorted(modalities, key=lambda m: (-modalities[m], m))
    columns = sorted(adaptations, key=lambda a: (-adaptations[a], a))[:16]
    table = [(m, [cells[m, a] for a in columns]) for m in rows]
    return columns, table, max((n for _, row in table for n in row), default=1)


def write(output: Output, catalog: Catalog) -> None:
    years = _years(catalog.papers)
    questions = [
        _release(years),
        _tag(catalog.papers, "base", "Which models do they build on?", "a base model"),
        _tag(catalog.papers, "adaptation", "How do they adapt them?", "an adaptation"),
        _tag(catalog.papers, "modality", "Which images do they segment?", "a modality"),
        _tag(catalog.papers, "dimension", "Slices, volumes or videos?", "a dimension"),
        _tag(catalog.papers, "prompt", "What do they give the model?", "a prompt"),
    ]
    columns, table, most = gap_map(catalog.papers)
    empty = sum(n == 0 for _, row in table for n in row)
    output.page(
        "trends/",
        "trends.html",
        title="Trends",
        kind="page",
        description="What the field does, and where nobody is yet: questions with their data.",
        words="gap map modality adaptation years",
        questions=questions,
        columns=columns,
        table=table,
        most=most,
        empty=empty,
        cells=len(columns) * len(table),
        works=len(catalog.papers),
        placed=sum(
            tag_values(v.paper.modalities) != ("unknown",)
            and tag_values(v.paper.adaptation) != ("unknown",)
            for v in catalog.papers
        ),
    )
