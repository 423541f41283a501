"""OpenAlex: works by DOI (an arXiv id has one too)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from catalog.intake.csl import plain
from catalog.intake.draft import Draft
from catalog.intake.versions import version_from
from catalog.sources.http import Client, SourceError
from catalog.sources.sighting import Sighting

SERVICE = "openalex"


def by_doi(client: Client, doi: str) -> Sighting | None:
    """The work with this DOI; None where OpenAlex has none. Raises `SourceError`."""
    mail = {"mailto": client.settings.mail} if client.settings.mail else {}
    key = client.settings.keys.get(SERVICE)
    secrets = {"api_key": key} if key else None
    path = f"/works/doi:{quote(doi, safe='/.')}"
    work = client.json(SERVICE, path, mail, secrets=secrets)
    if work is None:
        return None
    if not isinstance(work, dict) or "id" not in work:
        raise SourceError(SERVICE, "format", "expected an object with `id`")
    return _sighting(work)


def by_arxiv(client: Client, arxiv: str) -> Sighting | None:
    """The work with this arXiv id, through the DOI that arXiv gives it."""
    return by_doi(client, f"10.48550/arxiv.{arxiv}")


def _sighting(work: dict[str, Any]) -> Sighting | None:
    title = plain(work.get("title") or work.get("display_name"))
    if not title:
        return None
    venue = ((work.get("primary_location") or {}).get("source")) or {}
    kind = str(work.get("type") or "")
    if kind == "article":
        kinds = {"journal": "journal-article", "conference": "proceedings-article"}
        kind = kinds.get(str(venue.get("type")), "preprint" if "arxiv" in str(venue) else "unknown")
    ids = work.get("ids") or {}
    version, _ = version_from(
        kind,
        venue=plain(venue.get("display_name")),
        date=str(work.get("publication_date") or "") or None,
        doi=work.get("doi"),
        pmid=str(ids.get("pmid") or "").rstrip("/").rpartition("/")[2] or None,
    )
    names = [
        plain((entry.get("author") or {}).get("display_name"))
        for entry in work.get("authorships") or []
        if isinstance(entry, dict)
    ]
    draft = Draft(
        place="OpenAlex",
        line=None,
        title=title,
        authors=[name for name in names if name],
        # OpenAlex cuts the list in searches at 100; single works come whole unless it says so
        complete=bool(names) and not work.get("is_authors_truncated"),
        version=version,
        sources=[str(work["id"])],
    )
    cited = work.get("cited_by_count")
    return Sighting(SERVICE, draft, {"cited_by": cited} if isinstance(cited, int) else {})
