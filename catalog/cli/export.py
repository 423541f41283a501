"""`sam4mis export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from catalog.cli.filtering import tell_more, with_filters
from catalog.cli.output import counted, say, write, write_json
from catalog.facets import Filters
from catalog.files import write_whole

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
    to: Annotated[
        Format | None, typer.Option("--format", "-f", help="What to write. [default: bibtex]")
    ] = None,
    query: Annotated[str | None, typer.Option(help="Only what `search` finds.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file instead of stdout.")
    ] = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the schema of json.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Write works as BibTeX, RIS, CSL-JSON, CSV or JSON: all, those of a query, or single ones.

    BibTeX keys are the works' ids and never change. Where a file is written, --json answers with
    its name and how many works are in it.

    \b
    Examples:
      sam4mis export > sam4mis.bib
      sam4mis export medsam sammed2d
      sam4mis export --modality ultrasound --has-code --format csv -o ultrasound.csv
      sam4mis export --query "polyp segmentation" --format ris
    """
    from catalog.errors import UsageError
    from catalog.exports import FORMATS, json_schema
    from catalog.facets import works
    from catalog.lookup import find
    from catalog.registry import Registry, find_root

    if schema:
        write_json(json_schema())
        return
    chosen_format = to or (Format.json if json else Format.bibtex)
    if json and output is None and chosen_format is not Format.json:
        raise UsageError(f"--json and --format {chosen_format}: give one of them, or -o FILE.")
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
    text = FORMATS[chosen_format](work.paper for work in chosen)
    if output is None:
        write(text)
    else:
        if not output.parent.is_dir():
            raise UsageError(f"--output: the folder {output.parent} does not exist.")
        write_whole(output, text.encode())
        if json:
            write_json({"file": str(output), "format": chosen_format, "works": len(chosen)})
    where = f" in {output}" if output else ""
    say(f"{counted(len(chosen), 'work')} as {chosen_format}{where}")
    if not names:
        tell_more(filters, all_works)
