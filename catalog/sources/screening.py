"""Candidates that a search found, and what people decided about them; counts for a PRISMA flow."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import field

from catalog.editing import edit_lock
from catalog.errors import Finding, FindingsError
from catalog.files import write_whole
from catalog.records import Record
from catalog.yaml_out import dump

FILE = "catalog/data/screening.yaml"
_HEAD = """\
# What `sam4mis discover` found and what people decided with `sam4mis screen`; these commands write
# it. searches: one entry a run. queue: what waits. decided: each candidate with its reason.
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


class Candidate(Record, kw_only=True):
    """A work that waits for a decision, with what arXiv says of it (metadata is CC0)."""

    arxiv: str
    title: str
    authors: list[str]
    date: str | None
    score: int
    why: list[str]
    found: str
    looks_like: str | None = None  # id of a work of the catalog with nearly the same title
    abstract: str = ""
    code: list[str] = field(default_factory=list)


class Decision(Record, kw_only=True):
    """What a person decided. `work`: the id it got when included."""

    arxiv: str
    title: str
    decision: Literal["include", "exclude"]
    reason: Reason
    date: str
    note: str | None = None
    work: str | None = None


class Screening(Record, kw_only=True):
    """The whole file."""

    searches: list[Search] = field(default_factory=list)
    queue: list[Candidate] = field(default_factory=list)
    decided: list[Decision] = field(default_factory=list)


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
        screening.queue = [c for c in screening.queue if c.arxiv != decision.arxiv]
        screening.decided = [d for d in screening.decided if d.arxiv != decision.arxiv]
        screening.decided.append(decision)
        save(root, screening)


def prisma_counts(root: Path) -> dict[str, dict[str, int]]:
    """Counts of the flow from records to works, in the order of a PRISMA diagram.

    `identified`: rows of the SAM4MIS list and records that the searches found; `removed`: the same
    work again, known or decided before, or scored too low; `screened` and its outcome are works and
    candidates looked at by a person. The numbers add up: identified - removed = screened + waiting.
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
    searched = {decision.work for decision in screening.decided if decision.work}
    by_hand = sum(not paper.rows and paper.id not in searched for paper in papers)
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
            "added by hand": by_hand,
        },
        "removed": {
            "rows of a work that another row has": rows - len(listed),
            "found again by a search": found["known"]
            + found["decided_before"]
            + found["queued_before"],
            "scored too low to be queued": found["below_threshold"],
        },
        "screened": {"works and candidates": len(listed) + by_hand + decided},
        "waiting": {"candidates": len(screening.queue)},
        "excluded": dict(sorted(excluded.items())),
        "included": {
            "works": sum(paper.inclusion.decision == "include" for paper in papers),
            "undecided": sum(paper.inclusion.decision == "undecided" for paper in papers),
        },
    }
