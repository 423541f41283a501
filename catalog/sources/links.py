"""Whether an address still leads somewhere; dead, moved and bot-blocked told apart."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from catalog.sources.http import Client, SourceError
from catalog.sources.volatile import STRIKES_UNTIL_DEAD, Link, LinkState

# Statuses by which servers turn programs away. 999 is LinkedIn's; 503 with a challenge is common.
_BLOCKED = {401, 402, 403, 405, 406, 407, 418, 429, 451, 503, 999}
_CHALLENGE = re.compile(rb"(?i)captcha|cf-chl|challenge-platform|are you a robot|access denied")
# Google Drive answers 200 or 404 with a page that says so in words.
_GONE = re.compile(rb"(?i)the file you (?:have )?requested (?:has been deleted|does not exist)")


def check(client: Client, url: str, before: Link | None, today: str) -> Link:
    """The health of `url` on `today` (`YYYY-MM-DD`), given what it was before."""
    state, moved_to, detail = _look(client, url)
    if state in ("alive", "moved"):
        return Link(state=state, checked=today, last_alive=today, moved_to=moved_to)
    last_alive = before.last_alive if before else None
    strikes = before.strikes if before else 0
    if state == "blocked":
        # says nothing: strikes neither grow nor are forgiven
        return Link(
            state=state, checked=today, strikes=strikes, last_alive=last_alive, detail=detail
        )
    if before is None or before.checked != today or strikes == 0:
        strikes += 1  # one strike a day at most: a bad hour is not a dead link
    dead: LinkState = "dead" if strikes >= STRIKES_UNTIL_DEAD else "failing"
    return Link(state=dead, checked=today, strikes=strikes, last_alive=last_alive, detail=detail)


def _look(client: Client, url: str) -> tuple[LinkState, str | None, str | None]:
    """(state without strikes, permanent target, what was seen)."""
    service = "doi" if is_doi(url) else "links"
    try:
        answer = client.probe(service, address_of(client, url))
    except SourceError as error:
        if error.kind == "rate-limit":
            return "blocked", None, str(error)
        return "failing", None, str(error)
    detail = f"HTTP {answer.status}"
    if is_doi(url):
        # the resolver itself answers; what the publisher's page does with programs is not asked
        return ("alive", None, None) if answer.status < 400 else ("failing", None, detail)
    if answer.status in _BLOCKED or (answer.status == 404 and _CHALLENGE.search(answer.body)):
        return "blocked", None, detail
    if answer.status >= 400:
        return "failing", None, detail
    if _GONE.search(answer.body):
        return "failing", None, "the page says that the file is gone"
    if answer.moved and _same_place(answer.moved, url):
        return "alive", None, None
    return ("moved", answer.moved, None) if answer.moved else ("alive", None, None)


def is_doi(url: str) -> bool:
    """Whether an address is a DOI at the resolver."""
    return urlsplit(url).hostname in ("doi.org", "dx.doi.org", "www.doi.org")


def address_of(client: Client, url: str) -> str:
    """Where to ask: a DOI's handle at the resolver (no redirect to follow), else the page."""
    if not is_doi(url):
        return url
    handle = urlsplit(url).path.lstrip("/")
    return f"{client.settings.url('doi')}/api/handles/{quote(handle, safe='/.()_-;:')}"


def _same_place(one: str, other: str) -> bool:
    """Whether two addresses differ only in scheme, `www.`, case of the host or a slash."""
    a, b = urlsplit(one), urlsplit(other)
    hosts = [(part.hostname or "").removeprefix("www.") for part in (a, b)]
    return hosts[0] == hosts[1] and a.path.rstrip("/") == b.path.rstrip("/") and a.query == b.query
