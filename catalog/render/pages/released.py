"""What rows that others released show: the findings, the sources, a page for each source."""

from __future__ import annotations

from collections import Counter

from catalog.evidence import LEVELS, Source
from catalog.render.output import Output
from catalog.render.released_findings import findings
from catalog.render.views import Catalog

ADDRESS = "released/"


def write(output: Output, catalog: Catalog) -> None:
    sources = sorted(catalog.sources.values(), key=lambda s: (LEVELS.index(s.rows), s.id))
    numbers = catalog.numbers
    follow = [c for c in numbers if c.recomputed == "agrees"]
    by_project = Counter(c.project.slug for c in follow)
    output.page(
        ADDRESS,
        "released.html",
        title="What the released rows show",
        description="Printed numbers computed again from rows that their authors released.",
        kind="page",
        words="recomputed per-case scores aggregation mean slices cases released rows evidence",
        findings=findings(catalog.recomputed),
        sources=sources,
        recomputed=catalog.recomputed,
        states=Counter(_state(catalog, s) for s in sources),
        numbers=numbers,
        follow=follow,
        own=catalog.claims,
        own_follow=[c for c in follow if c.claim.own],
        without_rows=_without_rows(catalog),
        differ=[c for c in numbers if c.recomputed == "differs"],
        projects=[(catalog.projects[slug], n) for slug, n in by_project.most_common()],
    )
    for source in sources:
        result = catalog.recomputed.get(source.id)
        output.page(
            f"{ADDRESS}{source.id}/",
            "released_source.html",
            title=f"Released rows: {source.id}",
            description=f"{source.method}; {source.row}",
            kind="rows",
            words=" ".join([source.repository or "", *source.projects]),
            source=source,
            result=result,
            state=_state(catalog, source),
            names={
                f"{p.project.slug}/{c.claim.id}"
                for p in catalog.projects.values()
                for c in p.numbers
            },
        )


def _without_rows(catalog: Catalog) -> int:
    """How many numbers have a source but no rows under them."""
    named = {claim for source in catalog.sources.values() for claim in source.bears_on}
    return sum(
        f"{c.project.slug}/{c.claim.id}" in named and c.released is None for c in catalog.numbers
    )


def _state(catalog: Catalog, source: Source) -> str:
    """What the rows say where they were read, else what is recorded."""
    result = catalog.recomputed.get(source.id)
    return result.state if result else source.state
