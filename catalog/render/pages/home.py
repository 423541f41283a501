"""The home page: what this is, eight numbers, the years, the latest."""

from __future__ import annotations

from collections import Counter

from catalog.render import charts
from catalog.render.answers import answers
from catalog.render.facets import BY_KEY, counted
from catalog.render.labels import DECIDED
from catalog.render.output import Output
from catalog.render.views import Catalog

STAGES = (
    ("no code", "none"),
    ("code", "code"),
    ("code and weights", "weights"),
    ("at least one claim checked", "checked"),
)


def write(output: Output, catalog: Catalog) -> None:
    papers, claims = catalog.papers, catalog.claims
    code = sum(v.work.code is True for v in papers)
    weights = sum(v.work.weights is True for v in papers)
    decided = sum(c.state in DECIDED for c in claims)
    printed = catalog.numbers
    follow = sum(c.recomputed == "agrees" for c in printed)

    def table(**wanted: tuple[str, ...]) -> str:
        """Address of the table narrowed to values that some work has."""
        pairs = [
            f"{key}={value}"
            for key, values in wanted.items()
            for value, _ in counted(BY_KEY[key], papers)
            if value in values
        ]
        return "papers/" + ("?" + "&".join(pairs) if pairs else "")

    numbers = [
        (len(papers), None, "works", "papers/"),
        (code, len(papers), "works with code", table(code=("yes", "linked"))),
        (weights, len(papers), "works with released weights", table(weights=("yes", "gated"))),
        (
            sum(line.runs for line in catalog.releases),
            len(catalog.releases),
            "releases of weights that run here",
            "verification/#runnable",
        ),
        (len(claims), None, "claims with their place in print", "verification/#states"),
        (decided, len(claims), "claims of methods checked by a run", "verification/#states"),
        (len(catalog.others), None, "numbers that others printed", "verification/#states"),
        (follow, len(printed), "numbers that follow from released rows", "released/"),
    ]
    by_year: dict[str, Counter[str]] = {}
    for view in papers:
        if view.year != "unknown":
            by_year.setdefault(view.year, Counter())[view.stage] += 1
    years = sorted(by_year)
    series = [(name, [by_year[y][key] for y in years]) for name, key in STAGES]
    undated = sum(v.year == "unknown" for v in papers)
    said = "; ".join(f"{y}: {sum(by_year[y].values())}" for y in years)
    timeline = charts.stacked(
        "timeline",
        "Works per year by how far they can be followed",
        f"Works per year: {said}.",
        years,
        series,
        unit="works" + (f" ({undated} without a date)" if undated else ""),
        height=230,
    )
    runs = {r.run: r for r in catalog.runs}
    latest = [
        (c, runs.get(c.verdict.run or ""))
        for c in [*claims, *catalog.control_claims]
        if c.verdict and c.verdict.run
    ]
    latest.sort(key=lambda item: item[1].created if item[1] else "", reverse=True)
    output.page(
        "",
        "home.html",
        title="sam4mis",
        description="The living catalog of Segment Anything in medical image segmentation, and "
        "the first that checks whether released checkpoints give the numbers their papers print.",
        numbers=numbers,
        answers=answers(catalog),
        timeline=timeline,
        series=series,
        years=years,
        totals=[sum(by_year[y].values()) for y in years],
        verdicts=latest[:6],
        newest=papers[:8],
    )
