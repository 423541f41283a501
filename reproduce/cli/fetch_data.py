"""`sam4mis reproduce fetch-data`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from catalog.cli import completing

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def fetch_data(
    dataset: Annotated[
        str,
        typer.Argument(
            help="A data set of `sam4mis reproduce datasets`.", autocompletion=completing.datasets
        ),
    ],
    split: Annotated[
        str | None, typer.Option("--split", help="Only what this split needs (default: all).")
    ] = None,
    archive: Annotated[
        list[Path] | None,
        typer.Option("--archive", help="A file of the data set that you have; again: one more."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", help="Folder (default: $SAM4MIS_DATA/<name>, or the cache's)."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be downloaded and stop.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Download an open data set, check its hashes and unpack it where `run` looks for it.

    Where a person has to register, it prints the steps; give it the files as they come then, and it
    checks and unpacks them. What is there already stays as it is.

    \b
    Examples:
      sam4mis reproduce fetch-data kvasir-seg --dry-run
      sam4mis reproduce fetch-data isic2018 --split test
      sam4mis reproduce fetch-data drive --archive training.zip --archive test.zip
    """
    from catalog.errors import InputError
    from reproduce.cli.common import as_json, place_of, table
    from reproduce.ground.places import data_goal
    from reproduce.ground.plugins import plugin
    from reproduce.obtaining import datasets

    found = plugin("datasets", dataset)
    root = to or data_goal(dataset)
    if dry_run:
        rows = [
            datasets.Obtained(a.file, datasets.status_of(a, root), a.sha256)
            for a in datasets.archives_of(found, split)
        ]
        if not datasets.can_fetch(found, split):
            typer.echo(f"{dataset}: the tool cannot download it. {found.access}", err=True)
    else:
        rows = datasets.obtain(found, root, split, tuple(archive or ()))
    try:
        cases = {
            name: len(found.cases(root, name, {}))
            for name in found.splits
            if not dry_run and split in (None, name) and datasets.is_here(found, root, name)
        }
    except InputError as error:
        raise InputError(
            f"{error}\nThe folder {place_of(root)} is left as it is; move it away and give the "
            "same command again to have everything anew."
        ) from error
    if json_:
        as_json({"dataset": dataset, "folder": str(root), "files": rows, "cases": cases})
        return
    typer.echo(f"{found.title}. Licence: {found.licence}.", err=True)
    table("Files", ("file", "status", "sha256"), [(r.file, r.status, r.sha256) for r in rows])
    recorded = {a.file for a in datasets.archives_of(found) if a.sha256 or a.md5 or a.content}
    for row in rows:
        if not dry_run and row.sha256 and row.file not in recorded:
            typer.echo(
                f"{row.file}: no hash is recorded, only the number of cases was checked. If this "
                f"is the released file, add sha256={row.sha256!r} to its Archive in "
                f"reproduce/datasets.",
                err=True,
            )
    if cases:
        counts = ", ".join(f"{name} {count:,}" for name, count in cases.items())
        typer.echo(f"cases: {counts}", err=True)
        typer.echo(f"folder: {place_of(root)}", err=True)
