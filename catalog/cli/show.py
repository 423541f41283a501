"""`sam4mis show`."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer

from catalog import provenance
from catalog.cli.output import JsonOption, Row, sheet, write_json
from catalog.facets import Work, weights_licence, works
from catalog.lookup import find
from catalog.records import TAG_FIELDS, Paper, Project, Version, to_builtins
from catalog.registry import Registry

MOST_CLAIMS = 12  # more are told by their number

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Id or short name of a work, its arXiv id or DOI, or a project."
        ),
    ],
    json: JsonOption = False,
) -> None:
    """Show one work or project with its versions, links, claims and verdicts.

    \b
    Examples:
      sam4mis show medsam
      sam4mis show 10.1038/s41467-024-44824-z
      sam4mis show lwnet --json
    """
    from catalog.registry import find_root

    registry = Registry.load(find_root())
    all_works = works(registry)
    work, project = find(name, all_works, registry.projects)
    if json:
        write_json(_data(work, project, registry))
        return
    sections: list[tuple[str, list[Row]]] = []
    if work:
        sections += _paper_sections(work.paper)
    for one in work.projects if work else [project] if project else []:
        sections += _project_sections(one, registry)
    sheet(work.paper.title if work else project.name if project else "", sections)


def _data(work: Work | None, project: Project | None, registry: Registry) -> dict[str, Any]:
    from catalog.cli.rows import work_data

    projects = work.projects if work else [project] if project else []
    slugs = {project.slug for project in projects}
    return {
        "paper": work_data(work) if work else None,
        "projects": [to_builtins(project) for project in projects],
        "verdicts": [to_builtins(v) for v in registry.verdicts if v.project in slugs],
        "runs": [result.run for result in registry.results if result.project in slugs],
    }


def _paper_sections(paper: Paper) -> list[tuple[str, list[Row]]]:
    authors = ", ".join(paper.authors) + ("" if paper.authors_complete else " ...")
    about: list[Row] = [
        ("id", paper.id),
        ("title", paper.title),
        *(("earlier title", title) for title in paper.title_aliases),
        ("short name", paper.short_name),
        ("authors", authors if paper.authors else None, _read_in(paper, "authors")),
        ("inclusion", _with_reason(paper.inclusion.decision, paper.inclusion.reason)),
        ("note", paper.note),
    ]
    tags: list[Row] = [
        (name, tag.values, f"from {tag.provenance}")
        for name in TAG_FIELDS
        if (tag := getattr(paper, name)) is not None
    ]
    links: list[Row] = [
        (kind, values if values is not None else "not checked", _read_in(paper, f"links.{kind}"))
        for kind, values in ((k, getattr(paper.links, k)) for k in ("code", "weights", "data"))
    ]
    reported: list[Row] = [
        (number.metric, number.value, number.scale, number.dataset, number.where)
        for number in paper.reported
    ]
    return [
        ("paper", [row for row in about if row[1] is not None]),
        ("versions", [_version(version) for version in paper.versions]),
        ("tags", tags),
        ("links", links),
        ("reported", reported),
        ("sources", [(f"{whose} page", url) for url, whose in provenance.sources(paper)]),
    ]


def _read_in(paper: Paper, field: str) -> str | None:
    """Where a field was read that nobody has seen on a page of the work."""
    place = paper.second_hand.get(field)
    return place and f"second hand, from {place}"


def _version(version: Version) -> Row:
    ids = " ".join(f"{kind}:{value}" for kind, value in to_builtins(version.ids).items())
    told = [version.date, version.venue, ids, version.url, "cite this" if version.cite else None]
    if version.second_hand:
        told.append(f"second hand, from {version.second_hand.source}")
        told += version.second_hand.differs
    if version.taken_back:
        told.append(f"{version.taken_back.kind}, says {version.taken_back.source}")
    return (version.kind, ", ".join(part for part in told if part))


def _project_sections(project: Project, registry: Registry) -> list[tuple[str, list[Row]]]:
    from catalog.cli.rows import claim_row, in_percent

    judged = {verdict.claim: verdict for verdict in registry.verdicts}
    repository = project.repository
    about: list[Row] = [
        ("project", project.slug),
        ("name", project.name),
        ("kind", project.kind),
        ("repository", repository.url if repository else None),
        ("commit", repository.commit if repository else None),
        ("code", project.code_status),
        ("weights", project.weights_status),
        ("licence of code", project.licences.code),
        ("licence of weights", _licence_of_weights(project)),
        ("adapter", project.adapter or project.adapter_reason),
        ("note", project.note),
    ]
    checkpoints: list[Row] = [
        (point.id, point.bytes, point.sha256, point.urls) for point in project.checkpoints or []
    ]
    claims: list[Row] = []
    for claim in project.claims:
        verdict = judged.get(f"{project.slug}/{claim.id}")
        state = verdict.state if verdict else claim.state
        name, metric, _, *rest = claim_row(project, claim, state)[:-1]
        measured = verdict.measured if verdict else None
        value, again = in_percent(claim, claim.fraction), in_percent(claim, measured)
        claims.append((name, metric, value, *rest, f"measured {again}" if again else None))
    if len(claims) > MOST_CLAIMS:
        states = Counter(
            judged[name].state if (name := f"{project.slug}/{c.id}") in judged else c.state
            for c in project.claims
        )
        claims = [(state, number) for state, number in states.most_common()]
        claims.append(("all", f"sam4mis list claims --project {project.slug}"))
    issues: list[Row] = [(note.ref or note.file, note.text) for note in project.known_issues]
    return [
        (f"project {project.slug}", [row for row in about if row[1] is not None]),
        ("checkpoints", checkpoints),
        ("known issues", issues),
        ("claims", claims),
    ]


def _licence_of_weights(project: Project) -> str:
    """What is written of the weights' licence, by the project or by its checkpoints."""
    found = [project.licences.weights, *(c.licence for c in project.checkpoints or [])]
    known = list(dict.fromkeys(text for text in found if text))
    return f"{'; '.join(known) or 'not stated'} (class: {weights_licence(project)})"


def _with_reason(decision: str, reason: str | None) -> str:
    return f"{decision}: {reason}" if reason else decision
