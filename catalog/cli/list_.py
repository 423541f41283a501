"""`sam4mis list`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from catalog.cli import completing
from catalog.cli.filtering import is_set, tell_more, with_filters
from catalog.cli.output import JsonOption, counted, say, table, write_json
from catalog.facets import Filters, Work

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Kind(StrEnum):
    """What can be listed."""

    papers = "papers"
    projects = "projects"
    claims = "claims"


@app.command()
@with_filters
def list_command(
    filters: Filters,
    what: Annotated[Kind, typer.Argument(help="papers, projects or claims.")] = Kind.papers,
    project: Annotated[
        str | None,
        typer.Option(
            help="Only this project (or claims of it).",
            metavar="SLUG",
            autocompletion=completing.projects,
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many.", min=1, metavar="N")] = None,
    json: JsonOption = False,
) -> None:
    """List works, projects or claims, filtered.

    Values of one filter are alternatives, different filters must all hold.

    \b
    Examples:
      sam4mis list --modality ultrasound --has-weights
      sam4mis list --prompt box --prompt point --year 2024-
      sam4mis list projects --licence commercial
      sam4mis list claims --verdict reproduced --json
      sam4mis list claims --project medsam

    Claims of controls and self-tests are listed too; their kind says so.

    In a pipe every line holds, between tabs, what the columns hold on a terminal:
    for papers id, year, code, weights, claims and title.
    """
    from catalog.cli import rows
    from catalog.facets import without_paper, works
    from catalog.lookup import named_project
    from catalog.registry import Registry, find_root

    registry = Registry.load_around(find_root(), say)
    found = works(registry)
    everything = [*found, *without_paper(registry, found)]
    if project is not None:
        project = named_project(project, registry.projects).slug
        everything = _of(project, everything)
    passed = filters.apply(everything)
    kept = [work for work in passed if not work.of_project]
    if what is Kind.papers:
        shown = kept[:limit]
        if json:
            write_json([rows.work_data(work) for work in shown])
        else:
            table(rows.WORK_COLUMNS, map(rows.work_row, shown), "claims", "title")
            say(counted(len(kept), "work"))
            tell_more(filters, [work for work in everything if not work.of_project])
        return

    slugs = {p.slug for work in passed for p in work.projects}
    if project is not None:
        slugs &= {project}
    # releases of excluded works only are listed when nothing is filtered
    whole = project is None and not is_set(filters)
    projects = [p for p in registry.projects if p.slug in slugs or whole]
    judged = {verdict.claim: verdict for verdict in registry.verdicts}
    states = {
        f"{p.slug}/{c.id}": judged[f"{p.slug}/{c.id}"].state
        if f"{p.slug}/{c.id}" in judged
        else c.state
        for p in projects
        for c in p.claims
    }
    if what is Kind.projects:
        from catalog.records import to_builtins

        if json:
            write_json([to_builtins(project) for project in projects[:limit]])
            return
        lines = (
            rows.project_row(p, [states[f"{p.slug}/{c.id}"] for c in p.claims if c.own])
            for p in projects[:limit]
        )
        table(rows.PROJECT_COLUMNS, lines, "licence", "claims", "repository")
        say(counted(len(projects), "project"))
        tell_more(filters, everything)
        return

    wanted = set(filters.facets.get("verdict") or [])
    claims = [
        (p, c, states[f"{p.slug}/{c.id}"])
        for p in projects
        for c in p.claims
        if not wanted or states[f"{p.slug}/{c.id}"] in wanted
    ]
    if json:
        from catalog.records import to_builtins

        write_json(
            [
                {"project": p.slug, "kind": p.kind, **to_builtins(c), "state": state}
                for p, c, state in claims[:limit]
            ]
        )
        return
    drawn = (rows.claim_row(*claim) for claim in claims[:limit])
    table(rows.CLAIM_COLUMNS, drawn, "state", "dataset", "place")
    outside = sum(p.kind in ("control", "selftest") for p, _, _ in claims)
    others = sum(not c.own for _, c, _ in claims)
    of = f", {outside} of them of controls and self-tests, which are no SAM method"
    by = f", {others} of them printed by others than the project"
    say(counted(len(claims), "claim") + (of if outside else "") + (by if others else ""))
    tell_more(filters, everything)


def _of(slug: str, everything: list[Work]) -> list[Work]:
    """The works of one project."""
    return [work for work in everything if slug in (p.slug for p in work.projects)]
