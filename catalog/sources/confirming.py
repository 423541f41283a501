"""Second-hand versions against the primary page: confirmed where all agrees, else flagged.

Primary are arXiv, Crossref and OpenReview: what they hold was given by the authors or the
publisher. Title, authors, date and DOI have to agree; what the primary page lacks is no
contradiction.
"""

from __future__ import annotations

from catalog.duplicates import same_person
from catalog.records import Paper, SecondHand, Version
from catalog.sources.sighting import Sighting
from catalog.text import fold

PRIMARY = ("arxiv", "crossref", "openreview")


def confirm(paper: Paper, version: Version, sighting: Sighting, today: str) -> None:
    """Confirm or flag one second-hand version of `paper` in place, by what a primary page says."""
    assert version.second_hand is not None
    differs = differences(paper, version, sighting)
    if differs:
        version.second_hand = SecondHand(
            source=version.second_hand.source, checked=today, differs=differs
        )
        return
    origin = version.second_hand.source
    version.second_hand = None
    paper.sources += [s for s in (*sighting.draft.sources, origin) if s not in paper.sources]


def differences(paper: Paper, version: Version, sighting: Sighting) -> list[str]:
    """What a primary page says otherwise, as `field: ours, theirs` with its service."""
    draft, theirs, found = sighting.draft, sighting.draft.version, []

    def note(field: str, mine: object, other: object) -> None:
        found.append(f"{field}: {mine} here, {other} at {sighting.service}")

    titles = [paper.title, *paper.title_aliases, *(v.title for v in paper.versions if v.title)]
    if fold(draft.title) not in {fold(title) for title in titles}:
        note("title", repr(version.title or paper.title), repr(draft.title))
    if draft.authors and paper.authors and not _authors_agree(paper, draft.authors):
        note("authors", _named(paper.authors), _named(draft.authors))
    if version.date and theirs.date and not consistent(version.date, theirs.date):
        note("date", version.date, theirs.date)
    for name in ("doi", "arxiv"):
        mine, other = getattr(version.ids, name), getattr(theirs.ids, name)
        if mine and other and mine.casefold() != other.casefold():
            note(name, mine, other)
    return found


def _authors_agree(paper: Paper, theirs: list[str]) -> bool:
    """The same people in the same order; an incomplete list agrees with what goes on from it."""
    if len(paper.authors) > len(theirs):
        return False
    if paper.authors_complete and len(paper.authors) != len(theirs):
        return False
    return all(map(same_person, paper.authors, theirs))


def _named(authors: list[str]) -> str:
    return f"{len(authors)} ({', '.join(authors[:3])}{' ...' if len(authors) > 3 else ''})"


def consistent(ours: str, theirs: str) -> bool:
    """Whether two dates differ in precision only, or by the weeks between online and print."""
    if ours.startswith(theirs) or theirs.startswith(ours):
        return True
    return abs(_months(ours) - _months(theirs)) <= 6


def _months(date: str) -> int:
    year, month = int(date[:4]), int(date[5:7]) if len(date) > 4 else 6
    return 12 * year + month
