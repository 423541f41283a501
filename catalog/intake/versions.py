"""A version of a work from what a source calls its type, venue, date and identifiers."""

from __future__ import annotations

import re
from typing import Literal

from catalog import identifiers as forms
from catalog import venues
from catalog.addresses import clean_url
from catalog.decided import decisions
from catalog.records import Ids, Version
from catalog.text import clean, without_markup

Kind = Literal["preprint", "workshop", "conference", "journal", "thesis", "report", "unknown"]

# What BibTeX, RIS, CSL and Crossref call each kind.
_NAMES: dict[Kind, tuple[str, ...]] = {
    "journal": ("article", "jour", "ejour", "mgzn", "article-journal", "journal-article"),
    "conference": (
        *("inproceedings", "conference", "incollection", "inbook"),
        *("conf", "cpaper", "chap", "echap", "paper-conference", "chapter"),
        *("proceedings-article", "book-chapter"),
    ),
    "thesis": ("phdthesis", "mastersthesis", "thesis", "thes", "dissertation"),
    "report": ("techreport", "report", "rprt"),
    "preprint": ("preprint", "unpb", "posted-content"),
}
_KINDS: dict[str, Kind] = {name: kind for kind, names in _NAMES.items() for name in names}
_SERVERS = ("arxiv", "biorxiv", "medrxiv", "techrxiv", "research square", "preprints", "ssrn")
_ARXIV = re.compile(r"(?i)arxiv[:.\s/]*(\d{4}\.\d{4,5}|[a-z-]{2,16}(?:\.[a-z]{2})?/\d{7})")


def version_from(
    kind: str,
    *,
    venue: str | None = None,
    date: str | None = None,
    url: str | None = None,
    arxiv: str | None = None,
    doi: str | None = None,
    pmid: str | None = None,
    pmcid: str | None = None,
) -> tuple[Version, list[str]]:
    """A version with identifiers in normal form, and what could not be understood.

    An arXiv id is also found in the venue, where Google Scholar writes it, and in the address.
    """
    problems: list[str] = []
    venue = clean(without_markup(venue or "")) or None
    ids = Ids()
    if doi and clean(doi):
        ids.doi = forms.doi(clean(doi))
        if ids.doi is None:
            problems.append(f"doi: expected 10.<number>/<name>, got {clean(doi)!r}")
        elif ids.doi.startswith("10.48550/arxiv."):
            arxiv, ids.doi = arxiv or ids.doi.removeprefix("10.48550/arxiv."), None
    if arxiv and clean(arxiv):
        ids.arxiv = _first(forms.identify(clean(arxiv)), "arxiv")
        if ids.arxiv is None:
            problems.append(f"eprint: expected an arXiv id like 2304.12306, got {clean(arxiv)!r}")
    elif venue and (found := _ARXIV.search(venue)):
        ids.arxiv = forms.arxiv(found[1])
    if pmid and clean(pmid):
        ids.pmid = forms.pmid(clean(pmid))
        if ids.pmid is None:
            problems.append(f"pmid: expected digits, got {clean(pmid)!r}")
    if pmcid and clean(pmcid):
        ids.pmcid = forms.pmcid(clean(pmcid) if "PMC" in pmcid.upper() else f"PMC{clean(pmcid)}")
    page: str | None = None
    if url and (address := clean(url)):
        try:
            page = _page(address, ids)
        except ValueError:
            problems.append(f"url: expected http(s)://..., got {address!r}")
    resolved, venue = _resolve(kind, venue, ids)
    venue = venues.spelled(venue, decisions().venues) if venue else None
    if ids.arxiv and resolved == "preprint":
        # the id itself says the month of the first version
        month = forms.arxiv_month(ids.arxiv)
        date = month if month and (date is None or date == month[:4]) else date
    return Version(kind=resolved, ids=ids, venue=venue, date=date, url=page), problems


def page_of(url: str | None, ids: Ids) -> str | None:
    """As the address of a version: None for none, or where it only repeats an identifier.

    Identifiers that the address names are added to `ids`.
    """
    try:
        return _page(clean(url), ids) if url else None
    except ValueError:
        return None


def _page(url: str, ids: Ids) -> str | None:
    """`url` without what does not belong to it; None where it only repeats an identifier.

    Identifiers that the address names are added to `ids`. Raises ValueError for no web address.
    """
    url = clean_url(url)
    named = [found for found in forms.identify(url) if found.kind in Ids.__struct_fields__]
    for identifier in named:
        if getattr(ids, identifier.kind) is None:
            setattr(ids, identifier.kind, identifier.value)
    return None if any(i.kind in ("arxiv", "pmid", "openreview") for i in named) else url


def _resolve(kind: str, venue: str | None, ids: Ids) -> tuple[Kind, str | None]:
    """Our kind, and the venue without the name of arXiv (its identifier says that)."""
    resolved = _KINDS.get(kind.casefold(), "unknown")
    server = venue is not None and venue.casefold().startswith(_SERVERS)
    if venue and venue.casefold() == "corr" and ids.arxiv:  # what DBLP calls arXiv
        return "preprint", None
    if server or (resolved == "unknown" and ids.arxiv and not ids.doi):
        return "preprint", None if venue and "arxiv" in venue.casefold() else venue
    if resolved == "conference" and venue and "workshop" in venue.casefold():
        return "workshop", venue
    return resolved, venue


def _first(found: list[forms.Identifier], kind: str) -> str | None:
    return next((identifier.value for identifier in found if identifier.kind == kind), None)


def date_from(year: str, month: str = "", day: str = "") -> str | None:
    """`YYYY`, `YYYY-MM` or `YYYY-MM-DD` from what a source writes; None where there is no year.

    >>> date_from("2024", "January"), date_from("c2024"), date_from("in press")
    ('2024-01', '2024', None)
    """
    found = re.search(r"(?<!\d)((?:19|20)\d\d)(?!\d)", year)
    if not found:
        return None
    number = _month(month)
    if number is None:
        return found[1]
    text = f"{found[1]}-{number:02d}"
    return f"{text}-{int(day):02d}" if day.isdecimal() and 1 <= int(day) <= 31 else text


def date_in(text: str) -> str | None:
    """The date in a text like `27-30 May 2024`, `2024 Jan 22` or `May 2024`, else its year.

    >>> date_in("27-30 May 2024"), date_in("2024 Jan 22"), date_in("Spring 2024")
    ('2024-05', '2024-01-22', '2024')
    """
    year = re.search(r"(?<!\d)((?:19|20)\d\d)(?!\d)", text)
    if not year:
        return None
    word = next((w for w in re.findall(r"[A-Za-z]{3,}", text) if _month(w)), "")
    days = re.findall(r"(?<!\d)(\d{1,2})(?!\d)", text)
    return date_from(year[1], word, days[0] if word and len(days) == 1 else "")


def _month(text: str) -> int | None:
    text = text.strip().strip(".").casefold()
    if text.isdecimal():
        return int(text) if 1 <= int(text) <= 12 else None
    months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    return months.index(text[:3]) + 1 if text[:3] in months else None
