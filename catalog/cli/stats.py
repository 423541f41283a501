"""`sam4mis stats`."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer

from catalog.cli.filtering import tell_more, with_filters
from catalog.cli.output import JsonOption, Row, say, sheet, table, write_json
from catalog.facets import TAG_FACETS, Filters, Work

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
@with_filters
def stats(
    filters: Filters,
    by: Annotated[
        str | None,
        typer.Option(help="Count the works by year, venue, author or a filter, e.g. modality."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Count what is in the registry.

    Every count is of works unless it says otherwise; a work with two modalities counts for both.

    \b
    Examples:
      sam4mis stats
      sam4mis stats --by modality --year 2025-
      sam4mis stats --has-weights --json
    """
    from catalog.facets import works
    from catalog.registry import Registry, find_root

    registry = Registry.load_around(find_root(), say)
    all_works = works(registry)
    kept = filters.apply(all_works)
    tell_more(filters, all_works)
    if by:
        counts = _count(kept, by).most_common()
        if json:
            write_json({"of": len(kept), "by": by, "counts": dict(counts)})
        else:
            table((by, "works"), counts)
        return
    summary = summarise(kept, registry)
    if json:
        write_json(summary)
        return
    sections: list[tuple[str, list[Row]]] = [
        (name, list(counts.items())) for name, counts in summary.items()
    ]
    sheet("What is in the registry", sections)


def summarise(kept: list[Work], registry: Any) -> dict[str, dict[str, int]]:
    """Counts by heading: registry, code, weights, claims, year and the most frequent tags."""
    projects = {p.slug: p for work in kept for p in work.projects}
    code, weights = Counter(w.code for w in kept), Counter(w.weights for w in kept)
    summary = {
        "registry": {
            "works": len(kept),
            "versions": sum(len(work.paper.versions) for work in kept),
            "projects of these works": len(projects),
            "projects": len(registry.projects),
            "checkpoints": sum(len(p.checkpoints or []) for p in registry.projects),
            "claims": sum(c.own for p in registry.projects for c in p.claims),
            "numbers printed by others": sum(
                not c.own for p in registry.projects for c in p.claims
            ),
            "runs": len(registry.results),
        },
        "code": {"yes": code[True], "no": code[False], "not checked": code[None]},
        "weights": {"yes": weights[True], "no": weights[False], "not checked": weights[None]},
        "claims of these works": dict(
            Counter(state for work in kept for state in work.states).most_common()
        ),
        "year": dict(sorted(_count(kept, "year").items())),
    }
    for facet in ("contribution", "modality", "adaptation", "base-model", "prompt"):
        summary[facet] = dict(_count(kept, facet).most_common(12))
    return summary


def _count(kept: list[Work], by: str) -> Counter[str]:
    from catalog.errors import UsageError
    from catalog.facets import unknown_value

    known = ["year", "venue", "author", "section", *TAG_FACETS, "prompt", "verdict", "licence"]
    if by not in known:
        raise UsageError(unknown_value("--by", by, known))
    counts: Counter[str] = Counter()
    for work in kept:
        if by == "year":
            counts[str(work.year or "unknown")] += 1
        elif by == "venue":
            counts[work.venue or "unknown"] += 1
        elif by == "section":
            counts[work.paper.section] += 1
        elif by == "author":
            counts.update(work.paper.authors)
        else:
            counts.update(set(work.values(by)))
    return counts
