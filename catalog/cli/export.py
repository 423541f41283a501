"""`sam4mis export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from catalog.cli.filtering import with_filters
from catalog.cli.output import counted, say, write
from catalog.facets import Filters

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Format(StrEnum):
    """Formats of `catalog.exports`."""

    bibtex = "bibtex"
    ris = "ris"
    csl_json = "csl-json"
    csv = "csv"
    json = "json"


@app.command()
@with_filters
def export(
    filters: Filters,
    names: Annotated[
        list[str] | None, typer.Argument(help="Ids of works; none: all that pass the filters.")
    ] = None,
    to: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.bibtex,
    query: Annotated[str | None, typer.Option(help="Only what `search` finds.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file instead of stdout.")
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the schema of json.")] = False,
) -> None:
    """Write works as BibTeX, RIS, CSL-JSON, CSV or JSON: all, those of a query, or single ones.

    BibTeX keys are the works' ids and never change.

    \b
    Examples:
      sam4mis export > sam4mis.bib
      sam4mis export medsam sammed2d
      sam4mis export --modality ultrasound --has-code --format csv -o ultrasound.csv
      sam4mis export --query "polyp segmentation" --format ris
    """
    import json

    from catalog.errors import UsageError
    from catalog.exports import FORMATS, json_schema
    from catalog.facets import works
    from catalog.lookup import find
    from catalog.registry import Registry, find_root

    if schema:
        write(json.dumps(json_schema(), indent=1) + "\n")
        return
    registry = Registry.load_around(find_root(), say)
    all_works = works(registry)
    if names:
        chosen = []
        for name in names:
            work, project = find(name, all_works, registry.projects)
            if work:
                chosen.append(work)
            elif project:
                chosen += [w for w in all_works if any(p is project for p in w.projects)]
    else:
        chosen = filters.apply(all_works)
    if query:
        from catalog.search import Index

        chosen = [hit.work for hit in Index(chosen).search(query)]
    text = FORMATS[to.value](work.paper for work in chosen)
    if output is None:
        write(text)
    else:
        if not output.parent.is_dir():
            raise UsageError(f"--output: the folder {output.parent} does not exist.")
        output.write_text(text, "utf-8")
    say(f"{counted(len(chosen), 'work')} as {to.value}" + (f" in {output}" if output else ""))
