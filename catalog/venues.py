"""One spelling per venue, and what kind of version a venue makes."""

from __future__ import annotations

import re
from typing import Literal

from catalog.decided import Venues

VersionKind = Literal["preprint", "workshop", "conference", "journal", "unknown"]
# DOI prefixes of preprint servers: bioRxiv and medRxiv, SSRN, preprints.org, Research Square,
# TechRxiv, arXiv.
_PREPRINT_DOI = (
    *("10.1101/", "10.64898/", "10.2139/ssrn", "10.20944/", "10.21203/", "10.36227/"),
    "10.48550/arxiv.",
)


def is_preprint(doi: str | None) -> bool:
    """Whether a DOI is one that a preprint server gives."""
    return bool(doi) and str(doi).startswith(_PREPRINT_DOI)


def spelled(venue: str, rules: Venues) -> str:
    """The one spelling of a venue: a decided one, else the short name that a long one ends in.

    `Medical Image ... Intervention – MICCAI 2024` is MICCAI 2024, `2024 IEEE ... (ISBI)` ISBI 2024.
    """
    if venue in rules.variants:
        return rules.variants[venue]
    conferences = "|".join(map(re.escape, rules.kinds.get("conference", [])))
    for pattern in (rf"[–—-] ({conferences}) (20\d\d)", rf".*\(({conferences})\)"):
        found = re.search(rf"{pattern}$", venue)
        year = year_of(venue)
        if conferences and found and year and "workshop" not in venue.casefold():
            return f"{found[1]} {year}"
    return venue


def year_of(venue: str | None) -> str | None:
    """The year in a venue's name, or None."""
    match = re.search(r"\b(20\d\d)\b", venue or "")
    return match[1] if match else None


def kind_of(venue: str, rules: Venues) -> VersionKind:
    """Workshop, conference or journal, by the venue's name."""
    if "Workshops" in venue:
        return "workshop"
    name = re.sub(r"\s*\b20\d\d\b.*$", "", venue).strip()
    return "conference" if name in rules.kinds.get("conference", []) else "journal"


def venue_of_address(url: str, year: str, rules: Venues) -> tuple[str | None, VersionKind]:
    """Venue and kind that an address shows by itself; (None, "unknown") where it does not.

    `year` is the year to print beside a journal's name (the list's date of the row).
    """
    if match := re.search(r"thecvf\.com/content/([A-Z]+)(20\d\d)W/([^/]+)/", url):
        return f"{match[1]} {match[2]} Workshops ({match[3]})", "workshop"
    if match := re.search(r"thecvf\.com/content/([A-Z]+)(20\d\d)/", url):
        return f"{match[1]} {match[2]}", "conference"
    if match := re.search(r"papers\.miccai\.org/miccai-(20\d\d)/", url):
        return f"MICCAI {match[1]}", "conference"
    if match := re.search(r"/pii/S(\d{7}[\dX])", url):
        journal = rules.issn.get(match[1])
        return (f"{journal} {year}" if journal else None), "journal"
    return None, "unknown"


def venue_of_doi(doi: str, year: str, rules: Venues) -> tuple[str | None, VersionKind]:
    """Venue and kind that a DOI's prefix shows, as `venue_of_address`."""
    if is_preprint(doi):
        return None, "preprint"
    for prefix, journal in rules.doi.items():
        if doi.startswith(prefix):
            if journal == "SPIE":
                return None, "conference"
            return f"{journal} {year}", "journal"
    # A Springer chapter is in a book of proceedings, a Springer article in a journal.
    if re.match(r"10\.1007/978-", doi) or doi.startswith("10.1145/"):
        return None, "conference"
    return None, "journal" if re.match(r"10\.(1007/s|1186/|3390/|2196/)", doi) else "unknown"
