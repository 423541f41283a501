"""Candidates that a search found, and what people decided about them; counts for a PRISMA flow."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import field

from catalog.editing import edit_lock
from catalog.errors import Finding, FindingsError
from catalog.files import write_whole
from catalog.records import Ids, Paper, Record
from catalog.slugs import title_slug, work_slug
from catalog.titles import normal_title
from catalog.yaml_out import dump

FILE = "catalog/data/screening.yaml"
_HEAD = """\
# What `sam4mis discover` and `sam4mis import` found and what people decided with `sam4mis screen`;
# these commands write it. searches, lists: one entry a run. queue: what waits. decided: each
# candidate with its reason.
"""
Reason = Literal[
    "in-scope",
    "not-medical",
    "not-segmentation",
    "no-foundation-model",
    "duplicate",
    "no-paper",
    "withdrawn",
    "other",
]


class Search(Record, kw_only=True):
    """One run of `discover`. `query`: the first 12 digits of the query file's sha256."""

    date: str
    since: str
    until: str
    query: str
    found: int
    known: int
    decided_before: int
    queued_before: int
    below_threshold: int
    queued: int


class ListRead(Record, kw_only=True):
    """One list of works that `import` took in. `source`: the file's name and its sha256."""

    date: str
    source: str
    found: int
    known: int
    decided_before: int
    queued_before: int
    joined: int = 0  # versions of works that are there
    excluded: int = 0
    queued: int
    new: int = 0
    waiting: int = 0  # left for a decision of a person, in no file
    below_threshold: int = 0


class Candidate(Record, kw_only=True):
    """A work that waits for a decision, as the record it would become, and why it waits."""

    record: Paper  # its id may be another one in the end
    found: str
    score: int = 0
    why: list[str] = field(default_factory=list)
    looks_like: str | None = None  # id of a work of the catalog with nearly the same title
    abstract: str = ""  # metadata of arXiv is CC0

    @property
    def id(self) -> str:
        """What a person calls it: arXiv id, DOI or another identifier, else words of its title."""
        return name_of(self.record)


class Decision(Record, kw_only=True):
    """What a person decided. `work`: the id it got when included; `source`: where it was listed."""

    id: str
    title: str
    decision: Literal["include", "exclude"]
    reason: Reason
    date: str
    note: str | None = None
    work: str | None = None
    source: str | None = None


class Screening(Record, kw_only=True):
    """The whole file."""

    searches: list[Search] = field(default_factory=list)
    lists: list[ListRead] = field(default_factory=list)
    queue: list[Candidate] = field(default_factory=list)
    decided: list[Decision] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was decided and what waits, found by an identifier or the title of a work."""

    decided: dict[str, Decision]
    waiting: frozenset[str]

    @classmethod
    def of(cls, screening: Screening) -> Remembered:
        """An index of the file; building it is linear."""
        decided = {
            key: decision
            for decision in screening.decided
            for key in (decision.id, _title_key(decision.title))
        }
        waiting = {key for candidate in screening.queue for key in keys(candidate.record)}
        return cls(decided, frozenset(waiting))

    def decision_on(self, paper: Paper) -> Decision | None:
        """What was decided about a work before."""
        return next((self.decided[key] for key in keys(paper) if key in self.decided), None)

    def waits(self, paper: Paper) -> bool:
        """Whether a work is in the queue."""
        return not self.waiting.isdisjoint(keys(paper))


def keys(paper: Paper) -> list[str]:
    """What a work is found by in this file: its identifiers and its title."""
    return [*names_of(paper), _title_key(paper.title)]


def _title_key(title: str) -> str:
    return f"title {normal_title(title)}"


def provisional_id(paper: Paper) -> str:
    """An id for a record in the queue; it gets its own when it is included."""
    return work_slug(paper.title, None, None, "", set())


def names_of(paper: Paper) -> list[str]:
    """The identifiers of a work, arXiv first, then DOI."""
    found = [
        value
        for kind in ("arxiv", "doi", *Ids.__struct_fields__)
        for version in paper.versions
        if (value := getattr(version.ids, kind))
    ]
    return list(dict.fromkeys(found))


def name_of(paper: Paper) -> str:
    """The first of `names_of`, else the beginning of the title as a slug."""
    return next(iter(names_of(paper)), title_slug(paper.title, 10))


def load(root: Path) -> Screening:
    """The file as it is, empty where there is none. Raises `FindingsError` where it is broken."""
    from catalog import reading

    path = root / FILE
    if not path.is_file():
        return Screening()
    document = reading.parse(reading.read_text(path, FILE), FILE)
    try:
        return msgspec.convert(document.data or {}, Screening)
    except msgspec.ValidationError as error:
        hint = "Mend the line, or take the file back from git."
        raise FindingsError([Finding(FILE, None, "", "S001", str(error), hint)]) from None


def save(root: Path, screening: Screening) -> None:
    """Write the file whole. Call inside `edit_lock` after a fresh `load`."""
    text = dump(msgspec.to_builtins(screening))
    (root / FILE).parent.mkdir(parents=True, exist_ok=True)
    write_whole(root / FILE, (_HEAD + text).encode())


def decide(root: Path, decision: Decision) -> None:
    """Take a candidate out of the queue and keep what was decided."""
    with edit_lock(root):
        screening = load(root)
        screening.queue = [c for c in screening.queue if c.id != decision.id]
        screening.decided = [d for d in screening.decided if d.id != decision.id]
        screening.decided.append(decision)
        save(root, screening)


def prisma_counts(root: Path) -> dict[str, dict[str, int]]:
    """Counts of the flow from records to works, in the order of a PRISMA diagram.

    `identified`: rows of the SAM4MIS list, entries of other lists and records that searches found;
    `removed`: the same work again, known or decided before, or scored too low; `screened` and its
    outcome are works and candidates looked at by a person. The numbers add up: identified -
    removed = screened + waiting.
    """
    from catalog.registry import load_papers

    papers = load_papers(root)
    screening = load(root)
    listed = [paper for paper in papers if paper.rows]
    rows = sum(len(paper.rows) for paper in listed)
    found = Counter[str]()
    for search in screening.searches:
        for name in ("found", "known", "decided_before", "queued_before", "below_threshold"):
            found[name] += getattr(search, name)
    read = Counter[str]()
    for one in screening.lists:
        for name in ListRead.__struct_fields__[2:]:
            read[name] += getattr(one, name)
    again = read["known"] + read["decided_before"] + read["queued_before"] + read["joined"]
    searched = {decision.work for decision in screening.decided if decision.work}
    without_row = sum(not paper.rows and paper.id not in searched for paper in papers)
    excluded = Counter(
        "list: " + (paper.inclusion.reason or "no reason recorded")
        for paper in listed
        if paper.inclusion.decision == "exclude"
    )
    excluded.update(
        f"search: {decision.reason}"
        for decision in screening.decided
        if decision.decision == "exclude"
    )
    decided = len(screening.decided)
    return {
        "identified": {
            "rows of the SAM4MIS list": rows,
            "records of arXiv searches": found["found"],
            "entries of other lists": read["found"],
            "added by hand": without_row - read["new"],
        },
        "removed": {
            "rows of a work that another row has": rows - len(listed),
            "found again by a search": found["known"]
            + found["decided_before"]
            + found["queued_before"],
            "scored too low to be queued": found["below_threshold"] + read["below_threshold"],
            "entries of other lists that are there already": again,
            "entries of other lists left for a decision": read["waiting"],
        },
        "screened": {"works and candidates": len(listed) + without_row + decided},
        "waiting": {"candidates": len(screening.queue)},
        "excluded": dict(sorted(excluded.items())),
        "included": {
            "works": sum(paper.inclusion.decision == "include" for paper in papers),
            "undecided": sum(paper.inclusion.decision == "undecided" for paper in papers),
        },
    }
