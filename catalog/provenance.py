"""Whose pages the facts about a work were read on: its publisher's, or those of third parties.

Many facts were read where a third party (a search engine, a library, a summary service) shows the
abstract. That is said as it is: the address of the work itself stands first, and a page that
nobody of the work keeps is called a third party's.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from catalog.addresses import on
from catalog.identifiers import Identifier, landing_page
from catalog.records import Paper, to_builtins

Origin = Literal["publisher", "code", "record", "third-party"]

# Preprint servers, publishers, proceedings, and the archives that keep the full text for them.
_PUBLISHERS = (
    "arxiv.org",
    "biorxiv.org",
    "cvf.com",
    "doi.org",
    "icml.cc",
    "ieeexplore.ieee.org",
    "jmir.org",
    "mdpi.com",
    "medrxiv.org",
    "melba-journal.org",
    "nature.com",
    "ncbi.nlm.nih.gov",
    "neurips.cc",
    "nips.cc",
    "openreview.net",
    "papers.miccai.org",
    "preprints.org",
    "proceedings.mlr.press",
    "researchsquare.com",
    "sciencedirect.com",
    "scitepress.org",
    "spiedigitallibrary.org",
    "springer.com",
    "thecvf.com",
    "wiley.com",
)
_CODE = ("github.com", "github.io", "gitlab.com", "huggingface.co")


def origin(url: str) -> Origin:
    """Who keeps a page: who published the work, a host of code, or a third party.

    What is no address is a record that somebody gave (a BibTeX entry).

    >>> origin("https://ar5iv.labs.arxiv.org/html/2304.12306"), origin("https://deepai.org/x")
    ('publisher', 'third-party')
    """
    if not url.startswith(("http://", "https://")):
        return "record"
    host = (urlsplit(url).hostname or "").rstrip(".")
    if on(host, *_PUBLISHERS):
        return "publisher"
    return "code" if on(host, *_CODE) else "third-party"


def own_pages(paper: Paper) -> list[str]:
    """The addresses of the work itself, by its versions, oldest first; [] where none is known."""
    found: list[str] = []
    for version in paper.versions:
        ids = to_builtins(version.ids)
        best = next((kind for kind in ("doi", "arxiv", *ids) if kind in ids), None)
        page = landing_page(Identifier(best, ids[best])) if best else version.url
        if page:
            found.append(page)
    return list(dict.fromkeys(found))


def sources(paper: Paper) -> list[tuple[str, Origin]]:
    """The pages that facts were read on, those of the publisher first."""
    order: tuple[Origin, ...] = ("publisher", "code", "record", "third-party")
    found = [(url, origin(url)) for url in paper.sources]
    return sorted(found, key=lambda pair: order.index(pair[1]))


def told(paper: Paper) -> list[str]:
    """Sentences for a reader: where the work is, and on whose pages its facts were read."""
    lines = []
    if pages := own_pages(paper):
        lines.append("The work itself: " + ", ".join(pages))
    words = {
        "publisher": "Read on pages of the publisher: ",
        "code": "Read on pages of the code: ",
        "record": "Taken from: ",
        "third-party": "Read on pages of third parties: ",
    }
    for kind, opening in words.items():
        if urls := [url for url, whose in sources(paper) if whose == kind]:
            lines.append(opening + ", ".join(urls))
    return lines
