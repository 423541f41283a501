"""Records that say two things: a project against its works, its claims, and itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from catalog import identifiers, json_in
from catalog.checks.references import Crossing
from catalog.checks.seen import Told
from catalog.places import naming, verified
from catalog.records import Checkpoint, Paper, Project, to_builtins
from catalog.registry import PROJECTS, RESULTS, DataSets, Registry
from catalog.sources import volatile
from catalog.text import fold

_NO_CODE = ("none", "empty", "announced")
_NOT_CHECKED = (None, "unknown")
_NO_WEIGHTS = ("none", "announced", *_NOT_CHECKED)
# A note that says of the whole release what no-checkpoint says of one file.
_NOTHING_RELEASED = re.compile(r"(?i)no (trained )?weights( (are|were))? released")
_DRIVE = re.compile(r"(?:drive|docs|usercontent)\.google\.com/.*?(?:/d/|/folders/|[?&]id=)([\w-]+)")


def check(registry: Registry) -> Iterator[Crossing]:
    """What projects say otherwise than their works, and otherwise than they say themselves."""
    works = {name: paper for paper in registry.papers for name in (paper.id, *paper.aliases)}
    looked = verified.load(registry.root).commits
    open_data, alive = _fetched(registry.root), _alive(registry.root)
    for project in registry.projects:
        papers = [works[name] for name in project.papers if name in works]
        for code, path, message, hint in _all(project, papers):
            yield Crossing(code, _place(project), project.slug, path, message, hint)
        for path, message in _lifted(project, open_data, alive):
            hint = "What blocks it now?"
            yield Crossing("F013", _place(project), project.slug, path, message, hint)
        read = looked.get(naming.key(project.repository) or "") if project.repository else None
        for message in _cited(papers, read.cites if read and read.cites else []):
            hint = "Add the published version."
            path = ("repository", "commit")
            yield Crossing("F010", _place(project), project.slug, path, message, hint)
    yield from _files(registry.projects)


def _all(project: Project, papers: list[Paper]) -> Iterator[Told]:
    yield from _known_elsewhere(project, papers)
    yield from _venue(project, papers)
    yield from _states(project)
    yield from _links(project, papers)
    yield from _blocks(project)
    if not papers and not project.papers and not project.no_paper and project.kind != "selftest":
        hint = "Name its work under `papers`, or say in `no_paper` why there is none."
        yield "F014", ("papers",), "no work belongs to this project", hint


def _paper_facts(project: Project) -> dict[str, str]:
    facts = project.details.get("paper")
    return {k: str(v) for k, v in facts.items()} if isinstance(facts, dict) else {}


def _known_elsewhere(project: Project, papers: list[Paper]) -> Iterator[Told]:
    """Identifiers that a project or its own claims name and no version of its works has."""
    if not papers:
        return
    known = {
        value.casefold()
        for paper in papers
        for version in paper.versions
        for value in to_builtins(version.ids).values()
    }
    facts = _paper_facts(project)
    named: list[tuple[tuple[str | int, ...], str, str | None]] = [
        (("details", "paper", kind), kind, facts.get(kind)) for kind in ("doi", "arxiv")
    ]
    for number, claim in enumerate(project.claims):
        if claim.own:
            for kind in ("doi", "arxiv"):
                path: tuple[str | int, ...] = ("claims", number, "source", kind)
                named.append((path, kind, getattr(claim.source, kind)))
    told: set[str] = set()
    for path, kind, text in named:
        value = identifiers.NORMALISERS[kind](text) if text else None
        if value and value.casefold() not in known | told:
            told.add(value.casefold())
            message = f"{kind} {value} is on no version of {', '.join(p.id for p in papers)}"
            yield "F009", path, message, "Add it to the version that it names."


def _venue(project: Project, papers: list[Paper]) -> Iterator[Told]:
    """A work cited as a preprint although its project names where it was published."""
    parts = re.split(r"[/;(]", _paper_facts(project).get("venue", ""))
    venues = [part.strip(" )") for part in parts if not re.match(r"(?i)\s*(arxiv|v\d|$)", part)]
    cited = [v for paper in papers for v in paper.versions if v.cite]
    if venues and cited and all(version.kind == "preprint" for version in cited):
        message = f"published at {venues[0]!r}, but its work is cited as a preprint"
        yield "F010", ("details", "paper", "venue"), message, "Add the published version."


def _cited(papers: list[Paper], cites: list[verified.Cited]) -> Iterator[str]:
    """Works cited as preprints that the README of their code asks to cite as published."""
    for paper in papers:
        version = next((v for v in paper.versions if v.cite), None)
        if version is None or version.kind != "preprint":
            continue
        titles = {fold(t) for t in (paper.title, *paper.title_aliases)}
        for entry in cites:
            if fold(entry.title) in titles:
                yield f"its README (line {entry.line}) cites {paper.id} as {entry.venue!r}"


def _own(checkpoint: Checkpoint) -> bool:
    return checkpoint.of is None and bool(checkpoint.urls)


def _states(project: Project) -> Iterator[Told]:
    own = [c.id for c in project.checkpoints or [] if _own(c)]
    weights, code, card = project.weights_status, project.code_status, project.protocol_card
    if weights in _NO_WEIGHTS and own:
        said = "not checked" if weights in _NOT_CHECKED else weights
        message = f"weights are {said}, but {own[0]!r} has an address"
        hint = "If it is another project's file, say so in its `of`."
        yield "F011", ("weights_status",), message, hint
    if weights == "public" and project.repository and not own:
        message = "weights are public, but no checkpoint of its own has an address"
        yield "F011", ("weights_status",), message, "Add the address, or whose files they are."
    if code in _NO_CODE and card and (card.eval_script or card.metric_code):
        yield "F011", ("code_status",), f"code is {code}, but its protocol was read", ""
    if card and card.commit and project.repository and project.repository.commit:
        commits = [r.commit for r in (project.repository, *project.further_repositories)]
        if card.commit not in commits:
            message = f"its protocol was read at {card.commit[:10]}, which no repository names"
            hint = "Read it again at `repository.commit`, or correct one of the two."
            yield "F011", ("protocol_card", "commit"), message, hint
    if project.adapter and project.adapter_reason:
        yield "F011", ("adapter_reason",), "an adapter, and a reason why there is none", ""
    if code not in (None, *_NO_CODE) and "no code released" in (project.adapter_reason or ""):
        yield "F011", ("adapter_reason",), f"no code released, but code is {code}", ""


def _links(project: Project, papers: list[Paper]) -> Iterator[Told]:
    """What works say of code and weights against the project that belongs to them."""
    repository = project.repository
    if repository is None:
        return
    mine = {repository.url, *(r.url for r in project.further_repositories)}
    mine |= {url for url in (repository.moved_to,) if url}
    names = {(identifiers.github(url) or url).casefold() for url in mine}
    for paper in papers:
        links = paper.links.code
        theirs = {(identifiers.github(url) or url).casefold() for url in links or []}
        if links is not None and not names & theirs:
            said = "no code" if not links else "other code"
            message = f"{paper.id} links {said} than {repository.url}"
            yield "F011", ("repository", "url"), message, "Correct one of the two."
        if paper.links.weights == [] and project.weights_status == "public":
            message = f"weights are public, but {paper.id} says that there are none"
            yield "F011", ("weights_status",), message, "Correct one of the two."


def _blocks(project: Project) -> Iterator[Told]:
    """Claims blocked for a reason that the project itself refutes."""
    public = project.weights_status == "public"
    for number, claim in enumerate(project.claims):
        path = ("claims", number, "reason")
        if (claim.state == "blocked") != (claim.reason is not None):
            message = f"claim {claim.id!r}: {claim.state}, with {claim.reason or 'no'} reason"
            yield "F013", path, message, "A blocked claim has a reason, no other has one."
        if claim.reason == "no-adapter" and project.adapter:
            message = f"claim {claim.id!r}: no-adapter, but {project.adapter!r} is the adapter"
            yield "F013", path, message, "What blocks it now?"
        note = claim.state_note
        there = claim.checkpoint or (public and (not note or _NOTHING_RELEASED.match(note)))
        if claim.reason == "no-checkpoint" and there:
            message = f"claim {claim.id!r}: no-checkpoint, but weights are public"
            yield "F013", path, message, "Say in state_note which file is missing."


def _lifted(
    project: Project, open_data: set[str], alive: set[str]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Claims blocked by data that a reader fetches, or by links that answer."""
    urls = [url for checkpoint in project.checkpoints or [] for url in checkpoint.urls]
    for number, claim in enumerate(project.claims):
        path = ("claims", number, "reason")
        if claim.reason in ("gated-data", "private-data") and claim.dataset in open_data:
            yield path, f"claim {claim.id!r}: {claim.reason}, but {claim.dataset} is fetched"
        if claim.reason == "dead-link" and urls and alive.issuperset(urls):
            yield path, f"claim {claim.id!r}: dead-link, but every address answers"


def _fetched(root: Path) -> set[str]:
    """Data sets that `reproduce` fetches by itself, from the file that it leaves behind."""
    try:
        content = (root / RESULTS / "datasets.json").read_bytes()
        found = json_in.decoded(content, DataSets).datasets
    except (OSError, msgspec.DecodeError):
        return set()  # a registry without readers; a damaged file is told by its own reader
    return {str(each.get("name")) for each in found if each.get("how") == "fetched"}


def _alive(root: Path) -> set[str]:
    links = volatile.load(root).links
    return {url for url, link in links.items() if link.state in ("alive", "moved")}


def _files(projects: list[Project]) -> Iterator[Crossing]:
    """One file has one owner; every other project that lists it says whose it is."""
    owners: dict[str, tuple[str, str]] = {}
    for project in projects:
        for number, checkpoint in enumerate(project.checkpoints or []):
            if checkpoint.of is not None:
                continue
            names = [_file(url) for url in checkpoint.urls]
            names += [checkpoint.sha256] if checkpoint.sha256 else []
            first = next((owners[n] for n in names if n in owners), None)
            if first and first[0] != project.slug:
                message = f"{checkpoint.id!r} is also {first[1]!r} of {first[0]}"
                hint = "Say in `of` whose file it is."
                path = ("checkpoints", number)
                yield Crossing("F012", _place(project), project.slug, path, message, hint)
            for name in names:
                owners.setdefault(name, (project.slug, checkpoint.id))


def _file(url: str) -> str:
    """One form of an address, however it was copied.

    >>> _file("https://drive.google.com/file/d/1AbC/view"), _file("http://www.x.org/a/?download=1")
    ('drive 1AbC', 'x.org/a')
    """
    if drive := _DRIVE.search(url):
        return f"drive {drive[1]}"
    plain = re.sub(r"^https?://(www\.)?|[?&]download=\w+$", "", url).rstrip("/")
    return re.sub(r"^(huggingface\.co/[^/]+/[^/]+)/blob/", r"\1/resolve/", plain)


def _place(project: Project) -> str:
    return f"{PROJECTS}/{project.slug}.yaml"
