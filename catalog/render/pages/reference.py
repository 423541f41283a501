"""Protocol cards compared, name collisions, changes, methodology, API, search."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from catalog.naming import slug
from catalog.render import charts
from catalog.render.facets import FACETS, counted
from catalog.render.machine import DUMPS, FED, FEED, FILES
from catalog.render.output import Output
from catalog.render.views import Catalog, PaperView, ProjectView
from catalog.sources import prisma_counts

#: Conventions that change a number most, shown first on the page of protocol cards.
LEADING = (
    "empty-both-1",
    "empty-both-0",
    "false-positive-scores-1",
    "pools-dataset",
    "pools-batch",
)


def write(output: Output, catalog: Catalog) -> None:
    _protocols(output, catalog)
    _collisions(output, catalog)
    _changes(output, catalog)
    _methodology(output, catalog)
    feeds = [
        (
            f.title,
            [
                (catalog.facet_label(f, v), f"feeds/{f.key}/{slug(v)}.xml")
                for v, _ in counted(f, catalog.papers)
                if v not in ("unknown", "none", "n/a")
            ],
        )
        for f in FACETS
        if f.key in FED
    ]
    output.page(
        "api/",
        "api.html",
        title="API and files",
        kind="page",
        description="The JSON API, dumps, feeds and badges.",
        words="json bibtex ris csl csv atom feed",
        dumps=DUMPS,
        feed=FEED,
        feeds=feeds,
        api=FILES,
    )
    output.page(
        "search/", "search.html", title="Search", description="Search works, projects, runs, pages."
    )


def _protocols(output: Output, catalog: Catalog) -> None:
    carded = [v for v in catalog.methods if v.project.protocol_card]
    coded: dict[str, list[ProjectView]] = defaultdict(list)
    for view in carded:
        card = view.project.protocol_card
        for code in dict.fromkeys(card.conventions if card else []):
            coded[code].append(view)
    groups: dict[str, list[tuple[str, str, list[ProjectView]]]] = {}
    for code, item in catalog.conventions.items():
        groups.setdefault(item["facet"], []).append((code, item["text"], coded.get(code, [])))
    for code in coded.keys() - catalog.conventions.keys():
        groups.setdefault("other", []).append((code, code, coded[code]))
    for items in groups.values():
        items.sort(key=lambda item: (-len(item[2]), item[0]))
    used = sum(
        bool(v.project.protocol_card and v.project.protocol_card.conventions) for v in carded
    )
    charted = {
        facet: charts.bars(
            f"conv-{slug(facet)}",
            f"Protocol cards by convention: {facet.replace('_', ' ')}",
            "; ".join(f"{text}: {len(views)} of {used}" for _, text, views in items) + ".",
            [
                (
                    text,
                    float(len(views)),
                    f"{len(views)} of {used}",
                )
                for _, text, views in items
                if views
            ],
            whole=used,
        )
        for facet, items in sorted(groups.items())
        if any(views for *_, views in items)
    }
    output.page(
        "protocols/",
        "protocols.html",
        title="Protocol cards",
        kind="page",
        description="What the evaluation code of each project computes, and why numbers differ.",
        words="conventions empty masks aggregation threshold",
        groups=sorted(groups.items()),
        charts=charted,
        cards=carded,
        used=used,
        leading=[
            (catalog.conventions[c]["text"], c, len(coded.get(c, [])))
            for c in LEADING
            if c in catalog.conventions
        ],
    )


def _plain(text: str) -> str:
    """A name as people search it: without case, spaces and punctuation; digits and `+` stay.

    >>> _plain("Polyp-SAM++"), _plain("Polyp SAM")
    ('polypsam++', 'polypsam')
    """
    return re.sub(r"[^\w+]|_", "", text).casefold()


def collisions(catalog: Catalog) -> list[tuple[str, list[PaperView]]]:
    """Short names borne by several works."""
    names: dict[str, list[PaperView]] = defaultdict(list)
    for view in catalog.papers:
        if view.paper.short_name:
            names[_plain(view.paper.short_name)].append(view)
    return sorted((v[0].name, v) for v in names.values() if len(v) > 1)


def near_names(catalog: Catalog) -> list[list[PaperView]]:
    """Names that differ only in digits or in what stands around them (SAM-Med2D, SAM-Med3D)."""
    stems: dict[str, dict[str, PaperView]] = defaultdict(dict)
    for view in catalog.papers:
        if view.paper.short_name:
            plain = _plain(view.paper.short_name)
            stems[re.sub(r"\d", "", plain)].setdefault(plain, view)
    return [list(v.values()) for _, v in sorted(stems.items()) if len(v) > 1]


def _collisions(output: Output, catalog: Catalog) -> None:
    output.page(
        "collisions/",
        "collisions.html",
        title="Name collisions",
        kind="page",
        description="Different works under one name, and works under several titles.",
        groups=collisions(catalog),
        near=near_names(catalog),
        renamed=[v for v in catalog.papers if v.titles],
    )


def _changes(output: Output, catalog: Catalog) -> None:
    added: dict[str, list[PaperView]] = defaultdict(list)
    for view in catalog.papers:
        added[view.paper.added or ""].append(view)
    runs = [
        (r, [c for c in catalog.verdict_of(r) if c.verdict and c.verdict.run == r.run])
        for r in catalog.runs
    ]
    output.page(
        "changes/",
        "changes.html",
        title="Changes",
        kind="page",
        description="Works added, merged and removed; runs and verdicts.",
        added=[(when, views) for when, views in sorted(added.items(), reverse=True) if when],
        undated=len(added.get("", [])),
        merged=[(old, catalog.by_id[new]) for old, new in catalog.merged.items()],
        excluded=catalog.excluded,
        runs=runs,
    )


def _methodology(output: Output, catalog: Catalog) -> None:
    # As `sam4mis screen` counts: the list's rows, the searches and what people decided.
    counts = prisma_counts(catalog.registry.root)
    reasons = Counter((v.paper.inclusion.reason or "no reason recorded") for v in catalog.excluded)
    shown = [f"{n} × {reason}" for reason, n in reasons.most_common(5) if n > 1]
    excluded = sum(counts["excluded"].values())
    undecided = counts["included"]["undecided"]
    included = counts["included"]["works"]
    steps: list[tuple[str, str, list[str]]] = [
        (
            "Identified",
            f"{sum(counts['identified'].values()):,}",
            [f"{name}: {n}" for name, n in counts["identified"].items()],
        ),
        (
            "Screened by a person",
            str(counts["screened"]["works and candidates"]),
            [f"{name}: {n}" for name, n in counts["removed"].items()]
            + [f"waiting: {n}" for n in counts["waiting"].values()],
        ),
        (
            "In the catalog",
            f"{included + undecided}" + (f" ({undecided} of them undecided)" if undecided else ""),
            [f"excluded, each with a reason: {excluded}", *shown] if excluded else [],
        ),
        ("With a code release", f"{sum(bool(v.projects) for v in catalog.papers)}", []),
        ("With a claim recorded", f"{sum(bool(v.claims) for v in catalog.papers)}", []),
    ]
    said = "; ".join(f"{box}: {count}" for box, count, _ in steps)
    output.page(
        "methodology/",
        "methodology.html",
        title="Methodology",
        kind="page",
        description="How works are chosen, how numbers are computed, how verdicts come about.",
        words="verdict rule tost equivalence metric profiles inclusion prisma",
        flow=charts.flow(
            "prisma",
            "From records identified to works in the catalog",
            said + ".",
            steps,
        ),
        steps=steps,
        reasons=reasons.most_common(),
        excluded=catalog.excluded,
    )
