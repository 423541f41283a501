"""Writing what became of drafts: records, decisions about single entries, the queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog import decided
from catalog.duplicates import decided_pairs
from catalog.editing import edit_lock, write_papers
from catalog.intake.draft import Draft
from catalog.intake.entering import Choices, Entry, enter
from catalog.records import Paper
from catalog.registry import load_papers
from catalog.sources import screening
from catalog.sources.screening import Candidate, ListRead, Remembered


@dataclass(frozen=True, slots=True)
class Origin:
    """What drafts came from. `listed`: a list of somebody else, which the PRISMA flow counts."""

    source: str
    listed: bool = False
    because: str | None = None  # why a person decided single entries as they did


def preview(root: Path, drafts: Sequence[Draft], choices: Choices, today: str) -> list[Entry]:
    """What `store` would do now; writes nothing."""
    remembered = Remembered.of(screening.load(root))
    return enter(drafts, load_papers(root), choices, remembered, decided_pairs(root), today)


def store(
    root: Path, drafts: Sequence[Draft], choices: Choices, origin: Origin, today: str
) -> list[Entry]:
    """Write what goes in and what was decided, under the lock; returns what became of each draft.

    The registry is looked at again: somebody may have added the same work meanwhile. Works are
    written first, so that a run that was stopped is taken up by the same command.
    """
    with edit_lock(root):
        papers = load_papers(root)
        kept = screening.load(root)
        remembered, pairs = Remembered.of(kept), decided_pairs(root)
        entries = enter(drafts, papers, choices, remembered, pairs, today)
        joined = {e.paper.id: e.paper for e in entries if e.state == "joined" and e.paper}
        # a later entry may be a version of one that is new itself
        new = [joined.pop(e.paper.id, e.paper) for e in entries if e.state == "new" and e.paper]
        write_papers(root, papers, new, joined)
        _remember(root, entries, origin, today)
        before = len(kept.queue), len(kept.decided), len(kept.lists)
        _screen(kept, entries, new, origin, today)
        if before != (len(kept.queue), len(kept.decided), len(kept.lists)):
            screening.save(root, kept)
    return entries


def _remember(root: Path, entries: list[Entry], origin: Origin, today: str) -> None:
    """The decisions that two works are different, or that an entry is a version of a work."""
    source = f"{origin.source}, {today}"
    different = [
        decided.NotDuplicates(
            papers=[entry.paper.id, match.paper_id],
            reason=origin.because or f"Told apart when it came in, although {match.reason}.",
            source=source,
        )
        for entry in entries
        if entry.state == "new" and entry.paper
        for match in entry.matches
    ]
    joined = [
        decided.Joined(
            paper=entry.paper.id,
            title=entry.draft.title,
            reason=origin.because or "Said to be another version when it came in.",
            source=source,
        )
        for entry in entries
        if entry.state == "joined" and entry.paper
    ]
    decided.remember(root, different, joined)


def _screen(
    kept: screening.Screening, entries: list[Entry], new: list[Paper], origin: Origin, today: str
) -> None:
    """Queue, decisions and the count of a list, in the file of the screening."""
    keys = {key for paper in new for key in screening.keys(paper)}
    kept.queue = [c for c in kept.queue if keys.isdisjoint(screening.keys(c.record))]
    for entry in entries:
        if entry.state == "queued" and entry.paper:
            entry.paper.id = screening.provisional_id(entry.paper)
            why = [entry.because] if entry.because else []
            kept.queue.append(Candidate(record=entry.paper, found=today, why=why))
        elif entry.state == "excluded":
            kept.decided.append(entry.exclusion(today, origin.source))
    counts = Counter(entry.state for entry in entries)
    changed = counts["new"] + counts["queued"] + counts["joined"] + counts["excluded"]
    read_before = origin.source in {read.source for read in kept.lists}
    if origin.listed and (changed or not read_before):
        kept.lists.append(
            ListRead(
                date=today,
                source=origin.source,
                found=len(entries),
                known=counts["known"],
                decided_before=counts["decided before"],
                queued_before=counts["queued before"],
                joined=counts["joined"],
                excluded=counts["excluded"],
                queued=counts["queued"],
                new=counts["new"],
                waiting=counts["waits"],
            )
        )
