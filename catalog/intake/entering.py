"""Drafts into the registry, entry by entry: what goes in, what is there, what waits for a person.

Nothing here writes. An entry that nobody can decide but a person (it looks like a work that is
there, it names no author) holds up no other: it waits, with the options that decide it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from catalog.duplicates import DuplicateIndex, Match, since
from catalog.errors import InputError, UsageError
from catalog.intake.draft import Draft
from catalog.intake.joining import unknown_versions, with_version
from catalog.records import Inclusion, Paper
from catalog.slugs import work_slug
from catalog.sources.screening import Decision, Reason, Remembered, name_of

State = Literal[
    "new", "queued", "joined", "known", "decided before", "queued before", "excluded", "waits"
]


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person decided about single entries, by what they are called (`Draft.names`)."""

    different: frozenset[str] = frozenset()
    versions: Mapping[str, str] = field(default_factory=dict)  # entry -> id of the work
    without_authors: frozenset[str] = frozenset()
    in_scope: frozenset[str] = frozenset()
    left_out: Mapping[str, Reason] = field(default_factory=dict)

    def unknown(self, drafts: Iterable[Draft]) -> list[str]:
        """Names that no entry has."""
        names = {name for draft in drafts for name in draft.names}
        single = self.different | self.without_authors | self.in_scope
        named = {*single, *self.versions, *self.left_out}
        return sorted(named - names)


@dataclass(slots=True)
class Entry:
    """What becomes of one draft. `paper`: the new record, or the work that it belongs to.

    `ways`: (what the entry would be, the options that say so), for one that waits.
    """

    draft: Draft
    state: State
    paper: Paper | None = None
    because: str = ""
    ways: list[tuple[str, str]] = field(default_factory=list)
    matches: list[Match] = field(default_factory=list)  # works that it was told apart from
    reason: Reason = "other"

    @property
    def name(self) -> str:
        """What a person may call it on the command line."""
        return self.draft.names[0] if self.draft.names else self.draft.title

    def exclusion(self, today: str, source: str) -> Decision:
        """The decision to remember for an entry that was left out; `source` where it has none."""
        paper = self.draft.to_paper(set(), today)
        return Decision(
            id=name_of(paper),
            title=self.draft.title,
            decision="exclude",
            reason=self.reason,
            date=today,
            note=self.because or None,
            source=next(iter(self.draft.sources), source),
        )


def enter(
    drafts: Sequence[Draft],
    papers: Sequence[Paper],
    choices: Choices,
    remembered: Remembered,
    decided: set[frozenset[str]],
    today: str,
) -> list[Entry]:
    """What becomes of every draft, in their order, in a registry that holds `papers`.

    `decided`: pairs of ids that are known to be different works. A later draft may be a version
    of an earlier one. Raises `UsageError` where a choice names a work that is not there.
    """
    nominal = [draft.to_paper(set(), today) for draft in drafts]
    for number, paper in enumerate(nominal):
        paper.id = f"?{number}"
    index = DuplicateIndex([*papers, *nominal], decided)
    there = {paper.id: paper for paper in papers}
    works = {name: paper.id for paper in papers for name in (paper.id, *paper.aliases)}
    taken = set(works)
    entries: list[Entry] = []
    for draft, paper in zip(drafts, nominal, strict=True):
        matches = [match for match in index.matches(paper) if match.paper_id in there]
        entry = _judged(draft, paper, matches, there, works, choices, remembered)
        if entry.state == "joined" and entry.paper:
            there[entry.paper.id] = entry.paper
        elif entry.state == "new":
            paper.id = free_id(paper, taken)
            there[paper.id] = paper
            works[paper.id] = paper.id
            taken.add(paper.id)
        entries.append(entry)
    return entries


def _judged(
    draft: Draft,
    paper: Paper,
    matches: list[Match],
    there: Mapping[str, Paper],
    works: Mapping[str, str],
    choices: Choices,
    remembered: Remembered,
) -> Entry:
    names = draft.names
    if left_out := next((choices.left_out[n] for n in names if n in choices.left_out), None):
        return Entry(draft, "excluded", reason=left_out)
    if target := next((choices.versions[n] for n in names if n in choices.versions), None):
        if target not in works:
            raise UsageError(f"--as-version: there is no work {target!r}. See: sam4mis search")
        return _joined(draft, there[works[target]])
    in_scope = bool(choices.in_scope.intersection(names))
    before = remembered.decision_on(paper)
    if before and before.decision == "exclude" and not in_scope:
        because = f"it was left out on {before.date}: {before.note or before.reason}"
        way = ("in scope after all", f"--in-scope {_quoted(names[0])}")
        return Entry(draft, "decided before", because=because, ways=[way])
    surest = matches[0] if matches else None
    if surest and not choices.different.intersection(names):
        other = there[surest.paper_id]
        if _taken_from(draft, other):  # whatever became of its venue or DOI since
            return Entry(draft, "known", other, f"{_there(other)}; it came from this very line")
    if surest and surest.level == "identifier":
        other = there[surest.paper_id]
        because = f"{_there(other)}; {surest.reason}"
        if not unknown_versions(other, draft):
            return Entry(draft, "known", other, because)
        ways = [("another version of it", _as_version(draft, other))]
        return Entry(draft, "waits", other, because, ways)
    if remembered.waits(paper) and not in_scope:  # whatever the list says: somebody put it there
        return Entry(draft, "queued before", because="it waits in the queue (sam4mis screen)")
    if draft.inclusion and draft.inclusion.decision == "exclude" and not in_scope:
        return Entry(draft, "excluded", because=draft.inclusion.reason or "")
    if surest and not choices.different.intersection(names):
        other = there[surest.paper_id]
        because = f"{_there(other)}; {surest.reason}"
        different = ("a different work", f"--different {_quoted(names[0])}")
        if surest.level == "title" and not unknown_versions(other, draft):
            return Entry(draft, "known", other, because, [different])  # it brings nothing new
        ways = [("another version of it", _as_version(draft, other)), different]
        return Entry(draft, "waits", other, because, ways)
    if draft.inclusion and draft.inclusion.decision == "undecided" and not in_scope:
        return Entry(draft, "queued", paper, draft.inclusion.reason or "")
    if not draft.authors and not choices.without_authors.intersection(names):
        way = ("really without known authors", f"--without-authors {_quoted(names[0])}")
        return Entry(draft, "waits", None, "it names no author", [way])
    if in_scope and paper.inclusion.decision != "include":
        paper.inclusion = Inclusion(decision="include")
    return Entry(draft, "new", paper, matches=matches)


def _taken_from(draft: Draft, work: Paper) -> bool:
    """Whether the line of a list, at its commit, that has the draft is one `work` came from."""
    origins = {*work.sources, *(v.second_hand.source for v in work.versions if v.second_hand)}
    return any("#L" in source and source in origins for source in draft.sources[:1])


def _joined(draft: Draft, work: Paper) -> Entry:
    try:
        return Entry(draft, "joined", with_version(work, draft))
    except InputError as error:
        return Entry(draft, "known", work, str(error))


def _there(other: Paper) -> str:
    came = since(other)
    return f"it is in the catalog{f', since {came}' if came else ''}: {other.id} ({other.title})"


def _as_version(draft: Draft, other: Paper) -> str:
    return f"--as-version {_quoted(f'{draft.names[0]}={other.id}')}"


def _quoted(text: str) -> str:
    from shlex import quote

    return quote(text)


def free_id(paper: Paper, taken: set[str]) -> str:
    """An id for a new work that is not in `taken`."""
    first = paper.authors[0] if paper.authors else None
    year = (paper.versions[0].date or "")[:4] if paper.versions else ""
    return work_slug(paper.title, paper.short_name, first, year, taken)
