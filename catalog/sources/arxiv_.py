"""arXiv, through the `arxiv` package; only its transport is ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from catalog.intake.draft import Draft, code_links
from catalog.intake.latex import to_text
from catalog.intake.versions import version_from
from catalog.records import TakenBack, Version
from catalog.sources.http import Client, SourceError
from catalog.sources.sighting import Sighting
from catalog.text import clean

SERVICE = "arxiv"
PAGE = 100
MOST = 30_000  # arXiv's own limit of what it pages through
_WITHDRAWN = re.compile(
    r"(?im)\b(?:paper|article|manuscript|submission|preprint|work|version)\b[^.\n]{0,40}"
    r"\bwithdrawn\b|^\s*withdrawn\b|\bwithdrawn by\b"
)


class _Transport:
    """Stands in for the package's session, so that our limits, rates, retries and cache hold."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def get(self, url: str, headers: dict[str, str] | None = None) -> Any:
        answer = self.client.get(SERVICE, url, headers)
        if b"<feed" not in answer.body[:2000]:
            got = answer.content_type.split(";")[0] or "something else"
            message = f"expected an Atom feed, got {got} beginning {answer.body[:40]!r}"
            raise SourceError(SERVICE, "format", message, answer.status)
        return _Response(answer.status, answer.body)


class _Response:
    def __init__(self, status_code: int, content: bytes) -> None:
        self.status_code, self.content = status_code, content


def _package_client(client: Client, page_size: int) -> Any:
    import arxiv

    # our transport waits and repeats; the package would do both again
    package = arxiv.Client(page_size=page_size, delay_seconds=0, num_retries=0)
    package._session = _Transport(client)
    package.query_url_format = client.settings.url(SERVICE) + "?{}"
    return package


def by_ids(client: Client, ids: list[str]) -> dict[str, Sighting]:
    """Sightings by arXiv id (without version) of those of `ids` that arXiv has.

    Asks for up to 100 in one request. Raises `SourceError`.
    """
    import arxiv

    found: dict[str, Sighting] = {}
    for start in range(0, len(ids), 100):
        part = ids[start : start + 100]
        search = arxiv.Search(id_list=part, max_results=len(part))
        for result in _results(client, search, len(part)):
            sighting = _sighting(result)
            if sighting and sighting.draft.version.ids.arxiv:
                found[sighting.draft.version.ids.arxiv] = sighting
    return found


def by_query(client: Client, query: str, limit: int | None) -> Iterator[Sighting]:
    """Sightings for a query in arXiv's own language, newest first.

    Raises `SourceError`, also where arXiv gives a page again that it gave before, or more than it
    lets anybody page through.
    """
    import arxiv

    search = arxiv.Search(
        query=query,
        max_results=limit,
        sort_by=arxiv.SortCriterion.SubmittedDate,
        sort_order=arxiv.SortOrder.Descending,
    )
    seen: set[str] = set()
    again = 0
    for result in _results(client, search, PAGE):
        again += result.entry_id in seen  # a few move to the next page while it is asked for
        seen.add(result.entry_id)
        if again >= PAGE or len(seen) > MOST:
            what = "repeats a page" if again else f"has more than {MOST:,} answers"
            raise SourceError(SERVICE, "format", f"{what}; ask for a shorter time")
        if sighting := _sighting(result):
            yield sighting


def _results(client: Client, search: Any, page_size: int) -> Iterator[Any]:
    import arxiv

    try:
        yield from _package_client(client, page_size).results(search)
    except arxiv.ArxivError as error:
        raise SourceError(SERVICE, "format", str(error)) from None
    except ValueError as error:  # a date that is none: an answer we do not understand
        raise SourceError(SERVICE, "format", f"odd value in the feed ({error})") from None


def _sighting(result: Any) -> Sighting | None:
    """A result of the package; None for the entry by which arXiv reports an error."""
    if "/api/errors" in result.entry_id:
        return None
    version, _ = version_from(
        "preprint", arxiv=result.entry_id, date=result.published.date().isoformat()
    )
    comment = clean(result.comment or "")
    draft = Draft(
        place="arXiv",
        line=None,
        title=to_text(result.title),
        authors=[name for name in (clean(author.name) for author in result.authors) if name],
        complete=True,
        version=version,
        abstract=to_text(result.summary),
        code=code_links(comment),
        sources=[f"https://arxiv.org/abs/{version.ids.arxiv}"],
    )
    if _WITHDRAWN.search(f"{comment}\n{draft.abstract[:200]}"):
        version.taken_back = TakenBack(kind="withdrawn", source=draft.sources[0])
    if published := _published(result):
        draft.published = [published]
    return Sighting(SERVICE, draft)


def _published(result: Any) -> Version | None:
    """The published version that the authors named (DOI, journal reference), else None."""
    if not result.doi and not result.journal_ref:
        return None
    reference = clean(result.journal_ref or "")
    year = re.search(r"\b(?:19|20)\d\d\b", reference)
    kind = "conference" if re.search(r"(?i)proc|conference|workshop", reference) else "article"
    version, _ = version_from(
        kind if reference else "unknown",
        venue=reference or None,
        date=year[0] if year else None,
        doi=result.doi,
    )
    return version
