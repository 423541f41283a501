"""The home page: what this is, ways in, what is known, and how far the numbers were followed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from catalog.choosing import offers
from catalog.registry import RESULTS
from catalog.render import charts
from catalog.render.answers import answers
from catalog.render.facets import BY_KEY, LAST, counted
from catalog.render.labels import DECIDED, label
from catalog.render.output import Output
from catalog.render.pages.find import landings
from catalog.render.pages.profiles import document
from catalog.render.views import Catalog

STAGES = (
    ("not looked for", "unknown"),
    ("no code", "none"),
    ("code", "code"),
    ("code and weights", "weights"),
    ("at least one claim checked", "checked"),
)
TILES = 12  # modalities that have a tile


@dataclass(frozen=True, slots=True)
class Tile:
    """A modality: how many works, and how many of them have released weights.

    page: where the models for it are chosen from; None where no release is for it
    """

    value: str
    name: str
    works: int
    weights: int
    page: str | None


def tiles(catalog: Catalog) -> list[Tile]:
    """The modalities that most works are about, the most first."""
    facet = BY_KEY["modality"]
    open_weights = Counter(
        value for v in catalog.papers if v.weights == "yes" for value in facet.of(v)
    )
    found = [(value, n) for value, n in counted(facet, catalog.papers) if value not in LAST]
    pages = {value for value, _, _ in landings("modality", offers(catalog.registry))}
    return [
        Tile(v, label(v), n, open_weights[v], f"find/{v}/" if v in pages else None)
        for v, n in found
        if v != "multi"
    ][:TILES]


def facts(catalog: Catalog) -> list[tuple[str, str, str]]:
    """What the records show besides the five answers: (number, words, address)."""
    cards = [v.project.protocol_card for v in catalog.methods if v.project.protocol_card]
    results = catalog.registry.root / RESULTS
    dice = sum(
        "dice" in (p.get("values") or {})
        for p in document(results / "profiles.json").get("profiles", [])
    )
    follow = Counter(c.recomputed for c in catalog.numbers)
    runs = sum(line.runs for line in catalog.releases)
    uses = [use for v in catalog.methods for use in v.project.datasets or []]
    found = [
        (
            dice,
            f"{dice} ways",
            "to compute “the Dice” are in use; the same masks give other numbers",
            "why/",
        ),
        (
            len(cards),
            f"{sum(len(card.traps) for card in cards)} traps",
            f"stand in the evaluation code of {len(cards)} releases, each with its line",
            "protocols/",
        ),
        (
            follow["agrees"],
            f"{follow['agrees']} of {len(catalog.numbers)}",
            "printed numbers follow from rows that somebody released; "
            f"{follow['differs']} do not match theirs",
            "released/",
        ),
        (
            runs,
            f"{runs} of {len(catalog.releases)}",
            "releases with public weights run here with one command",
            "verification/#runnable",
        ),
        (
            len(uses),
            f"{sum(bool(use.split) for use in uses)} of {len(uses)}",
            "uses of a data set have their split recorded as the code has it",
            "datasets/splits/",
        ),
    ]
    return [(number, words, address) for there, number, words, address in found if there]


def write(output: Output, catalog: Catalog) -> None:
    papers = catalog.papers
    printed = catalog.numbers
    run = [c for c in catalog.claims if c.state in DECIDED]
    by_year: dict[str, Counter[str]] = {}
    for view in papers:
        if view.year != "unknown":
            by_year.setdefault(view.year, Counter())[view.stage] += 1
    years = sorted(by_year)
    series = [(name, [by_year[y][key] for y in years]) for name, key in STAGES]
    series = [(name, values) for name, values in series if any(values)]
    undated = sum(v.year == "unknown" for v in papers)
    said = "; ".join(f"{y}: {sum(by_year[y].values())}" for y in years)
    timeline = charts.stacked(
        "timeline",
        "Works per year by how far they can be followed",
        f"Works per year: {said}.",
        years,
        series,
        unit="works" + (f" ({undated} without a date)" if undated else ""),
    )
    output.page(
        "",
        "home.html",
        title="sam4mis: Segment Anything in medical image segmentation",
        description="What Segment Anything can do in medical images: every work, its code and "
        "weights, what it found, and whether the released weights give the printed numbers.",
        works=len(papers),
        tiles=tiles(catalog),
        multi=sum("multi" in BY_KEY["modality"].of(v) for v in papers),
        untagged=sum(BY_KEY["modality"].of(v) == ("unknown",) for v in papers),
        answers=answers(catalog),
        facts=facts(catalog),
        printed=printed,
        follow=sum(c.recomputed == "agrees" for c in printed),
        run=run,
        ready=[one for one in catalog.ready.runs if one.decides],
        controls=[
            c for c in catalog.control_claims if c.state in DECIDED and c.project.kind == "control"
        ],
        timeline=timeline,
        series=series,
        years=years,
        totals=[sum(by_year[y].values()) for y in years],
        newest=papers[:6],
    )
