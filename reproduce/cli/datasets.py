"""`sam4mis reproduce datasets`: what the harness reads, as a table or as the site's file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)
FILE = "datasets.json"
#: Readers of a format, not data sets of their own: no page of the site is about them.
FORMATS = ("dicom", "folder", "npz", "video-folder", "volumes")


def datasets_document() -> dict[str, Any]:
    """What every dataset plugin says of itself, sorted by name."""
    from reproduce.ground.plugins import plugins
    from reproduce.obtaining.datasets import archives_of, downloadable

    return {
        "schema": "datasets/1",
        "datasets": [
            {
                "name": name,
                "title": plugin.title,
                "version": plugin.version,
                "licence": plugin.licence,
                "access": plugin.access,
                "homepage": plugin.homepage,
                "modalities": list(plugin.modalities),
                "labels": list(plugin.labels),
                "dimensionality": plugin.dimensionality,
                "splits": dict(plugin.splits),
                "options": dict(plugin.options),
                "may_show_images": plugin.may_show_images,
                "format_only": name in FORMATS,
                "how": _how(plugin),
                "files": [
                    {
                        "file": archive.file,
                        "by_hand": not downloadable(archive),
                        "splits": list(archive.splits),
                        "hashes": {
                            kind: value
                            for kind, value in (
                                ("sha256", archive.sha256),
                                ("md5", archive.md5),
                                ("sha256 of the content", archive.content),
                            )
                            if value is not None
                        },
                        "source": archive.source,
                    }
                    for archive in archives_of(plugin)
                ],
            }
            for name, plugin in plugins("datasets").items()
        ],
    }


def _how(dataset: Any) -> str:
    """How its data come here, in two words."""
    from reproduce.obtaining.datasets import can_fetch

    if dataset.generated:
        return "made here"
    if dataset.name in FORMATS:
        return "your own"
    return "fetched" if can_fetch(dataset) else "by hand"


@app.command()
def datasets(
    json_: Annotated[bool, typer.Option("--json", help="Everything, for machines.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help=f"Write reproduce/results/{FILE} for the site.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Fail if it is out of date.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Would it change?")] = False,
) -> None:
    """Data sets the harness reads: licence, how to get them, splits and who defined them.

    \b
    Examples:
      sam4mis reproduce datasets
      sam4mis reproduce datasets --json
    """
    from catalog.registry import RESULTS, find_clone
    from reproduce.cli.common import as_json, table
    from reproduce.ground.extras import need_extra

    document = datasets_document()
    if write or check or dry_run:
        need_extra("writing generated files")
        from reproduce.cli.generated import keep

        path: Path = find_clone("reproduce datasets") / RESULTS / FILE
        keep(
            path,
            document,
            "sam4mis reproduce datasets --write",
            check=check,
            dry_run=dry_run,
            json=json_,
        )
        return
    if json_:
        as_json(document)
        return
    rows = [
        (d["name"], d["how"], d["licence"], ", ".join(d["splits"])) for d in document["datasets"]
    ]
    table("Data sets", ("name", "how to get it", "licence", "splits"), rows)
