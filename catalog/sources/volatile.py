"""Figures that change by themselves: stars, citations, last push, link health.

They live in `catalog/data/volatile.json`, each with its date and source, and never in the files
that people edit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
from msgspec import field

from catalog import json_in
from catalog.files import write_whole
from catalog.identifiers import github
from catalog.records import Project, Record

FILE = "catalog/data/volatile.json"
STRIKES_UNTIL_DEAD = 3


class Figure(Record, kw_only=True):
    """One number with its date and source."""

    value: int
    date: str
    source: str


class RepositoryState(Record, kw_only=True):
    """A repository as it was on `date`."""

    date: str
    source: str
    stars: int | None = None
    forks: int | None = None
    last_push: str | None = None
    archived: bool | None = None
    moved_to: str | None = None
    missing: bool = False


LinkState = Literal["alive", "moved", "blocked", "failing", "dead"]


class Link(Record, kw_only=True):
    """The health of one address.

    alive: it answers. moved: it answers elsewhere for good (`moved_to`). blocked: it refuses
    programs (401, 403, 429 ...), which says nothing about people. failing: it is gone or silent,
    fewer than `STRIKES_UNTIL_DEAD` times in a row. dead: that often, on different days.
    """

    state: LinkState
    checked: str
    strikes: int = 0
    last_alive: str | None = None
    moved_to: str | None = None
    detail: str | None = None


class Moved(Record, kw_only=True):
    """A repository that was pushed to after the commit that a project was read at."""

    pushed: str
    seen: str  # the day on which that was seen
    read: str  # date of the commit


class Volatile(Record, kw_only=True):
    """The whole file."""

    schema: Literal["volatile/1"] = "volatile/1"
    citations: dict[str, dict[str, Figure]] = field(default_factory=dict)  # paper -> source
    repositories: dict[str, RepositoryState] = field(default_factory=dict)  # github:owner/name
    links: dict[str, Link] = field(default_factory=dict)


def moved_since(project: Project, volatile: Volatile) -> Moved | None:
    """Whether the repository moved since it was read; None: it did not, or nobody knows."""
    repository = project.repository
    name = github(repository.url) if repository else None
    state = volatile.repositories.get(f"github:{name}")
    if not repository or not repository.commit_date or not state or not state.last_push:
        return None
    if state.last_push <= repository.commit_date[:10]:
        return None
    return Moved(pushed=state.last_push, seen=state.date, read=repository.commit_date)


def load(root: Path) -> Volatile:
    """The file as it is; an empty one where there is none or it cannot be read (it is a cache)."""
    try:
        return json_in.decoded((root / FILE).read_bytes(), Volatile)
    except (OSError, msgspec.DecodeError):
        return Volatile()


def save(root: Path, volatile: Volatile) -> None:
    """Write the file whole, keys sorted, so that a diff shows what changed."""
    data = msgspec.json.encode(
        {"schema": volatile.schema, **msgspec.to_builtins(volatile)}, order="deterministic"
    )
    (root / FILE).parent.mkdir(parents=True, exist_ok=True)
    write_whole(root / FILE, msgspec.json.format(data, indent=1) + b"\n")
