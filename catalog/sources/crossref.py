"""Crossref: works by DOI, by publisher's item number and by title."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from msgspec import Struct

from catalog.intake.csl import draft_from_csl
from catalog.sources.http import Client
from catalog.sources.sighting import Sighting

SERVICE = "crossref"
Item = dict[str, Any]  # in the form of CSL-JSON, read as such


class _Work(Struct):
    message: Item


class _Works(Struct):
    items: list[Item]


class _List(Struct):
    message: _Works


def by_doi(client: Client, doi: str) -> Sighting | None:
    """The work with this DOI; None where Crossref has none. Raises `SourceError`."""
    answer = client.ask(SERVICE, f"/works/{quote(doi, safe='')}", _Work, _polite(client))
    return _sighting(answer.message) if answer else None


def by_pii(client: Client, pii: str) -> Sighting | None:
    """The work with this Elsevier item number; None where Crossref has none or several."""
    items = _items(client, {"filter": f"alternative-id:{pii}", "rows": "2"})
    return _sighting(items[0]) if len(items) == 1 else None


def by_title(client: Client, title: str, rows: int = 5) -> list[Sighting]:
    """Works with a title like `title`, best first by Crossref's own measure."""
    items = _items(client, {"query.bibliographic": title, "rows": str(rows)})
    return [sighting for item in items if (sighting := _sighting(item))]


def _items(client: Client, params: dict[str, str]) -> list[Item]:
    answer = client.ask(SERVICE, "/works", _List, {**params, **_polite(client)})
    return answer.message.items if answer else []


def _polite(client: Client) -> dict[str, str]:
    return {"mailto": client.settings.mail} if client.settings.mail else {}


def _sighting(item: Item) -> Sighting | None:
    draft, _ = draft_from_csl(item, "Crossref", "message")
    if draft is None:
        return None
    doi = draft.version.ids.doi
    draft.sources = [f"https://doi.org/{doi}"] if doi else []
    # the page that Crossref names is the resolver's own address
    draft.version.url = None
    cited = item.get("is-referenced-by-count")
    return Sighting(SERVICE, draft, {"cited_by": cited} if isinstance(cited, int) else {})
