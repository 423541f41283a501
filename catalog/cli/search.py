"""`sam4mis search`."""

from __future__ import annotations

from typing import Annotated

import typer

from catalog.cli.filtering import tell_more, with_filters
from catalog.cli.output import JsonOption, counted, say, table, write_json
from catalog.facets import Filters

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
@with_filters
def search(
    filters: Filters,
    words: Annotated[
        list[str],
        typer.Argument(metavar="WORDS", help="What to look for; every word must be found."),
    ],
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, metavar="N")] = 20,
    json: JsonOption = False,
) -> None:
    """Find works by title (old or new), short name, author, tag, venue, arXiv id or DOI.

    Typing errors are forgiven, digits are not: SAM-Med2D is not SAM-Med3D.

    \b
    Examples:
      sam4mis search medsam
      sam4mis search segment anything in medical images
      sam4mis search polyp --has-code --year 2024-
      sam4mis search 2304.12306 --json
    """
    from catalog.cli import rows
    from catalog.facets import without_paper, works
    from catalog.registry import Registry, find_root
    from catalog.search import Index

    query = " ".join(words)
    registry = Registry.load_around(find_root(), say)
    found = works(registry)
    # a control or a tool has no paper, but people look for it
    everything = [*found, *without_paper(registry, found)]
    chosen = filters.apply(everything)
    if filters.inclusion:
        hits = (index := Index(chosen)).search(query)
    else:  # found as without filters, so that a filter changes no order
        index = Index.kept(registry, Filters().apply(everything))
        ids = {work.paper.id for work in chosen}
        hits = [hit for hit in index.search(query) if hit.work.paper.id in ids]
    shown = hits[:limit]
    if json:
        write_json(
            [{**rows.work_data(h.work), "score": h.score, "found_in": h.fields} for h in shown]
        )
    else:
        table(rows.WORK_COLUMNS, (rows.work_row(hit.work) for hit in shown), "claims", "title")
        more = f", {limit} shown (--limit shows more)" if len(hits) > limit else ""
        say(counted(len(hits), "work") + more)
        tell_more(filters, everything)
        if not hits:
            near = index.near(query)
            meant = f" Did you mean {' or '.join(near)}?" if near else ""
            spare = [
                f" Without {word!r}: {counted(n, 'work')}." for word, n in index.without(query)
            ]
            say(f"Nothing holds all of these words.{''.join(spare)}{meant} Or: sam4mis list --help")
