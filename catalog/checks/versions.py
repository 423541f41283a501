"""Versions of a work: identifiers, dates, venues, order."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from functools import partial

from catalog import identifiers, venues
from catalog.checks.problem import Problem
from catalog.decided import decisions
from catalog.records import Ids, Paper, Version

# A submission in the last days of a month gets its id in the next one.
_DAYS_BEFORE_ID = 4


def check(paper: Paper) -> Iterator[Problem]:
    """Problems of a work's versions."""
    if not paper.versions:
        yield Problem("P001", ("versions",), "no version", "Add where it appeared.")
        return
    cited = [n for n, version in enumerate(paper.versions) if version.cite]
    if len(cited) != 1:
        yield Problem(
            "P002",
            ("versions",),
            f"{len(cited)} versions have cite: true",
            "Mark the one to cite.",
            _cite_last,
        )
    if _in_order(paper.versions) != list(range(len(paper.versions))):
        yield Problem("P003", ("versions",), "versions are not oldest first", "", _sort)
    for number, version in enumerate(paper.versions):
        path = ("versions", number)
        yield from _ids(version, number)
        if version.ids == Ids() and not version.url and not version.venue:
            yield Problem("P004", path, "neither identifier nor address nor venue")
        yield from _venue(version, number)
        yield from _standing(version, number)
        if version.kind == "preprint" and version.ids.doi and not _of_preprint(version.ids.doi):
            hint = "Move it to the version that has it, or say what kind this one is."
            path_of_doi = (*path, "ids", "doi")
            yield Problem("P012", path_of_doi, f"{version.ids.doi} is of no preprint server", hint)
    for name, place in paper.second_hand.items():
        yield Problem("P011", ("second_hand", name), f"{name}: read in {place}")


def _standing(version: Version, number: int) -> Iterator[Problem]:
    path = ("versions", number)
    if version.second_hand:
        hint = "Mend the record and remove `second_hand`, or the identifier is another work's."
        for said in version.second_hand.differs:
            yield Problem("P008", (*path, "second_hand"), said, hint)
    if notice := version.taken_back:
        yield Problem("P009", (*path, "taken_back"), f"{notice.kind}, says {notice.source}")


def _ids(version: Version, number: int) -> Iterator[Problem]:
    for kind in Ids.__struct_fields__:
        value = getattr(version.ids, kind)
        if value is None:
            continue
        path = ("versions", number, "ids", kind)
        if kind == "doi" and (id := _arxiv_doi(value)):
            hint = f"Write arxiv: '{id}'."
            yield Problem("I005", path, f"{value} is arXiv {id}", hint, partial(_to_arxiv, number))
            continue
        normal = identifiers.NORMALISERS[kind](value)
        if normal is None:
            found = [str(i) for i in identifiers.identify(value)]
            hint = f"It names {', '.join(found)}." if found else "Copy it from the page once more."
            same = next((i.value for i in identifiers.identify(value) if i.kind == kind), None)
            fix = partial(_set_id, number, kind, same) if same else None
            code = "I001" if same else "I002"
            message = f"{value!r} is no {kind}" if not same else f"{value!r}: expected {same!r}"
            yield Problem(code, path, message, hint, fix)
        elif normal != value:
            fix = partial(_set_id, number, kind, normal)
            yield Problem("I001", path, f"{value!r}: expected {normal!r}", "", fix)
    if version.ids.arxiv and version.date:
        yield from _month(version, number)
    if version.url and not version.ids.doi:
        derived = [i for i in identifiers.identify(version.url) if i.kind == "doi"]
        if derived:
            doi = derived[0].value
            fix = partial(_set_id, number, "doi", doi)
            message = f"{version.url} gives DOI {doi} ({derived[0].derived or 'it is the DOI'})"
            yield Problem("I004", ("versions", number, "url"), message, "", fix)


def _month(version: Version, number: int) -> Iterator[Problem]:
    assert version.ids.arxiv
    assert version.date
    month = identifiers.arxiv_month(version.ids.arxiv)
    if month is None or version.kind != "preprint" or len(version.date) < 7:
        return
    if version.date[:7] == month:
        return
    if len(version.date) == 10:
        try:
            day = datetime.date.fromisoformat(version.date)
        except ValueError:
            return
        first = datetime.date.fromisoformat(f"{month}-01")
        if 0 < (first - day).days <= _DAYS_BEFORE_ID:
            return
    yield Problem(
        "I003",
        ("versions", number, "date"),
        f"date {version.date}, but arXiv {version.ids.arxiv} was given in {month}",
    )


def _venue(version: Version, number: int) -> Iterator[Problem]:
    if not version.venue:
        return
    path = ("versions", number, "venue")
    spelled = venues.spelled(version.venue, decisions().venues)
    if spelled != version.venue:
        fix = partial(_set_venue, number, spelled)
        yield Problem("P006", path, f"venue {version.venue!r}: expected {spelled!r}", "", fix)
    elif venues.year_of(version.venue) is None and not version.date:
        yield Problem("P007", path, f"venue {version.venue!r} without a year or date")


def _of_preprint(value: str) -> bool:
    return venues.is_preprint(identifiers.doi(value))


def _arxiv_doi(value: str) -> str | None:
    doi = identifiers.doi(value)
    if doi and doi.startswith("10.48550/arxiv."):
        return identifiers.arxiv(doi.removeprefix("10.48550/arxiv."))
    return None


def _in_order(versions: list[Version]) -> list[int]:
    """Numbers of the versions sorted by date; without a date, or agreeing, they stay in place."""
    dated = [n for n, version in enumerate(versions) if version.date]
    order = list(range(len(versions)))
    # Dates of different precision are compared as far as both go: 2023 and 2023-04 agree.
    for i in range(1, len(dated)):
        for j in range(i, 0, -1):
            one, other = (
                versions[order[dated[j - 1]]].date or "",
                versions[order[dated[j]]].date or "",
            )
            length = min(len(one), len(other))
            if one[:length] > other[:length] and _kinds_allow(versions, order, dated, j):
                a, b = dated[j - 1], dated[j]
                order[a], order[b] = order[b], order[a]
    return order


def _kinds_allow(versions: list[Version], order: list[int], dated: list[int], j: int) -> bool:
    """A preprint put online after the published version still stands first."""
    first, second = versions[order[dated[j - 1]]], versions[order[dated[j]]]
    return not (first.kind == "preprint" and second.kind != "preprint")


def _cite_last(paper: Paper) -> None:
    for version in paper.versions:
        version.cite = False
    paper.versions[-1].cite = True


def _sort(paper: Paper) -> None:
    paper.versions = [paper.versions[n] for n in _in_order(paper.versions)]


def _set_id(number: int, kind: str, value: str | None, paper: Paper) -> None:
    setattr(paper.versions[number].ids, kind, value)


def _set_venue(number: int, venue: str, paper: Paper) -> None:
    paper.versions[number].venue = venue


def _to_arxiv(number: int, paper: Paper) -> None:
    ids = paper.versions[number].ids
    ids.arxiv = ids.arxiv or _arxiv_doi(ids.doi or "")
    ids.doi = None
