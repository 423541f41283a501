"""What each issue form changes in the registry."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from catalog import identifiers as forms
from catalog.addresses import clean_url
from catalog.editing import changed_project, edit_text
from catalog.errors import InputError
from catalog.intake import read
from catalog.intake.draft import Draft
from catalog.intake.issue_form import Answers, Change
from catalog.intake.joining import with_version
from catalog.records import TAG_FIELDS, Dispute, Paper, Project, Tag, to_builtins
from catalog.registry import PAPERS, PROJECTS, Registry, load_papers
from catalog.slugs import slugify
from catalog.text import clean
from catalog.yaml_out import dump

LookUp = Callable[[str], Draft]
TEXT_FIELDS = ("title", "short_name", "note")
LIST_FIELDS = ("authors", "title_aliases")
LINK_FIELDS = ("code", "weights", "data", "demo", "page")
VERSION_FIELDS = ("venue", "date")
CORRECTABLE = (
    *TEXT_FIELDS,
    *LIST_FIELDS,
    *(f"links.{name}" for name in LINK_FIELDS),
    *(f"version.{name}" for name in VERSION_FIELDS),
    *TAG_FIELDS,
)


def add_paper(root: Path, answers: Answers, today: str, look_up: LookUp) -> Change:
    """A new work (or a new version of one) from a pasted reference or a looked-up identifier."""
    from catalog.duplicates import find_duplicates

    reference, identifier = answers.get("Reference"), answers.get("Identifier or address")
    if not reference and not identifier:
        answers.wrong("Identifier or address", "is empty, and so is Reference.", "Fill in one.")
    code, weights = _links(answers, "Code"), _links(answers, "Weights")
    answers.done()
    drafts = read(reference, "issue: Reference") if reference else [look_up(identifier)]
    if len(drafts) != 1:
        answers.wrong("Reference", f"holds {len(drafts)} works.", "One issue, one work.")
        answers.done()
    draft = drafts[0]
    if not draft.authors:
        answers.wrong("Reference", "names no author.", "Add the authors to the reference.")
        answers.done()
    registry = Registry.load(root)
    text = _text(root)
    if name := answers.get("Version of"):
        old = _work(registry.papers, name, answers, "Version of")
        new = with_version(old, draft)
        _, after = edit_text(text, registry.papers, [], {old.id: new})
        return Change(root / PAPERS, text, after, f"Add a version of {old.id}")
    taken = {known for paper in registry.papers for known in (paper.id, *paper.aliases)}
    paper = draft.to_paper(taken, today)
    paper.links.code = sorted({*(paper.links.code or []), *code}) or None
    paper.links.weights = weights or None
    if matches := find_duplicates(registry, paper):
        match = matches[0]
        raise InputError(
            f"issue: {paper.title!r} is in the catalog: {match.paper_id} ({match.reason}). "
            f"If it is another version, write {match.paper_id} into `Version of`."
        )
    _, after = edit_text(text, registry.papers, [paper], {})
    return Change(root / PAPERS, text, after, f"Add {paper.id}")


def add_project(root: Path, answers: Answers, today: str, look_up: LookUp) -> Change:
    """A new `projects/<slug>.yaml` that says what was said, and null for the rest."""
    repository = forms.github(answers.required("Repository"))
    if answers.get("Repository") and repository is None:
        got = clean(answers.get("Repository"))[:80]
        hint = "Expected https://github.com/owner/name."
        answers.wrong("Repository", f"is no GitHub repository: {got!r}.", hint)
    registry = Registry.load(root)
    name = clean(answers.get("Name")) or (repository or "/").split("/")[1]
    slug = slugify(name)
    for project in registry.projects:
        there = project.repository and forms.github(project.repository.url)
        if there and repository and there.casefold() == repository.casefold():
            hint = "Use the form `correct an entry`."
            answers.wrong("Repository", f"is in the catalog: projects/{project.slug}.yaml.", hint)
        elif project.slug == slug:
            answers.wrong("Name", f"is taken: projects/{slug}.yaml.", "Choose another one.")
    papers = [
        _work(registry.papers, line, answers, "Papers").id for line in answers.lines("Papers")
    ]
    weights = _links(answers, "Weights")
    if not slug:
        answers.wrong("Name", "has no letter or digit.", "Use the name of the repository.")
    answers.done()
    record = {
        "slug": slug,
        "name": name,
        "kind": "method",
        "papers": papers,
        "repository": {"url": f"https://github.com/{repository}"},
        "licences": {
            key: clean(value)
            for key, value in (
                ("code", answers.get("Licence of the code")),
                ("weights", answers.get("Licence of the weights")),
            )
            if value
        },
        "base_model": clean(answers.get("Base model")) or None,
        "checkpoints": [
            {"id": f"weights-{number}", "urls": [url]} for number, url in enumerate(weights, 1)
        ]
        or None,
    }
    project = msgspec.convert({k: v for k, v in record.items() if v is not None}, Project)
    data = to_builtins(project)
    head = "# yaml-language-server: $schema=../catalog/schemas/project.schema.json\n"
    return Change(
        root / PROJECTS / f"{slug}.yaml", None, head + dump(data, 120), f"Add the project {slug}"
    )


def correct_entry(root: Path, answers: Answers, today: str, look_up: LookUp) -> Change:
    """One field of one work, with the source that says so."""
    papers = load_papers(root)
    name = answers.required("Record")
    old = _work(papers, name, answers, "Record") if name else None
    field = answers.required("Field")
    if field and field not in CORRECTABLE:
        from catalog.facets import unknown_value

        answers.wrong("Field", unknown_value("it", clean(field), list(CORRECTABLE)), "Choose one.")
    values = answers.lines("New value")
    answers.required("New value")
    sources = _links(answers, "Source")
    if not sources:
        answers.wrong("Source", "names no address.", "Every fact has a source: give a page.")
    answers.done()
    assert old is not None  # a missing record is a finding, raised above
    new = msgspec.convert(to_builtins(old), Paper)
    author = answers.get("Who you are").startswith("An author")
    _set(new, field, [clean(value) for value in values], answers, author=author)
    answers.done()
    new.sources = [*new.sources, *(s for s in sources if s not in new.sources)]
    text = _text(root)
    _, after = edit_text(text, papers, [], {old.id: new})
    return Change(root / PAPERS, text, after, f"Correct {field} of {old.id}")


def dispute_verdict(root: Path, answers: Answers, today: str, look_up: LookUp) -> Change:
    """A dispute beside a claim; the verdict itself is computed and stays."""
    name = answers.required("Claim").strip("/ ")
    slug, _, claim_id = name.partition("/")
    path = root / PROJECTS / f"{slug}.yaml"
    projects = {project.slug: project for project in Registry.load(root).projects}
    project = projects.get(slug)
    if name and (project is None or all(claim.id != claim_id for claim in project.claims)):
        hint = "Expected <project>/<claim>, as its page shows it; see: sam4mis list claims"
        answers.wrong("Claim", f"is not known: {clean(name)[:80]!r}.", hint)
    number = answers.get("Your number")
    counter = _fraction(number)
    if number and counter is None:
        hint = "Expected a fraction (0.812) or per cent (81.2 %)."
        answers.wrong("Your number", f"is no score: {clean(number)[:40]!r}.", hint)
    by, text = clean(answers.required("Your name")), clean(answers.required("What is wrong"))
    evidence = _links(answers, "Evidence")
    answers.done()
    url = evidence[0] if evidence else None
    dispute = Dispute(by=by, date=today, text=text, url=url, counter_value=counter)
    before = path.read_bytes().decode("utf-8")

    def add(data: dict[str, Any]) -> None:
        claim = next(claim for claim in data["claims"] if claim["id"] == claim_id)
        claim["disputes"] = [*(claim.get("disputes") or []), to_builtins(dispute)]

    after = changed_project(before, path.name, add)
    return Change(path, before, after, f"Dispute of {name}")


def _set(paper: Paper, field: str, values: list[str], answers: Answers, *, author: bool) -> None:
    """Put checked values into a field of `CORRECTABLE`."""
    if field in TAG_FIELDS:
        setattr(paper, field, _tag(field, values, answers, author=author))
    elif field in LIST_FIELDS:
        setattr(paper, field, values)
        if field == "authors":
            paper.authors_complete = True
    elif field.startswith("links."):
        urls = [] if values == ["none"] else _links(answers, "New value")
        setattr(paper.links, field.removeprefix("links."), urls)
    elif len(values) != 1:
        answers.wrong("New value", f"has {len(values)} lines.", f"{field} takes one.")
    elif field.startswith("version."):
        part = field.removeprefix("version.")
        if part == "date" and not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", values[0]):
            answers.wrong("New value", f"is no date: {values[0]!r}.", "Expected 2024-01-22.")
        for version in paper.versions:
            if version.cite:
                setattr(version, part, values[0])
    else:
        if field == "title" and paper.title != values[0]:
            paper.title_aliases = [*paper.title_aliases, paper.title]
        setattr(paper, field, values[0])


def _tag(field: str, values: list[str], answers: Answers, *, author: bool) -> Tag:
    from catalog.vocabulary import canonical, nearest, vocabularies

    vocabulary = vocabularies().get(field)
    known = [canonical(field, value) if vocabulary else value for value in values]
    for value in known:
        if vocabulary and not vocabulary.open and value not in vocabulary.terms:
            near = nearest(field, value)
            hint = f"Did you mean {near}?" if near else "See catalog/data/vocabularies.yaml."
            answers.wrong("New value", f"{value!r} is not in the vocabulary of {field}.", hint)
    return Tag(values=known, provenance="author" if author else "page")


def _links(answers: Answers, label: str) -> list[str]:
    """The answer's addresses, cleaned; a line that is none is a finding."""
    urls = []
    for line in answers.lines(label):
        try:
            urls.append(clean_url(line))
        except ValueError as error:
            answers.wrong(label, f"{error}.", "Expected https://...")
    return urls


def _work(papers: list[Paper], name: str, answers: Answers, label: str) -> Paper:
    """The work called `name` (id, short name, arXiv id, DOI); a finding where there is none."""
    from catalog.errors import UsageError
    from catalog.facets import Work
    from catalog.lookup import find

    try:
        work, _ = find(name.strip(), [Work(paper) for paper in papers], [])
    except UsageError as error:
        answers.wrong(label, f"{error}", "")
        return Paper(id="", title="")
    assert work is not None  # find returns a work or raises where there are no projects
    return work.paper


def _fraction(text: str) -> float | None:
    found = re.fullmatch(r"\s*(\d+(?:[.,]\d+)?)\s*(%|per ?cent)?\s*", text)
    if not found:
        return None
    value = float(found[1].replace(",", "."))
    value = round(value / 100, 6) if found[2] or value > 1 else value
    return value if 0 <= value <= 1 else None


def _text(root: Path) -> str:
    return (root / PAPERS).read_bytes().decode("utf-8")
