"""Figures that change by themselves: stars, citations, last push, link health.

They live in `catalog/data/volatile.json`, each with its date and source, and never in the files
that people edit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
from msgspec import field

from catalog.files import write_whole
from catalog.records import Record

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


class Volatile(Record, kw_only=True):
    """The whole file."""

    schema: Literal["volatile/1"] = "volatile/1"
    citations: dict[str, dict[str, Figure]] = field(default_factory=dict)  # paper -> source
    repositories: dict[str, RepositoryState] = field(default_factory=dict)  # github:owner/name
    links: dict[str, Link] = field(default_factory=dict)


def load(root: Path) -> Volatile:
    """The file as it is; an empty one where there is none or it cannot be read (it is a cache)."""
    try:
        return msgspec.json.decode((root / FILE).read_bytes(), type=Volatile)
    except (OSError, msgspec.DecodeError):
        return Volatile()


def save(root: Path, volatile: Volatile) -> None:
    """Write the file whole, keys sorted, so that a diff shows what changed."""
    data = msgspec.json.encode(
        {"schema": volatile.schema, **msgspec.to_builtins(volatile)}, order="deterministic"
    )
    (root / FILE).parent.mkdir(parents=True, exist_ok=True)
    write_whole(root / FILE, msgspec.json.format(data, indent=1) + b"\n")
