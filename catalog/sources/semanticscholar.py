"""Semantic Scholar: works by arXiv id or DOI."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from catalog import identifiers as forms
from catalog.intake.csl import plain
from catalog.intake.draft import Draft
from catalog.intake.versions import version_from
from catalog.records import Ids, Version
from catalog.sources.http import Client, SourceError
from catalog.sources.sighting import Sighting
from catalog.venues import is_preprint

SERVICE = "semanticscholar"
_FIELDS = "title,authors,venue,year,publicationDate,publicationTypes,externalIds,citationCount"


def by_arxiv(client: Client, arxiv: str) -> Sighting | None:
    """The work with this arXiv id; None where there is none. Raises `SourceError`."""
    return _paper(client, f"ARXIV:{arxiv}")


def by_doi(client: Client, doi: str) -> Sighting | None:
    """The work with this DOI; None where there is none. Raises `SourceError`."""
    return _paper(client, f"DOI:{doi}")


def _paper(client: Client, name: str) -> Sighting | None:
    key = client.settings.keys.get(SERVICE)
    headers = {"x-api-key": key} if key else None
    path = f"/paper/{quote(name, safe=':/.')}"
    paper = client.json(SERVICE, path, {"fields": _FIELDS}, headers)
    if paper is None:
        return None
    if not isinstance(paper, dict) or "paperId" not in paper:
        raise SourceError(SERVICE, "format", "expected an object with `paperId`")
    return _sighting(paper)


def _sighting(paper: dict[str, Any]) -> Sighting | None:
    title = plain(paper.get("title"))
    if not title:
        return None
    ids = paper.get("externalIds") or {}
    venue = plain(paper.get("venue"))
    types = paper.get("publicationTypes") or []
    kind = "unknown"
    if venue and "arxiv" not in venue.casefold():
        kind = "conference" if "Conference" in types else "article"
    elif ids.get("ArXiv"):
        kind = "preprint"
    date = paper.get("publicationDate") or paper.get("year")
    doi = forms.doi(str(ids.get("DOI") or ""))
    elsewhere = doi if kind == "preprint" and doi and not is_preprint(doi) else None
    version, _ = version_from(
        kind,
        venue=venue,
        date=str(date) if date and not elsewhere else None,  # it may be the other version's
        doi=None if elsewhere else doi,
        arxiv=ids.get("ArXiv") if kind == "preprint" else None,
        pmid=str(ids["PubMed"]) if ids.get("PubMed") else None,
    )
    names = [plain(a.get("name")) for a in paper.get("authors") or [] if isinstance(a, dict)]
    draft = Draft(
        place="Semantic Scholar",
        line=None,
        title=title,
        authors=[name for name in names if name],
        complete=bool(names),
        version=version,
        published=[Version(kind="unknown", ids=Ids(doi=elsewhere))] if elsewhere else [],
        sources=[f"https://www.semanticscholar.org/paper/{paper['paperId']}"],
    )
    cited = paper.get("citationCount")
    return Sighting(SERVICE, draft, {"cited_by": cited} if isinstance(cited, int) else {})
