"""Atom feeds (RFC 4287) with stable ids, dated by the data."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from catalog.render.views import day
from catalog.text import clean

#: Ids never change, whatever address the site has (RFC 4151 asks for a date of the name's holder).
TAG = "tag:sam4mis.invalid,2026:"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; `xml` is complete, `day` is its date for sorting."""

    day: str
    xml: str


def entry(name: str, title: str, path: str, site: str | None, date: str, text: str) -> Entry:
    """An entry under the stable name `name` that links to the page at `path`."""
    when = day(date)
    return Entry(
        when,
        f"<entry><id>{TAG}{_text(name)}</id><title>{_text(title)}</title>"
        f"<link href={quoteattr(_address(site, path))}/><updated>{when}T00:00:00Z</updated>"
        f"<summary>{_text(text)}</summary></entry>\n",
    )


def _text(value: str) -> str:
    """Text as XML may hold it: there is no way to write a control character in it."""
    return escape(clean(value))


def _address(site: str | None, path: str) -> str:
    """The absolute address where the site has one, else from the root of whatever serves it."""
    return clean(f"{site}{path}" if site else f"/{path}")


def atom(name: str, title: str, site: str | None, newest: str, entries: list[Entry]) -> bytes:
    """A feed; dated by its newest entry, or by the data where it is empty."""
    updated = max((e.day for e in entries), default=newest)
    body = "".join(e.xml for e in entries)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<id>{TAG}feeds/{_text(name)}</id><title>{_text(title)}</title>"
        f'<link rel="self" href={quoteattr(_address(site, f"feeds/{name}.xml"))}/>'
        f"<author><name>The sam4mis contributors</name></author>"
        f"<updated>{updated}T00:00:00Z</updated>\n{body}</feed>\n"
    ).encode()
