"""What a page tells citation managers and search engines about the work it is of.

Tags are those that Zotero's reader of embedded metadata maps and that Google Scholar's inclusion
guidelines name; `tests/catalog/test_citing.py` goes through them one by one. What is not known has
no tag: a guessed date or venue would travel into other people's bibliographies.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any
from urllib.parse import quote

from catalog.exports.citation import Citation, citation
from catalog.exports.names import split_name
from catalog.records import Paper

#: Suffix of a work's file beside its page -> (key of `catalog.exports.FORMATS`, type, name).
BESIDE = {
    "bib": ("bibtex", "application/x-bibtex", "BibTeX"),
    "ris": ("ris", "application/x-research-info-systems", "RIS"),
    "csl.json": ("csl-json", "application/vnd.citationstyles.csl+json", "CSL-JSON"),
}

# The tag that says where a work appeared; it decides what Zotero makes of it.
_VENUE = {
    "journal": "citation_journal_title",
    "conference": "citation_conference_title",
    "workshop": "citation_conference_title",
    "thesis": "citation_dissertation_institution",
    "report": "citation_technical_report_institution",
}


def author(name: str) -> str:
    """A name as both readers take it apart: `Family, Given`.

    Zotero reads `a b, c d` as two people, so a name with a blank on both sides of the comma stays
    in the order it is spoken in.

    >>> author("Jun Ma"), author("Maarten Jan van der Berg")
    ('Ma, Jun', 'Maarten Jan van der Berg')
    """
    parts = split_name(name)
    if parts.group or not parts.given:
        return name
    family = " ".join(filter(None, (parts.particle, parts.family, parts.suffix)))
    if " " in family and " " in parts.given:
        return " ".join(filter(None, (parts.given, parts.particle, parts.family, parts.suffix)))
    return f"{family}, {parts.given}"


def tags(paper: Paper) -> list[tuple[str, str]]:
    """(name, content) of every meta tag of a work, in order; a name may come several times."""
    work = citation(paper)
    found = [("citation_title", work.title)]
    found += [("citation_author", author(name)) for name in work.authors]
    found.append(("citation_publication_date", _date(work, "/")))
    if venue := _VENUE.get(work.kind):
        found.append((venue, work.venue))
    found += [
        ("citation_doi", work.ids.doi or ""),
        ("citation_pmid", work.ids.pmid or ""),
        ("citation_arxiv_id", work.ids.arxiv or ""),
        ("citation_public_url", work.url),
    ]
    if work.kind == "preprint":
        found.append(("z:itemType", "preprint"))  # nothing else tells Zotero that it is one
    return [(name, content) for name, content in found if content]


def linked_data(paper: Paper, address: str | None) -> dict[str, Any]:
    """The work for search engines, in schema.org's words. `address`: of its page here."""
    work = citation(paper)
    ids = work.ids
    same = [
        work.url,
        ids.doi and f"https://doi.org/{quote(ids.doi, safe='/:;()._-')}",
        ids.arxiv and f"https://arxiv.org/abs/{ids.arxiv}",
        ids.pmid and f"https://pubmed.ncbi.nlm.nih.gov/{ids.pmid}/",
    ]
    known = {
        "@context": "https://schema.org",
        "@type": {"thesis": "Thesis", "report": "Report"}.get(work.kind, "ScholarlyArticle"),
        "name": work.title,
        "alternateName": paper.short_name,
        "author": [{"@type": "Person", "name": name} for name in work.authors],
        "datePublished": _date(work, "-"),
        "isPartOf": work.kind in ("journal", "conference", "workshop")
        and work.venue
        and {
            "@type": "Periodical" if work.kind == "journal" else "PublicationVolume",
            "name": work.venue,
        },
        "identifier": [
            {"@type": "PropertyValue", "propertyID": kind, "value": value}
            for kind, value in (("DOI", ids.doi), ("arXiv", ids.arxiv), ("PMID", ids.pmid))
            if value
        ],
        "sameAs": list(dict.fromkeys(filter(None, same))),
        "mainEntityOfPage": address,
    }
    return {key: value for key, value in known.items() if value}


def _date(work: Citation, separator: str) -> str:
    """`2023/04/24`, as precise as it is known."""
    year, *rest = work.date or ("",)
    return separator.join([str(year), *(f"{part:02}" for part in rest)])


def script(data: dict[str, Any]) -> str:
    """JSON-LD as an element that no text inside it can end."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/ld+json">{text}</script>'


def head(paper: Paper, site: str | None) -> str:
    """All of it as HTML for the head of the work's page, exports of the work included."""
    page = f"{site}papers/{paper.id}/" if site else None
    lines = [f'<meta name="{n}" content="{escape(content)}">' for n, content in tags(paper)]
    # two words: Material takes a link that is `alternate` alone for another language of the site
    lines += [
        f'<link rel="alternate describedby" type="{kind}" title="{name}"'
        f' href="{paper.id}.{suffix}">'
        for suffix, (_, kind, name) in BESIDE.items()
    ]
    lines.append(
        '<link rel="alternate describedby" type="application/json" title="The record"'
        f' href="../../api/v1/papers/{paper.id}.json">'
    )
    return "\n".join([*lines, script(linked_data(paper, page))])
