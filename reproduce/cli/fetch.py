"""`sam4mis reproduce fetch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from catalog.cli import completing

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def fetch(
    project: Annotated[
        str | None,
        typer.Argument(
            help="A project of projects/.",
            autocompletion=completing.projects,
        ),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", help="Weights and data of a plan file, for nodes without network."),
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option("--checkpoint", help="Only this checkpoint (its id).")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be downloaded and stop.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Download the weights of a project into the cache; the hash decides whether they are right.

    \b
    Examples:
      sam4mis reproduce fetch lwnet --dry-run
      sam4mis reproduce fetch lwnet
      sam4mis reproduce fetch --plan night.json
    """
    from catalog.cli.output import say
    from catalog.errors import FindingsError, Sam4misError, UsageError
    from catalog.lookup import named_project
    from catalog.registry import Registry, find_root
    from reproduce.cli.common import as_json
    from reproduce.ground.reading import sha256_of
    from reproduce.obtaining.weights import obtain, record_lines, status_of

    if (project is None) == (plan is None):
        raise UsageError("fetch: name a project, or give --plan FILE; one of them.")
    if plan is not None:
        from reproduce.cli.prefetch import prefetch

        prefetch(plan, dry_run=dry_run, json=json_)
        return
    assert project is not None
    found = named_project(project, Registry.load_around(find_root(), say).projects)
    project = found.slug
    records = [c for c in found.checkpoints or [] if checkpoint in (None, c.id)]
    if not records:
        known = ", ".join(c.id for c in found.checkpoints or []) or "none"
        raise UsageError(
            f"{project} has no checkpoint {checkpoint or ''}; known: {known}. (--checkpoint takes "
            "an id here; a file goes to `sam4mis reproduce run ... --checkpoint <file>`.)"
        )
    rows = []
    problems: list[Sam4misError] = []
    for record in records:
        if dry_run:
            rows.append({"checkpoint": record.id, "status": status_of(project, record)})
            continue
        try:
            path = obtain(project, record)
        except FindingsError:
            raise
        except Sam4misError as error:
            problems.append(error)
            continue
        sha256 = record.sha256 or sha256_of(path)
        rows.append(
            {"checkpoint": record.id, "status": "here", "file": str(path), "sha256": sha256}
        )
        if lines := record_lines(record):
            typer.echo(
                f"{record.id}: no sha256 is recorded. If this is the released file, its entry in "
                f"projects/{project}.yaml says:\n{lines}",
                err=True,
            )
    if json_:
        as_json(rows)
    else:
        for row in rows:
            typer.echo("\t".join(row.values()))
    if problems:
        raise type(problems[0])("\n".join(str(problem) for problem in problems))
