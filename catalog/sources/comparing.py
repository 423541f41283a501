"""What services say against what the registry says: gaps that can be filled, and differences.

Nothing that is there is overwritten. A gap is a null, or a list of authors marked incomplete.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from catalog.duplicates import compatible
from catalog.errors import InputError
from catalog.intake.joining import describe
from catalog.licences import spelled
from catalog.provenance import copies_only
from catalog.records import Ids, Paper, Record, SecondHand, Version
from catalog.sources.confirming import PRIMARY, confirm, consistent
from catalog.sources.sighting import Sighting
from catalog.text import fold

Kind = Literal["fill", "differs", "other-work"]
_ALIKE = 75.0  # percent of rapidfuzz's token ratio below which two titles are two works
_PUBLISHED = ("journal", "conference", "workshop")


class Difference(Record, kw_only=True):
    """One thing a service knows otherwise. `fill`: ours is null; `differs`: a person decides.

    `other-work`: an identifier of ours leads to a work with another title; nothing else of that
    answer is used.
    """

    record: str
    field: str
    kind: Kind
    ours: Any
    theirs: Any
    source: str
    page: str | None = None


# Fields of projects that a service states as a fact, and where a wrong one would be seen at once.
# What the names of files promise (`code_status`, `checkpoints`) is a sign: a person decides.
SAFE_PROJECT_FIELDS = frozenset({"repository.moved_to", "licences.code", "licences.weights"})


def safe_fills(differences: Iterable[Difference]) -> dict[str, dict[str, str]]:
    """Slug -> field -> value of what may be filled in project files without asking.

    Only what is null with us; left out where services contradict each other, and where a licence
    is none that SPDX names: no file of that kind was found (the README may state one), or "other".
    """
    said: dict[tuple[str, str], set[str]] = {}
    for found in differences:
        folder, _, slug = found.record.partition("/")
        if folder == "projects" and found.kind == "fill" and found.field in SAFE_PROJECT_FIELDS:
            theirs = str(found.theirs)
            value = spelled(theirs) if found.field.startswith("licences.") else theirs
            said.setdefault((slug, found.field), set()).add(value or "")
    fills: dict[str, dict[str, str]] = {}
    for (slug, field), values in said.items():
        if len(values) == 1 and values != {""}:
            fills.setdefault(slug, {})[field] = values.pop()
    return fills


def fill(fields: Mapping[str, str], data: dict[str, Any]) -> None:
    """Put values into the nulls of a project's data, by field (`licences.code`).

    Raises `InputError` where something stands there by now.
    """
    for field, value in fields.items():
        group, _, name = field.partition(".")
        there = data.get(group) or {}
        if there.get(name) is not None:
            place = f"projects/{data['slug']}.yaml"
            raise InputError(f"{place}: {field} is {there[name]!r} by now; left as it is.")
        data[group] = {**there, name: value}


def merge(
    paper: Paper, sightings: Iterable[Sighting], today: str
) -> tuple[Paper, list[Difference]]:
    """`paper` with its gaps filled (a new record), and everything that differs.

    A second-hand version that a primary page tells of is confirmed or flagged (`today`).
    """
    filled: Paper = msgspec.convert(msgspec.to_builtins(paper), Paper)
    differences: list[Difference] = []
    for sighting in sightings:
        draft = sighting.draft
        page = draft.sources[0] if draft.sources else None

        def note(
            field: str,
            kind: Kind,
            ours: Any,
            theirs: Any,
            source: str = sighting.service,
            page: str | None = page,
        ) -> None:
            found = Difference(
                record=paper.id,
                field=field,
                kind=kind,
                ours=ours,
                theirs=theirs,
                source=source,
                page=page,
            )
            if not any(_same(found, other) for other in differences):
                differences.append(found)

        told_of = _counterpart(filled, draft.version)
        if sighting.service in PRIMARY and told_of and told_of.second_hand:
            confirm(filled, told_of, sighting, today)
        if not _same_work(paper, sighting):
            note("title", "other-work", paper.title, draft.title)
            continue
        before = len(differences)
        titles = {fold(t) for t in (filled.title, *filled.title_aliases)}
        titles |= {fold(v.title) for v in filled.versions if v.title}
        if fold(draft.title) not in titles:
            note("title", "differs", paper.title, draft.title)
        _authors(filled, sighting, note)
        for version in (draft.version, *draft.published):
            own = sighting.service in PRIMARY and version is draft.version
            _version(filled, version, None if own else page, note)
        agrees = all(found.kind == "fill" for found in differences[before:])
        if sighting.service in PRIMARY and agrees and page and copies_only(filled):
            filled.sources.append(page)  # what was read in copies stands on the work's own page
    return filled, differences


def _same(one: Difference, other: Difference) -> bool:
    """Whether two services say the same of one field."""
    return (one.field, one.kind, fold(str(one.theirs))) == (
        other.field,
        other.kind,
        fold(str(other.theirs)),
    )


def _same_work(paper: Paper, sighting: Sighting) -> bool:
    """Same title to the ear, or a changed title with a first author who can be the same."""
    from rapidfuzz import fuzz

    theirs = fold(sighting.draft.title)
    ours = [paper.title, *paper.title_aliases, *(v.title for v in paper.versions if v.title)]
    best = max(fuzz.token_set_ratio(theirs, fold(title)) for title in ours)
    if best >= _ALIKE:
        return True
    other = Paper(id="", title=sighting.draft.title, authors=sighting.draft.authors)
    return bool(paper.authors and other.authors) and compatible(paper, other) and best >= 40


def _authors(filled: Paper, sighting: Sighting, note: Any) -> None:
    theirs = sighting.draft.authors
    if not theirs:
        return
    ours = filled.authors
    unseen = not filled.authors_complete or "authors" in filled.second_hand
    if unseen and sighting.draft.complete:
        other = Paper(id="", title="", authors=theirs)
        if not ours or (compatible(filled, other) and len(theirs) >= len(ours)):
            note("authors", "fill", ours, theirs)
            filled.authors, filled.authors_complete = theirs, True
            filled.second_hand.pop("authors", None)  # seen on a page of the work now
            return
    if filled.authors_complete and sighting.draft.complete and len(ours) != len(theirs):
        note("authors", "differs", ours, theirs)


def _version(filled: Paper, theirs: Version, page: str | None, note: Any) -> None:
    """Fill one version, or add it; `page`: where it was read, if not its own page."""
    ours = _counterpart(filled, theirs)
    if ours is None:
        published = theirs.kind in _PUBLISHED and (theirs.ids.doi or theirs.venue)
        if published or (theirs.kind == "preprint" and theirs.ids.arxiv):
            added: Version = msgspec.convert(msgspec.to_builtins(theirs), Version)
            added.cite = False
            if page:
                added.second_hand = SecondHand(source=page)
            note(
                "versions",
                "fill",
                None,
                describe(added) + (f", {added.venue}" if added.venue else ""),
            )
            filled.versions.append(added)
            filled.versions.sort(key=lambda version: version.date or "9999")
            _cite_published(filled)
        elif theirs.ids.doi:  # of which version is not said: a person decides
            note("versions", "differs", None, describe(theirs))
        return
    where = f"versions[{describe(ours)}]"
    if theirs.taken_back and ours.taken_back is None:
        note(f"{where}.taken_back", "fill", None, theirs.taken_back.kind)
        ours.taken_back = theirs.taken_back
    for name in Ids.__struct_fields__:
        mine, other = getattr(ours.ids, name), getattr(theirs.ids, name)
        if other and mine is None:
            note(f"{where}.ids.{name}", "fill", None, other)
            setattr(ours.ids, name, other)
        elif other and mine != other:
            note(f"{where}.ids.{name}", "differs", mine, other)
    if theirs.kind != "unknown" and ours.kind == "unknown":
        note(f"{where}.kind", "fill", None, theirs.kind)
        ours.kind = theirs.kind
    if theirs.venue and ours.venue is None and ours.kind != "preprint":
        note(f"{where}.venue", "fill", None, theirs.venue)
        ours.venue = theirs.venue
    if theirs.date and ours.date is None:
        note(f"{where}.date", "fill", None, theirs.date)
        ours.date = theirs.date
    elif theirs.date and ours.date and not consistent(ours.date, theirs.date):
        note(f"{where}.date", "differs", ours.date, theirs.date)


def _counterpart(paper: Paper, version: Version) -> Version | None:
    """The version of `paper` that `version` describes: a shared identifier, or kind and year."""
    theirs = msgspec.to_builtins(version.ids)
    for ours in paper.versions:
        if theirs.items() & msgspec.to_builtins(ours.ids).items():
            return ours
    for ours in paper.versions:
        # the same publication, known to us without an identifier that the service has
        same_kind = ours.kind == version.kind != "unknown"
        conflict = any(
            getattr(ours.ids, name) and getattr(version.ids, name) for name in ("doi", "arxiv")
        )
        same_year = (ours.date or "")[:4] == (version.date or "")[:4]
        if same_kind and not conflict and same_year:
            return ours
    return None


def _cite_published(paper: Paper) -> None:
    """Mark the latest published version, if the one marked now is a preprint."""
    cited = next((version for version in paper.versions if version.cite), None)
    published = [version for version in paper.versions if version.kind in _PUBLISHED]
    if published and (cited is None or cited.kind == "preprint"):
        for version in paper.versions:
            version.cite = version is published[-1]
