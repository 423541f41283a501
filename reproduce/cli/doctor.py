"""`sam4mis reproduce doctor`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.cli import completing

if TYPE_CHECKING:
    from reproduce.planning.readiness import Readiness

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def doctor(
    project: Annotated[
        str | None,
        typer.Argument(
            help="Only this project.",
            autocompletion=completing.projects,
        ),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Also projects without released weights.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Say for every project with released weights what is missing here to run it.

    Extra, adapter and what would bring it, checkpoint, data, memory, files to look at first.

    \b
    Examples:
      sam4mis reproduce doctor
      sam4mis reproduce doctor lwnet
    """
    from catalog.cli.output import say, sheet
    from catalog.lookup import named_project
    from catalog.registry import Registry, find_root
    from reproduce.cli.common import as_json, table
    from reproduce.planning.readiness import examine, machine

    registry = Registry.load_around(find_root(), say)
    if project is not None:
        project = named_project(project, registry.projects).slug
    chosen = [
        p
        for p in registry.projects
        if (project is None or p.slug == project)
        and (all_ or project is not None or p.adapter is not None or p.weights_status == "public")
        and (p.kind != "selftest" or project is not None)  # it brings its own weights and data
    ]
    here = machine()
    rows = [examine(item, here) for item in chosen]
    if json_:
        as_json({"machine": here, "projects": rows})
        return
    memory = (
        f"{here.memory_mib / 1024:.0f} GiB memory, {here.disk_free_mib / 1024:.0f} GiB free in the "
        "cache"
    )
    typer.echo(
        f"extra [reproduce]: {'installed' if not here.missing_packages else here.install}; "
        f"{memory}; GPU: {here.gpu or 'none'}",
        err=True,
    )
    title = f"{sum(r.ready for r in rows)} of {len(rows)} projects can run here"
    if sys.stdout.isatty():  # a person reads what is missing line by line
        sections = [(r.project, [("ready", "yes")] if r.ready else _missing(r)) for r in rows]
        sheet(title, sections)
        return
    cells = [(r.project, "yes" if r.ready else "no", "; ".join(r.missing)) for r in rows]
    table(title, ("project", "ready", "missing"), cells)


def _missing(row: Readiness) -> list[tuple[str, str]]:
    """What a project lacks: the kind of thing, and the rest of the words."""
    found = []
    for text in row.missing:
        kind, _, rest = text.partition(": ")
        found.append((kind, rest) if rest and len(kind) < 60 else ("", text))
    return found
