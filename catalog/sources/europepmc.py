"""Europe PMC: works by PubMed id, PMC id or DOI."""

from __future__ import annotations

from typing import Any

from catalog.intake.csl import plain
from catalog.intake.draft import Draft
from catalog.intake.versions import date_from, version_from
from catalog.sources.http import Client, SourceError
from catalog.sources.sighting import Sighting

SERVICE = "europepmc"


def by_pmid(client: Client, pmid: str) -> Sighting | None:
    """The work with this PubMed id; None where there is none. Raises `SourceError`."""
    return _one(client, f"EXT_ID:{pmid} AND SRC:MED")


def by_pmcid(client: Client, pmcid: str) -> Sighting | None:
    """The work with this PMC id; None where there is none. Raises `SourceError`."""
    return _one(client, f"PMCID:{pmcid}")


def by_doi(client: Client, doi: str) -> Sighting | None:
    """The work with this DOI; None where there is none. Raises `SourceError`."""
    return _one(client, f'DOI:"{doi}"')


def _one(client: Client, query: str) -> Sighting | None:
    params = {"query": query, "format": "json", "resultType": "core", "pageSize": "2"}
    answer = client.json(SERVICE, "/search", params)
    try:
        results = answer["resultList"]["result"]
    except (TypeError, KeyError):
        raise SourceError(SERVICE, "format", "expected an object with `resultList`") from None
    return _sighting(results[0]) if isinstance(results, list) and results else None


def _sighting(result: dict[str, Any]) -> Sighting | None:
    title = plain(result.get("title")).removesuffix(".")
    if not title:
        return None
    info = result.get("journalInfo") or {}
    journal = info.get("journal") or {}
    date = str(result.get("firstPublicationDate") or result.get("pubYear") or "")
    preprint = result.get("source") == "PPR"
    publisher = (result.get("bookOrReportDetails") or {}).get("publisher")
    version, _ = version_from(
        "preprint" if preprint else "journal-article",
        venue=plain(journal.get("title") or publisher),
        date=date_from(*date.split("-")[:3]) if date else None,
        doi=result.get("doi"),
        pmid=result.get("pmid"),
        pmcid=result.get("pmcid"),
    )
    authors = (result.get("authorList") or {}).get("author") or []
    names = [_name(author) for author in authors if isinstance(author, dict)]
    draft = Draft(
        place="Europe PMC",
        line=None,
        title=title,
        authors=[name for name in names if name],
        complete=bool(names) and all(names),
        version=version,
        abstract=plain(result.get("abstractText")),
        sources=[f"https://europepmc.org/article/{result.get('source')}/{result.get('id')}"],
    )
    cited = result.get("citedByCount")
    return Sighting(SERVICE, draft, {"cited_by": cited} if isinstance(cited, int) else {})


def _name(author: dict[str, Any]) -> str:
    parts = (plain(author.get("firstName")), plain(author.get("lastName")))
    return plain(author.get("collectiveName")) or " ".join(part for part in parts if part)
