"""Whose pages the facts about a work were read on: its publisher's, its code's, or copies.

Many facts were read where a third party (a search engine, a mirror, a summary service) shows the
abstract. Readers are led to the page of the work itself; the copy that was read stays in the
record and is named as what it is. `catalog/data/hosts.yaml` says which hosts are which.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from msgspec import field

from catalog import own, reading
from catalog.converting import convert
from catalog.errors import FindingsError
from catalog.identifiers import Identifier, landing_page
from catalog.records import Paper, Record, to_builtins

FILE = "data/hosts.yaml"

#: publisher: also preprint servers and indexes of record · deposit: the authors' institution ·
#: list: somebody else's list · record: what somebody gave, no address · copy: any other host
Origin = Literal["publisher", "deposit", "code", "list", "record", "copy"]
_ORDER: tuple[Origin, ...] = ("publisher", "deposit", "code", "list", "record", "copy")
PRIMARY: frozenset[Origin] = frozenset({"publisher", "deposit", "code"})


class Hosts(Record, kw_only=True):
    """`catalog/data/hosts.yaml`."""

    primary: list[str]
    code: list[str]
    deposits: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)


def hosts() -> Hosts:
    """Which hosts are which. Raises `FindingsError` with all that is wrong in the file."""
    return _read(own.path(FILE))


@cache
def _read(file: Path) -> Hosts:
    place = f"catalog/{FILE}"
    document = reading.parse(reading.read_text(file, place), place)
    record, findings = convert(document, (), document.data, Hosts, "hosts")
    if record is None:
        raise FindingsError(findings)
    return record


def host_of(url: str) -> str:
    """The host of an address without `www.` and a dot at the end."""
    return (urlsplit(url).hostname or "").rstrip(".").removeprefix("www.")


def origin(url: str) -> Origin:
    """Who keeps a page. A place in a repository may be written `owner/name@commit:file`.

    >>> origin("https://arxiv.org/abs/2304.12306"), origin("https://web3.arxiv.org/abs/2304.12306")
    ('publisher', 'copy')
    """
    known = hosts()
    if repository := re.match(r"([\w.-]+/[\w.-]+)@[0-9a-f]{7,40}:", url):
        url = f"https://github.com/{repository[1]}"
    if not url.startswith(("http://", "https://")):
        return "record"
    host = host_of(url)
    page = f"{host}{urlsplit(url).path}/".casefold()
    if any(page.startswith(f"{name}/".casefold()) for name in known.lists):
        return "list"
    return _of_host(host, known)


def _of_host(host: str, known: Hosts) -> Origin:
    kinds: tuple[tuple[Origin, list[str]], ...] = (
        ("publisher", known.primary),
        ("deposit", known.deposits),
        ("code", known.code),
    )
    for kind, names in kinds:
        for name in names:
            if host == name or (name.startswith("*.") and host.endswith(name[1:])):
                return kind
    return "copy"


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
    found = [(url, origin(url)) for url in paper.sources]
    return sorted(found, key=lambda pair: _ORDER.index(pair[1]))


def copies_only(paper: Paper) -> bool:
    """Whether all that was read about a work are copies and lists, no page of its own."""
    kinds = {whose for _, whose in sources(paper)}
    return bool(kinds) and not kinds & (PRIMARY | {"record"})


def told(paper: Paper) -> list[tuple[str, list[str]]]:
    """For readers: what was read, as (how it is called, pages). Only the first two are links.

    Copies are named by their host: what they show is on the page of the work itself.
    """
    named: dict[str, list[str]] = {
        "The work itself": own_pages(paper),
        "Read there, or in its code": [u for u, whose in sources(paper) if whose in PRIMARY],
        "Read in": [u for u, whose in sources(paper) if whose in ("list", "record")],
        "Read in copies at": list(
            dict.fromkeys(host_of(u) for u, whose in sources(paper) if whose == "copy")
        ),
    }
    return [(name, pages) for name, pages in named.items() if pages]
