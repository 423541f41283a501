"""Places as records write them: `[owner/name[@commit]:]path[:lines]`, several in one text.

Without a repository a place lies in the project's own, at the commit that the project names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from catalog import identifiers
from catalog.records import Note, Project, Repository

Step = str | int

_SUFFIXES = "py|ipynb|sh|md|ya?ml|json|txt|csv|toml|cfg|cpp|cu|m|js|zip|pkl"
_LINES = r"\d+(?:-\d+)?(?:, ?\d+(?:-\d+)?)*"
_PLACE = re.compile(
    r"(?<![\w/.@-])"
    r"(?:(?P<repository>[\w.-]+/[\w.+-]+)(?:@(?P<commit>[0-9a-f]{7,40}))?:)?"
    r"(?P<path>(?:[\w.+*@ -]*[\w.+*@-]/)?(?:[\w.+*@-]+/)*"
    rf"(?:[\w.+*@-]*[\w+*]\.(?:{_SUFFIXES})|LI\w*EN[CS]E))"
    rf"(?![\w/])(?::(?P<lines>{_LINES})(?!\w))?"
)
_URL = re.compile(r"\bhttps?://\S+")


@dataclass(frozen=True, slots=True)
class Place:
    """A file that a record names, as written. `last`: the last line named, None: no line.

    `path` may hold `*`. `field` is where in the project's record it stands.
    """

    path: str
    last: int | None
    field: tuple[Step, ...]
    repository: str | None = None
    commit: str | None = None

    def __str__(self) -> str:
        commit = f"@{self.commit[:10]}" if self.commit else ""
        return f"{self.repository}{commit}:{self.path}" if self.repository else self.path


def named(text: str, field: tuple[Step, ...]) -> Iterator[Place]:
    """The places that a text names.

    >>> [(p.path, p.last) for p in named("utils.py:606 and eval/a.py:3-9 (see README.md)", ())]
    [('utils.py', 606), ('eval/a.py', 9), ('README.md', None)]
    """
    for found in _PLACE.finditer(_URL.sub(" ", text)):
        last = max((int(n) for n in re.findall(r"\d+", found["lines"] or "")), default=None)
        path = found["path"].rpartition(" ")[2]  # a folder's name has no blank here
        yield Place(path, last, field, found["repository"], found["commit"])


def places(project: Project) -> Iterator[Place]:
    """Every place that a project names: licences, protocol card, traps, known issues, claims."""
    for number, statement in enumerate(project.licences.statements):
        field = ("licences", "statements", number, "place")
        yield from named(statement.place or "", field)
    if citation := project.licences.citation:
        yield from named(citation.place, ("licences", "citation", "place"))
    if card := project.protocol_card:
        for name in ("eval_script", "metric_code"):
            yield from named(getattr(card, name) or "", ("protocol_card", name))
        for number, trap in enumerate(card.traps):
            yield from _of_note(trap, ("protocol_card", "traps", number))
    for number, issue in enumerate(project.known_issues):
        yield from _of_note(issue, ("known_issues", number))
    for number, claim in enumerate(project.claims):
        for name in claim.protocol.__struct_fields__:
            value = getattr(claim.protocol, name)
            if value.evidence != "stated":  # what is stated is read in a paper or on a page
                where = ("claims", number, "protocol", name, "place")
                yield from named(value.place or "", where)


def _of_note(note: Note, field: tuple[Step, ...]) -> Iterator[Place]:
    lines = [int(n) for n in re.findall(r"\d+", note.line or "")]
    if note.file:
        where = (*field, "file")
        yield Place(note.file, max(lines, default=None), where, note.repository, note.commit)


def repositories(project: Project) -> list[Repository]:
    """The project's own repository and the further ones, those first that places mean first."""
    return [*([project.repository] if project.repository else []), *project.further_repositories]


def belongs_to(place: Place, project: Project) -> Repository | None:
    """The repository, with its commit, that a place lies in; None where the project names none."""
    for repository in repositories(project):
        name = identifiers.github(repository.url) or repository.url
        if place.repository and place.repository.casefold() != name.casefold():
            continue
        if place.commit and not (repository.commit or "").startswith(place.commit):
            continue
        return repository
    return None


def key(repository: Repository) -> str | None:
    """`owner/name@commit` of a repository on GitHub, None elsewhere or without a commit."""
    name = identifiers.github(repository.url)
    return f"{name}@{repository.commit}" if name and repository.commit else None
