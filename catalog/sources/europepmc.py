"""Europe PMC: works by PubMed id, PMC id or DOI."""

from __future__ import annotations

from msgspec import Struct

from catalog.intake.csl import plain
from catalog.intake.draft import Draft
from catalog.intake.versions import date_from, version_from
from catalog.sources.http import Client
from catalog.sources.sighting import Sighting

SERVICE = "europepmc"


class _Author(Struct, rename="camel"):
    first_name: str | None = None
    last_name: str | None = None
    collective_name: str | None = None


class _Authors(Struct):
    author: list[_Author] | None = None


class _Journal(Struct):
    title: str | None = None


class _JournalInfo(Struct):
    journal: _Journal | None = None


class _Book(Struct):
    publisher: str | None = None


class _Result(Struct, rename="camel"):
    id: str | None = None
    source: str | None = None
    title: str | None = None
    doi: str | None = None
    pmid: str | None = None
    pmcid: str | None = None
    pub_year: str | None = None
    first_publication_date: str | None = None
    abstract_text: str | None = None
    author_list: _Authors | None = None
    journal_info: _JournalInfo | None = None
    book_or_report_details: _Book | None = None
    cited_by_count: int | None = None


class _Results(Struct):
    result: list[_Result]


class _Answer(Struct, rename="camel"):
    result_list: _Results


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
    answer = client.ask(SERVICE, "/search", _Answer, params)
    found = answer.result_list.result if answer else []
    return _sighting(found[0]) if found else None


def _sighting(result: _Result) -> Sighting | None:
    title = plain(result.title).removesuffix(".")
    if not title:
        return None
    journal = result.journal_info and result.journal_info.journal
    publisher = result.book_or_report_details and result.book_or_report_details.publisher
    date = result.first_publication_date or result.pub_year
    version, _ = version_from(
        "preprint" if result.source == "PPR" else "journal-article",
        venue=plain((journal and journal.title) or publisher),
        date=date_from(*date.split("-")[:3]) if date else None,
        doi=result.doi,
        pmid=result.pmid,
        pmcid=result.pmcid,
    )
    names = [_name(author) for author in (result.author_list and result.author_list.author) or []]
    draft = Draft(
        place="Europe PMC",
        line=None,
        title=title,
        authors=[name for name in names if name],
        complete=bool(names) and all(names),
        version=version,
        abstract=plain(result.abstract_text),
        sources=[f"https://europepmc.org/article/{result.source}/{result.id}"],
    )
    cited = result.cited_by_count
    return Sighting(SERVICE, draft, {} if cited is None else {"cited_by": cited})


def _name(author: _Author) -> str:
    parts = (plain(author.first_name), plain(author.last_name))
    return plain(author.collective_name) or " ".join(part for part in parts if part)
