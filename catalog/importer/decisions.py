"""The decisions of people in `catalog/decisions/*.yaml`, read and checked."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from catalog.errors import Finding, FindingsError
from catalog.records import Record

FOLDER = Path(__file__).resolve().parent.parent / "decisions"


class Resolution(Record, kw_only=True):
    """The value that holds where two rows of one work have different facts."""

    value: list[str]
    reason: str


class Merge(Record, kw_only=True):
    """Rows that are one work; the first leads."""

    rows: list[int]
    kind: Literal["exact-duplicate", "preprint-and-published"]
    reason: str
    source: str
    resolve: dict[str, Resolution] = {}


class Correction(Record, kw_only=True):
    """What is wrong with some rows or their facts. `add` and `remove` name values of tags."""

    rows: list[int]
    reason: str
    source: str
    drop_link_ids: bool = False
    authors: Literal["facts"] | None = None
    evidence: Literal["page", "title"] | None = None
    add: dict[str, list[str]] = {}
    remove: dict[str, list[str]] = {}
    reported_scale: dict[str, str] = {}


class Scope(Record, kw_only=True):
    """Whether works belong in the catalog."""

    rows: list[int]
    decision: Literal["include", "exclude", "undecided"]
    reason: str
    source: str


class LinkKind(Record, kw_only=True):
    """What an address in a code cell is when it is no repository."""

    url: str
    kind: Literal["weights", "data", "demo", "page"]
    reason: str


class NotDuplicates(Record, kw_only=True):
    """Works that look alike and are different. `papers` are ids of works."""

    papers: list[str]
    reason: str
    source: str


class Venues(Record, kw_only=True):
    """Spelling and kind of venues; see `venues.yaml`."""

    variants: dict[str, str]
    kinds: dict[str, list[str]]
    issn: dict[str, str]
    doi: dict[str, str]


def _read(name: str, shape: Any, folder: Path) -> Any:
    path = folder / f"{name}.yaml"
    try:
        raw = yaml.safe_load(path.read_text("utf-8"))
        return msgspec.convert(raw if shape is Venues else raw[name], shape)
    except (msgspec.ValidationError, yaml.YAMLError, KeyError, OSError) as error:
        place = f"catalog/decisions/{path.name}"
        raise FindingsError(
            [Finding(place, None, "", "S001", f"cannot be read: {error}")]
        ) from error


class Decisions:
    """All decision files of a folder, read when first asked for."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    @cached_property
    def merges(self) -> list[Merge]:
        return _read("merges", list[Merge], self.folder)  # type: ignore[no-any-return]

    @cached_property
    def corrections(self) -> list[Correction]:
        return _read("corrections", list[Correction], self.folder)  # type: ignore[no-any-return]

    @cached_property
    def scope(self) -> list[Scope]:
        return _read("scope", list[Scope], self.folder)  # type: ignore[no-any-return]

    @cached_property
    def links(self) -> dict[str, LinkKind]:
        links = _read("links", list[LinkKind], self.folder)
        return {link.url: link for link in links}

    @cached_property
    def not_duplicates(self) -> list[NotDuplicates]:
        return _read("not_duplicates", list[NotDuplicates], self.folder)  # type: ignore[no-any-return]

    @cached_property
    def venues(self) -> Venues:
        return _read("venues", Venues, self.folder)  # type: ignore[no-any-return]
