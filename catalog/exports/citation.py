"""What every reference format needs to know of a work, worked out once."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote

from catalog.records import Ids, Paper, Version
from catalog.text import clean

_TRAILING_YEAR = re.compile(r"[\s,(]+((?:19|20)\d\d)\)?$")
_YEAR = re.compile(r"\b((?:19|20)\d\d)\b")


class Citation(NamedTuple):
    """One work as it should be cited: the version marked `cite`, with the work's other identifiers.

    `date` is (year), (year, month) or (year, month, day), empty where unknown; `ids` are those of
    the cited version, with arXiv, PubMed and PMC numbers of the other versions added.
    """

    key: str
    kind: str
    title: str
    authors: list[str]
    complete: bool
    venue: str
    date: tuple[int, ...]
    ids: Ids
    url: str


def cited_version(paper: Paper) -> Version | None:
    """The version marked `cite`, else the latest one; None for a work without versions."""
    for version in paper.versions:
        if version.cite:
            return version
    return paper.versions[-1] if paper.versions else None


def citation(paper: Paper) -> Citation:
    """`paper` as a `Citation`, every text cleaned."""
    version = cited_version(paper) or Version(kind="unknown")
    ids = Ids(
        **{
            name: clean(value)
            for name in Ids.__struct_fields__
            if (value := getattr(version.ids, name))
        }
    )
    for other in paper.versions:
        for name in ("arxiv", "pmid", "pmcid"):
            if getattr(ids, name) is None and (value := getattr(other.ids, name)):
                setattr(ids, name, clean(value))
    return Citation(
        key=re.sub(r"[^A-Za-z0-9_:.-]", "-", paper.id),
        kind=version.kind,
        title=clean(version.title or paper.title),
        authors=[name for name in map(clean, paper.authors) if name],
        complete=paper.authors_complete,
        venue=_venue(version),
        date=_date(version),
        ids=ids,
        url=landing_url(version),
    )


def landing_url(version: Version) -> str:
    """Where a reader finds this version: its own page, else the resolver of its identifier."""
    ids = version.ids
    if version.url and version.url.startswith(("https://", "http://")):
        return quote(clean(version.url), safe="/:?#[]@!$&'()*+,;=~%-._")
    if ids.doi:
        return "https://doi.org/" + quote(ids.doi, safe="/:;()._-")
    if ids.arxiv:
        return f"https://arxiv.org/abs/{quote(ids.arxiv, safe='/.')}"
    if ids.pmid:
        return f"https://pubmed.ncbi.nlm.nih.gov/{quote(ids.pmid)}/"
    if ids.openreview:
        return f"https://openreview.net/forum?id={quote(ids.openreview)}"
    return ""


def year_of(paper: Paper) -> int | None:
    """Year of the cited version, else the earliest year known; None: unknown."""
    version = cited_version(paper)
    dates = [_date(v) for v in ([version] if version else []) + list(paper.versions)]
    return next((date[0] for date in dates if date), None)


def _venue(version: Version) -> str:
    """The venue; a journal's without the year that lists write behind it."""
    venue = clean(version.venue or "")
    return _TRAILING_YEAR.sub("", venue) if version.kind == "journal" else venue


def _date(version: Version) -> tuple[int, ...]:
    if version.date and re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", version.date):
        return tuple(int(part) for part in version.date.split("-"))
    if version.venue and (found := _YEAR.search(version.venue)):
        return (int(found[1]),)
    if version.ids.arxiv and (found := re.match(r"(\d\d)(\d\d)\.\d", version.ids.arxiv)):
        return (2000 + int(found[1]), int(found[2]))
    return ()
