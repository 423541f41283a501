"""References between records, and works that may be one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from catalog import identifiers
from catalog.checks.seen import Seen, Told
from catalog.duplicates import decided_pairs, duplicate_pairs
from catalog.registry import PAPERS, PROJECTS, RESULTS, VERDICTS, Registry
from catalog.slugs import slugify
from catalog.standing import counts

_LEVEL_CODES = {"identifier": "D003", "title": "D004", "similar": "D005"}


@dataclass(frozen=True, slots=True)
class Crossing:
    """A problem that involves more than one record. `record` is an id or slug in `place`."""

    code: str
    place: str
    record: str
    path: tuple[str | int, ...]
    message: str
    hint: str = ""


def check(registry: Registry, seen: Seen) -> Iterator[Crossing]:
    """Problems between the records of a registry; works that may be one are looked for again only
    after a work changed (`seen`)."""
    yield from _ids(registry)
    yield from _projects(registry)
    yield from _results(registry)
    key = registry.keys.get("papers")
    told = seen.at(key.encode(), partial(_duplicates, registry)) if key else _duplicates(registry)
    for code, (record, *path), message, hint in told:
        yield Crossing(code, PAPERS, str(record), tuple(path), message, hint)


def _ids(registry: Registry) -> Iterator[Crossing]:
    owner: dict[str, str] = {}
    for paper in registry.papers:
        for name in (paper.id, *paper.aliases):
            if name in owner and owner[name] != paper.id:
                message = f"{name!r} is also an id or alias of {owner[name]!r}"
                yield Crossing("D001", PAPERS, paper.id, ("aliases",), message)
            owner.setdefault(name, paper.id)


def _projects(registry: Registry) -> Iterator[Crossing]:
    works = {paper.id for paper in registry.papers}
    aliases = {alias: paper.id for paper in registry.papers for alias in paper.aliases}
    for project in registry.projects:
        place = f"{PROJECTS}/{project.slug}.yaml"
        for number, id in enumerate(project.papers):
            if id in works:
                continue
            hint = f"It is now {aliases[id]!r}." if id in aliases else near(id, works)
            yield Crossing(
                "R001", place, project.slug, ("papers", number), f"there is no work {id!r}", hint
            )
        checkpoints = {checkpoint.id for checkpoint in project.checkpoints or []}
        seen: set[str] = set()
        for number, claim in enumerate(project.claims):
            if claim.checkpoint is not None and claim.checkpoint not in checkpoints:
                message = f"claim {claim.id!r}: no checkpoint {claim.checkpoint!r} in this project"
                path = ("claims", number, "checkpoint")
                yield Crossing(
                    "R005", place, project.slug, path, message, near(claim.checkpoint, checkpoints)
                )
            if claim.id in seen:
                path = ("claims", number, "id")
                yield Crossing(
                    "R006", place, project.slug, path, f"claim {claim.id!r} stands twice"
                )
            seen.add(claim.id)


def _results(registry: Registry) -> Iterator[Crossing]:
    projects = {project.slug: project for project in registry.projects}
    for result in registry.results:
        place = f"{RESULTS}/{result.run}/result.json"
        if result.project not in projects:
            message = f"there is no project {result.project!r}"
            yield Crossing("R002", place, result.run, ("project",), message)
            continue
        claims = {claim.id for claim in projects[result.project].claims}
        for id in result.claims:
            name = id.removeprefix(f"{result.project}/")
            if name not in claims:
                message = f"{result.project} has no claim {name!r}"
                yield Crossing("R003", place, result.run, ("claims",), message, near(name, claims))
    for verdict in registry.verdicts:
        if verdict.project not in projects:
            message = f"there is no project {verdict.project!r}"
            yield Crossing("R002", VERDICTS, verdict.claim, ("project",), message)
            continue
        claims = {claim.id for claim in projects[verdict.project].claims}
        name = verdict.claim.removeprefix(f"{verdict.project}/")
        if name not in claims:
            message = f"{verdict.project} has no claim {name!r}"
            yield Crossing("R003", VERDICTS, verdict.claim, ("claim",), message, near(name, claims))


def near(name: str, known: set[str]) -> str:
    """The known name that was probably meant, as a hint; empty where none is near."""
    from rapidfuzz import fuzz, process

    match = process.extractOne(name, sorted(known), scorer=fuzz.ratio, score_cutoff=60)
    return f"Did you mean {match[0]!r}?" if match else ""


def _duplicates(registry: Registry) -> Iterator[Told]:
    """Works that may be one; the path begins with the id of the later one."""
    decided = decided_pairs(registry.root)
    reported: set[frozenset[str]] = set()
    for paper, match in duplicate_pairs(registry.papers, decided):
        reported.add(frozenset((paper.id, match.paper_id)))
        message = f"the same work as {match.paper_id!r}? {match.reason}"
        hint = "Merge them, or say in not_duplicates.yaml why they differ."
        if match.level == "identifier":
            message = f"shares an identifier with {match.paper_id!r}: {match.reason}"
            hint = "One identifier names one work: merge them or correct it."
        yield _LEVEL_CODES[match.level], (paper.id,), message, hint
    names: dict[str, str] = {}
    for paper in registry.papers:
        if not paper.short_name:
            continue
        key = slugify(paper.short_name).replace("-", "")
        first = names.setdefault(key, paper.id)
        pair = frozenset((first, paper.id))
        if first != paper.id and pair not in decided and pair not in reported:
            message = f"short name {paper.short_name!r} is also that of {first!r}"
            hint = "Say in not_duplicates.yaml that they are different works."
            yield "D006", (paper.id, "short_name"), message, hint


def shared_repositories(registry: Registry) -> Iterator[Crossing]:
    """Repositories that several works name, and those named after another work."""
    names: dict[str, str] = {}
    for paper in registry.papers:
        for name in (paper.short_name, paper.title, *paper.title_aliases):
            if name:
                names.setdefault(slugify(name).replace("-", ""), paper.id)
    first: dict[str, str] = {}
    for paper in registry.papers:
        for number, url in enumerate(paper.links.code or []):
            repository = identifiers.github(url)
            if not repository:
                continue
            path = ("links", "code", number)
            other = first.setdefault(repository.lower(), paper.id)
            if other != paper.id:
                message = f"{url} is also the code of {other!r}"
                yield Crossing("U009", PAPERS, paper.id, path, message)
            name = slugify(repository.split("/")[1]).replace("-", "")
            own = slugify(paper.short_name or "").replace("-", "")
            if names.get(name, paper.id) != paper.id and own != name:
                message = f"{url} is named after {names[name]!r}"
                yield Crossing("U010", PAPERS, paper.id, path, message)


def second_hand(registry: Registry) -> Iterator[Crossing]:
    """One line for all works that nobody has seen on their own pages."""
    found = counts(registry.papers)
    if found.second_hand:
        yield Crossing("P010", PAPERS, "", (), str(found), "sam4mis refresh asks for their pages.")


def stale_decisions(registry: Registry) -> Iterator[Crossing]:
    """Ids and rows in decision files that no work has any more (ids also not as an alias)."""
    from catalog.decided import FOLDER, decisions

    if not (registry.root / FOLDER).is_dir():
        return  # a registry without decisions of its own
    kept = decisions(registry.root)
    known = {name for paper in registry.papers for name in (paper.id, *paper.aliases)}
    for decision in kept.not_duplicates:
        for id in decision.papers:
            if id not in known:
                message, place = f"there is no work {id!r}", f"{FOLDER}/not_duplicates.yaml"
                yield Crossing("R007", place, id, (), message, near(id, known))
    for joined in kept.joined:
        if joined.paper not in known:
            message, place = f"there is no work {joined.paper!r}", f"{FOLDER}/merges.yaml"
            yield Crossing("R007", place, joined.paper, (), message, near(joined.paper, known))
    rows = {row for paper in registry.papers for row in paper.rows}
    for name, named in kept.rows().items():
        for row in sorted(named - rows):
            message, place = f"no work has row {row} of the list", f"{FOLDER}/{name}.yaml"
            yield Crossing("R007", place, str(row), (), message)
