"""`sam4mis reproduce doctor`."""

from __future__ import annotations

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

    Extra, adapter and what would bring it, checkpoint, data, memory, files to look at first. All
    projects: a line for each; one project: every step, as typed.

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
    if project is not None:
        sections = [(r.project, [("ready", "yes")] if r.ready else _missing(r)) for r in rows]
        sheet(title, sections)
        return
    cells = [(r.project, "yes" if r.ready else "no", _short(r)) for r in rows]
    table(title, ("project", "ready", "missing"), cells, "missing")
    say("What to do for one of them: sam4mis reproduce doctor PROJECT")


def _short(row: Readiness) -> str | None:
    """What a project lacks in a few words: kinds, numbers, names of data sets."""
    told: dict[str, list[str]] = {}
    for kind, rest in _missing(row):
        word, _, name = kind.partition(" ")
        if word == "checkpoint":
            here = "weights to download" if rest.startswith("would be") else "weights by hand"
            told.setdefault(here, []).append(name)
        elif word == "data":
            told.setdefault("data", []).append(name or rest.removeprefix("no plugin for "))
        elif kind.endswith("claims blocked"):
            told.setdefault("claims blocked", []).extend([""] * int(word))
        elif kind not in ("lifted by", "look first"):
            told.setdefault("no claim" if kind == "claim" else f"{kind}" or rest, [])
    words = []
    for what, names in told.items():
        if what == "data":
            words.append(f"data {', '.join(dict.fromkeys(names))}")
        elif what == "adapter":
            words.append("an adapter")
        else:
            said = what.replace("claims", "claim") if len(names) == 1 else what
            words.append(f"{len(names)} {said}" if names else what)
    return "; ".join(words) or None


def _missing(row: Readiness) -> list[tuple[str, str]]:
    """What a project lacks: the kind of thing, and the rest of the words."""
    found = []
    for text in row.missing:
        kind, _, rest = text.partition(": ")
        found.append((kind, rest) if rest and len(kind) < 60 else ("", text))
    return found
