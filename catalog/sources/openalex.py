"""OpenAlex: works by DOI (an arXiv id has one too)."""

from __future__ import annotations

from urllib.parse import quote

from msgspec import Struct

from catalog.intake.csl import plain
from catalog.intake.draft import Draft
from catalog.intake.versions import version_from
from catalog.sources.http import Client
from catalog.sources.sighting import Sighting

SERVICE = "openalex"


class _Source(Struct):
    display_name: str | None = None
    type: str | None = None


class _Location(Struct):
    source: _Source | None = None


class _Author(Struct):
    display_name: str | None = None


class _Authorship(Struct):
    author: _Author | None = None


class _Ids(Struct):
    pmid: str | None = None


class _Work(Struct):
    id: str
    title: str | None = None
    display_name: str | None = None
    type: str | None = None
    doi: str | None = None
    publication_date: str | None = None
    primary_location: _Location | None = None
    ids: _Ids | None = None
    authorships: list[_Authorship] | None = None
    is_authors_truncated: bool | None = None
    cited_by_count: int | None = None


def by_doi(client: Client, doi: str) -> Sighting | None:
    """The work with this DOI; None where OpenAlex has none. Raises `SourceError`."""
    mail = {"mailto": client.settings.mail} if client.settings.mail else {}
    key = client.settings.keys.get(SERVICE)
    secrets = {"api_key": key} if key else None
    path = f"/works/doi:{quote(doi, safe='/.')}"
    work = client.ask(SERVICE, path, _Work, mail, secrets=secrets)
    return _sighting(work) if work else None


def by_arxiv(client: Client, arxiv: str) -> Sighting | None:
    """The work with this arXiv id, through the DOI that arXiv gives it."""
    return by_doi(client, f"10.48550/arxiv.{arxiv}")


def _sighting(work: _Work) -> Sighting | None:
    title = plain(work.title or work.display_name)
    if not title:
        return None
    venue = (work.primary_location and work.primary_location.source) or _Source()
    kind = work.type or ""
    if kind == "article":
        kinds = {"journal": "journal-article", "conference": "proceedings-article"}
        arxiv = "arxiv" in (venue.display_name or "").casefold()
        kind = kinds.get(venue.type or "", "preprint" if arxiv else "unknown")
    pmid = (work.ids and work.ids.pmid) or ""
    version, _ = version_from(
        kind,
        venue=plain(venue.display_name),
        date=work.publication_date or None,
        doi=work.doi,
        pmid=pmid.rstrip("/").rpartition("/")[2] or None,
    )
    names = [plain(entry.author and entry.author.display_name) for entry in work.authorships or []]
    draft = Draft(
        place="OpenAlex",
        line=None,
        title=title,
        authors=[name for name in names if name],
        # OpenAlex cuts the list in searches at 100; single works come whole unless it says so
        complete=bool(names) and not work.is_authors_truncated,
        version=version,
        sources=[work.id],
    )
    cited = work.cited_by_count
    return Sighting(SERVICE, draft, {} if cited is None else {"cited_by": cited})
