"""`sam4mis list`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from catalog.cli.filtering import is_set, with_filters
from catalog.cli.output import JsonOption, counted, say, table, write_json
from catalog.facets import Filters

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

    In a pipe every line holds, between tabs, what the columns hold on a terminal:
    for papers id, year, code, weights, claims and title.
    """
    from catalog.cli import rows
    from catalog.facets import works
    from catalog.registry import Registry, find_root

    registry = Registry.load(find_root())
    kept = filters.apply(works(registry))
    if what is Kind.papers:
        shown = kept[:limit]
        if json:
            write_json([rows.work_data(work) for work in shown])
        else:
            table(rows.WORK_COLUMNS, map(rows.work_row, shown), "title")
            say(counted(len(kept), "work"))
        return

    slugs = {project.slug for work in kept for project in work.projects}
    # a project without a paper (a control, a tool) is listed when nothing is filtered
    projects = [p for p in registry.projects if p.slug in slugs or not is_set(filters)]
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
            rows.project_row(p, [states[f"{p.slug}/{c.id}"] for c in p.claims])
            for p in projects[:limit]
        )
        table(rows.PROJECT_COLUMNS, lines, "licence", "claims", "repository")
        say(counted(len(projects), "project"))
        return

    wanted = set(filters.facets.get("verdict") or [])
    claims = [
        (project, claim, states[f"{project.slug}/{claim.id}"])
        for project in projects
        for claim in project.claims
        if not wanted or states[f"{project.slug}/{claim.id}"] in wanted
    ]
    if json:
        from catalog.records import to_builtins

        write_json(
            [
                {"project": p.slug, **to_builtins(c), "state": state}
                for p, c, state in claims[:limit]
            ]
        )
        return
    table(rows.CLAIM_COLUMNS, (rows.claim_row(*claim) for claim in claims[:limit]), "place")
    say(counted(len(claims), "claim"))
