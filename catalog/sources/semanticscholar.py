"""Semantic Scholar: works by arXiv id or DOI."""

from __future__ import annotations

from urllib.parse import quote

from msgspec import Struct, field

from catalog import identifiers as forms
from catalog.intake.csl import plain
from catalog.intake.draft import Draft
from catalog.intake.versions import version_from
from catalog.records import Ids, Version
from catalog.sources.http import Client
from catalog.sources.sighting import Sighting
from catalog.venues import is_preprint

SERVICE = "semanticscholar"
_FIELDS = "title,authors,venue,year,publicationDate,publicationTypes,externalIds,citationCount"


class _Author(Struct):
    name: str | None = None


class _Ids(Struct):
    arxiv: str | None = field(name="ArXiv", default=None)
    doi: str | None = field(name="DOI", default=None)
    pubmed: str | int | None = field(name="PubMed", default=None)


class _Paper(Struct, rename="camel"):
    paper_id: str
    title: str | None = None
    authors: list[_Author] | None = None
    venue: str | None = None
    year: int | None = None
    publication_date: str | None = None
    publication_types: list[str] | None = None
    external_ids: _Ids | None = None
    citation_count: int | None = None


def by_arxiv(client: Client, arxiv: str) -> Sighting | None:
    """The work with this arXiv id; None where there is none. Raises `SourceError`."""
    return _asked(client, f"ARXIV:{arxiv}")


def by_doi(client: Client, doi: str) -> Sighting | None:
    """The work with this DOI; None where there is none. Raises `SourceError`."""
    return _asked(client, f"DOI:{doi}")


def _asked(client: Client, name: str) -> Sighting | None:
    key = client.settings.keys.get(SERVICE)
    headers = {"x-api-key": key} if key else None
    path = f"/paper/{quote(name, safe=':/.')}"
    paper = client.ask(SERVICE, path, _Paper, {"fields": _FIELDS}, headers)
    return _sighting(paper) if paper else None


def _sighting(paper: _Paper) -> Sighting | None:
    title = plain(paper.title)
    if not title:
        return None
    ids = paper.external_ids or _Ids()
    venue = plain(paper.venue)
    types = paper.publication_types or []
    kind = "unknown"
    if venue and "arxiv" not in venue.casefold():
        kind = "conference" if "Conference" in types else "article"
    elif ids.arxiv:
        kind = "preprint"
    date = paper.publication_date or paper.year
    doi = forms.doi(ids.doi or "")
    elsewhere = doi if kind == "preprint" and doi and not is_preprint(doi) else None
    version, _ = version_from(
        kind,
        venue=venue,
        date=str(date) if date and not elsewhere else None,  # it may be the other version's
        doi=None if elsewhere else doi,
        arxiv=ids.arxiv if kind == "preprint" else None,
        pmid=str(ids.pubmed) if ids.pubmed else None,
    )
    names = [plain(author.name) for author in paper.authors or []]
    draft = Draft(
        place="Semantic Scholar",
        line=None,
        title=title,
        authors=[name for name in names if name],
        complete=bool(names),
        version=version,
        published=[Version(kind="unknown", ids=Ids(doi=elsewhere))] if elsewhere else [],
        sources=[f"https://www.semanticscholar.org/paper/{paper.paper_id}"],
    )
    cited = paper.citation_count
    return Sighting(SERVICE, draft, {} if cited is None else {"cited_by": cited})
