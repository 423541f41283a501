"""The decisions of people in `catalog/decisions/*.yaml`, read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from msgspec import field

from catalog import own, reading
from catalog.converting import convert
from catalog.editing.patching import patched
from catalog.errors import FindingsError
from catalog.files import write_whole
from catalog.records import Paper, Record

Shape = TypeVar("Shape", bound=msgspec.Struct)
FOLDER = "catalog/decisions"


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
    resolve: dict[str, Resolution] = field(default_factory=dict)


class Page(Record, kw_only=True):
    """The page of a work that the list gives no right link for; it becomes a source."""

    url: str
    kind: Literal["preprint", "workshop", "conference", "journal", "thesis", "report", "unknown"]
    authors: list[str] = field(default_factory=list)


class Correction(Record, kw_only=True):
    """What is wrong with some rows or their facts. `add` and `remove` name values of tags."""

    rows: list[int]
    reason: str
    source: str
    drop_link_ids: bool = False
    authors: Literal["facts"] | None = None
    page: Page | None = None
    evidence: Literal["page", "title"] | None = None
    add: dict[str, list[str]] = field(default_factory=dict)
    remove: dict[str, list[str]] = field(default_factory=dict)
    reported_scale: dict[str, str] = field(default_factory=dict)


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


class CodeLink(Record, kw_only=True):
    """Whose a repository is that is named after another work than the row that links it."""

    row: int
    url: str
    reason: str
    belongs_to: int | None = None  # the row that gets the link instead


class NotDuplicates(Record, kw_only=True):
    """Works that look alike and are different. `papers` are ids of works.

    An extension is a later work of the same people that goes further: two works, told together.
    """

    papers: list[str]
    reason: str
    source: str
    relation: Literal["different", "extension"] = "different"


class Joined(Record, kw_only=True):
    """An entry of a list that became a version of a work that was there."""

    paper: str
    title: str
    reason: str
    source: str


class Venues(Record, kw_only=True):
    """Spelling and kind of venues; see `venues.yaml`."""

    variants: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, list[str]] = field(default_factory=dict)
    issn: dict[str, str] = field(default_factory=dict)
    doi: dict[str, str] = field(default_factory=dict)


class _File(Record, kw_only=True):
    """What a decision file may hold: one list under the file's own name."""

    merges: list[Merge] = field(default_factory=list)
    joined: list[Joined] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)
    scope: list[Scope] = field(default_factory=list)
    links: list[LinkKind] = field(default_factory=list)
    code_links: list[CodeLink] = field(default_factory=list)
    not_duplicates: list[NotDuplicates] = field(default_factory=list)


def _read(folder: Path, name: str, shape: type[Shape]) -> Shape:
    """One decision file, empty where there is none. Raises `FindingsError` with all its faults."""
    place = f"{FOLDER}/{name}.yaml"
    if not (folder / f"{name}.yaml").is_file():
        return shape()
    document = reading.parse(reading.read_text(folder / f"{name}.yaml", place), place)
    record, findings = convert(document, (), document.data, shape, name)
    if record is None:
        raise FindingsError(findings)
    return record


class Decisions:
    """All decision files of a folder, read when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def merges(self) -> list[Merge]:
        return _read(self.folder, "merges", _File).merges

    @cached_property
    def joined(self) -> list[Joined]:
        return _read(self.folder, "merges", _File).joined

    @cached_property
    def corrections(self) -> list[Correction]:
        return _read(self.folder, "corrections", _File).corrections

    @cached_property
    def scope(self) -> list[Scope]:
        return _read(self.folder, "scope", _File).scope

    @cached_property
    def links(self) -> dict[str, LinkKind]:
        links = _read(self.folder, "links", _File).links
        return {link.url: link for link in links}

    @cached_property
    def code_links(self) -> list[CodeLink]:
        return _read(self.folder, "links", _File).code_links

    @cached_property
    def not_duplicates(self) -> list[NotDuplicates]:
        return _read(self.folder, "not_duplicates", _File).not_duplicates

    @cached_property
    def venues(self) -> Venues:
        return _read(self.folder, "venues", Venues)

    def rows(self) -> dict[str, set[int]]:
        """Name of a file -> the rows of the SAM4MIS list that its decisions are about."""
        links = {link.row for link in self.code_links}
        links |= {link.belongs_to for link in self.code_links if link.belongs_to}
        return {
            "merges": {row for merge in self.merges for row in merge.rows},
            "corrections": {row for correction in self.corrections for row in correction.rows},
            "scope": {row for scope in self.scope for row in scope.rows},
            "links": links,
        }


def about(paper: Paper, kept: Decisions) -> list[tuple[str, str]]:
    """What people decided about a work: (the decision, its reason)."""
    rows = set(paper.rows)
    said = [
        (f"rows {_listed(merge.rows)} of the first list are one work", merge.reason)
        for merge in kept.merges
        if rows & set(merge.rows)
    ]
    said += [
        (f"{joined.title!r} is a version of it", joined.reason)
        for joined in kept.joined
        if joined.paper == paper.id
    ]
    said += [("corrected", c.reason) for c in kept.corrections if rows & set(c.rows)]
    said += [(f"scope: {s.decision}", s.reason) for s in kept.scope if rows & set(s.rows)]
    said += [(f"link {link.url}", link.reason) for link in kept.code_links if link.row in rows]
    for pair in kept.not_duplicates:
        if paper.id in pair.papers:
            others = _listed([id for id in pair.papers if id != paper.id])
            extends = ", one extends the other" if pair.relation == "extension" else ""
            said.append((f"another work{extends}: {others}", pair.reason))
    return said


def _listed(names: Sequence[object]) -> str:
    return ", ".join(map(str, names))


def remember(root: Path, not_duplicates: Sequence[NotDuplicates], joined: Sequence[Joined]) -> None:
    """Add decisions to the files of a registry. Call inside `edit_lock`."""
    for name, group, new in (
        ("not_duplicates", "not_duplicates", not_duplicates),
        ("merges", "joined", joined),
    ):
        if not new:
            continue
        place = f"{FOLDER}/{name}.yaml"
        path = root / place
        text = reading.read_text(path, place) if path.is_file() else f"{group}: []\n"
        data = dict(reading.parse(text, place).data)
        data[group] = [*(data.get(group) or []), *map(msgspec.to_builtins, new)]
        write_whole(path, patched(text, data, place).encode())
    _decisions.cache_clear()
    own.forget()


def decisions(root: Path | None = None) -> Decisions:
    """The decisions of a registry, read once; those of this installation where it has none."""
    return _decisions(own.path("decisions", root))


@cache
def _decisions(folder: Path) -> Decisions:
    return Decisions(folder)
