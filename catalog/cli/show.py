"""`sam4mis show`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from catalog import decided, provenance, questions
from catalog.cli import completing
from catalog.cli.output import JsonOption, Row, say, sheet, write, write_json
from catalog.errors import UsageError
from catalog.facets import Work, weights_licence, works
from catalog.known import known, possible, printers
from catalog.ladder import ladder, question, unstated
from catalog.lookup import find
from catalog.records import (
    TAG_FIELDS,
    Checkpoint,
    Claim,
    Paper,
    Project,
    Version,
    to_builtins,
)
from catalog.registry import Registry
from catalog.runnable import line
from catalog.standing import as_of
from catalog.vocabulary import label

MOST_CLAIMS = 12  # more are told by their number

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Id or short name of a work, its arXiv id or DOI; a project, or its repository.",
            autocompletion=completing.works,
        ),
    ],
    ask_licence: Annotated[
        bool,
        typer.Option("--ask-licence", help="Print the text to ask the authors for a licence with."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show one work or project with its versions, links, licences, claims and verdicts.

    \b
    Examples:
      sam4mis show medsam
      sam4mis show 10.1038/s41467-024-44824-z
      sam4mis show lwnet --json
      sam4mis show samed --ask-licence | pbcopy
    """
    from catalog.registry import find_root

    registry = Registry.load_around(find_root(), say)
    all_works = works(registry)
    work, project = find(name, all_works, registry.projects)
    if ask_licence:
        _ask(work.projects if work else [project] if project else [])
        return
    if json:
        write_json(_data(work, project, registry))
        return
    sections: list[tuple[str, list[Row]]] = []
    if work:
        sections += _paper_sections(work)
    for one in work.projects if work else [project] if project else []:
        sections += _project_sections(one, registry)
    sheet(work.paper.title if work else project.name if project else "", sections)


def _ask(projects: list[Project]) -> None:
    """The question for every release that has weights and no statement about them."""
    asked = [project for project in projects if unstated(project)]
    if not asked:
        names = ", ".join(project.slug for project in projects) or "this work"
        raise UsageError(
            f"{names}: nothing to ask: no public weights, or the authors state a licence for them"
        )
    write("\n".join(question(project) for project in asked))


def _data(work: Work | None, project: Project | None, registry: Registry) -> dict[str, Any]:
    from catalog.cli.rows import work_data
    from catalog.evidence import as_data, claim_answers

    projects = work.projects if work else [project] if project else []
    slugs = {project.slug for project in projects}
    return {
        "paper": work_data(work) if work else None,
        "projects": [to_builtins(project) for project in projects],
        "known": {project.slug: known(project, registry) for project in projects},
        "verdicts": [to_builtins(v) for v in registry.verdicts if v.project in slugs],
        "recomputed": {
            claim: as_data(*said)
            for claim, said in claim_answers(registry.recomputed).items()
            if claim.partition("/")[0] in slugs
        },
        "runs": [result.run for result in registry.results if result.project in slugs],
    }


def _paper_sections(work: Work) -> list[tuple[str, list[Row]]]:
    paper = work.paper
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
    releases = ", ".join(project.slug for project in work.projects)
    unseen = {"code": releases, "weights": releases}
    links: list[Row] = [
        (
            kind,
            values if values is not None else _elsewhere(unseen.get(kind)),
            _read_in(paper, f"links.{kind}"),
        )
        for kind, values in ((k, getattr(paper.links, k)) for k in ("code", "weights", "data"))
    ]
    reported: list[Row] = [
        (number.metric, number.value, number.scale, number.dataset, number.where)
        for number in paper.reported
    ]
    return [
        ("paper", [row for row in about if row[1] is not None]),
        ("finding", _finding(paper)),
        ("decided", [(what, reason) for what, reason in decided.about(paper, decided.decisions())]),
        ("versions", [_version(version) for version in paper.versions]),
        ("tags", tags),
        ("links", links),
        ("reported", reported),
        ("sources", [(name, pages) for name, pages in provenance.told(paper)]),
    ]


def _finding(paper: Paper) -> list[Row]:
    """What the work found, what it says to each question, and where that was read."""
    finding = paper.finding
    if finding is None:
        return []
    return [
        (finding.certainty, finding.text, finding.note),
        *(
            (f"question {b.question}", b.direction, questions.bearing_words(b))
            for b in finding.bears_on
        ),
        ("whose word", questions.VOICES[questions.voice(paper)]),
        ("read in", questions.sources_words(finding)),
    ]


def _elsewhere(releases: str | None) -> str:
    """What stands for a link that nobody recorded: the releases that say more, if there are any."""
    return f"see project {releases}" if releases else "not checked"


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
    repository, reason = project.repository, project.adapter_reason
    lifts = line(project).lifts if project.weights_status == "public" else None
    about: list[Row] = [
        ("project", project.slug),
        ("name", project.name),
        ("kind", project.kind),
        ("repository", repository.url if repository else None),
        ("commit", repository.commit if repository else None),
        ("code", project.code_status, as_of(project)),
        ("weights", project.weights_status, as_of(project)),
        ("family", label("family", project.family) if project.family else None),
        ("adapter", project.adapter or (reason and f"none: {reason}")),
        ("would lift it", lifts),
        ("note", project.note),
    ]
    checkpoints: list[Row] = [
        (point.id, point.bytes, point.sha256, point.urls, *_look_first(point))
        for point in project.checkpoints or []
    ]
    none = project.no_numbers
    looked: list[Row] = [("looked in", none.looked), ("seen instead", none.seen)] if none else []
    issues: list[Row] = [(note.ref or note.file, note.text) for note in project.known_issues]
    looking: list[Row] = [("known", known(project, registry)), *possible(project, registry)]
    about.append(("numbers printed by", printers(project)))
    return [
        (f"{project.slug}: what is known, what you can do now", looking),
        (f"project {project.slug}", [row for row in about if row[1] is not None]),
        ("licences", _licences(project)),
        ("checkpoints", checkpoints),
        ("known issues", issues),
        ("protocol card: what its evaluation code does", _card(project)),
        ("claims", _claims(project, [c for c in project.claims if c.own], registry)),
        ("no number of its own found", [row for row in looked if row[1] is not None]),
        ("printed by others", _claims(project, [c for c in project.claims if not c.own], registry)),
    ]


def _look_first(checkpoint: Checkpoint) -> list[str]:
    first = checkpoint.look_first
    return [f"look first: {first.text}"] if first else []


def _claims(project: Project, claims: Sequence[Claim], registry: Registry) -> list[Row]:
    """A row for each claim; of many, how many there are of each state and who printed them."""
    from catalog.cli.rows import claim_row, in_percent
    from catalog.evidence import claim_answers

    judged = {verdict.claim: verdict for verdict in registry.verdicts}
    released = claim_answers(registry.recomputed)
    rows: list[Row] = []
    states: Counter[str] = Counter()
    follow: Counter[str] = Counter()
    for claim in claims:
        verdict = judged.get(f"{project.slug}/{claim.id}")
        state = verdict.state if verdict else claim.state
        states[state] += 1
        name, metric, _, *rest = claim_row(project, claim, state)[:-1]
        measured = verdict.measured if verdict else None
        value, again = in_percent(claim, claim.fraction), in_percent(claim, measured)
        said = released.get(f"{project.slug}/{claim.id}")
        told = [f"measured {again}" if again else None]
        if said:
            follow[said[1].state] += 1
            told.append(f"released rows: {said[1].state}")
        rows.append((name, metric, value, *rest, *told))
    if len(rows) <= MOST_CLAIMS:
        return rows
    by = Counter(claim.printed_by or "whom is not known" for claim in claims if not claim.own)
    return [
        *states.most_common(),
        *((f"released rows: {says}", number) for says, number in follow.most_common()),
        *((f"printed by {who}", number) for who, number in by.most_common()),
        ("all", f"sam4mis list claims --project {project.slug}"),
    ]


def _card(project: Project) -> list[Row]:
    """The protocol card; what was not seen in the code says so."""
    if project.protocol_card is None:
        return []
    from catalog.render.show import card

    read: list[Row] = [("read at commit", project.protocol_card.commit)]
    rows: list[Row] = [
        (question.casefold(), answer or "not seen in the code")
        for question, answer in card(project.protocol_card)
    ]
    traps: list[Row] = [("trap", note.text) for note in project.protocol_card.traps]
    return read + rows + traps


def _licences(project: Project) -> list[Row]:
    """The licence ladder: what is stated for what, and where."""
    licences = project.licences
    rows: list[Row] = [(s.of, s.says or "not seen", s.place, s.remark) for s in ladder(project)]
    if licences.commercial:
        rows.append(("commercial use", licences.commercial.answer, licences.commercial.reason))
    rows.append(("class of the weights", weights_licence(project)))
    rows += [("contradiction", text) for text in licences.contradictions]
    if unstated(project):
        rows.append(("to ask the authors", f"sam4mis show {project.slug} --ask-licence"))
    return rows


def _with_reason(decision: str, reason: str | None) -> str:
    return f"{decision}: {reason}" if reason else decision
