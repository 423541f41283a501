"""What a build writes, collected in memory: pages for MkDocs, and files copied as they are."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from html import escape
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from catalog import questions, standing
from catalog.metrics import counted_over, is_length
from catalog.naming import dataset_key, is_dataset, slug
from catalog.render import labels, printed, show
from catalog.text import clean

TEMPLATES = Path(__file__).parent / "templates"
#: Python-Markdown marks its own places with STX and ETX; no control character belongs in a page.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
#: A part of a page that a reader may be led to, and what in its heading is no text.
_PART = re.compile(r'<h2 id="([^"]+)">(.*?)</h2>', re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
#: Rows and cells of a table, and the headings of its columns.
_CELL = re.compile(r"<tr\b|<td([^>]*)>")
_HEADING = re.compile(r'<th scope="col"[^>]*>(.*?)</th>', re.DOTALL)
PARTS_HERE = "<!-- parts -->"  # where a template wants that list
LONG = 5  # parts from which a page begins with the list of them


@dataclass(frozen=True, slots=True)
class Settings:
    """What the site needs to know of the world, from `site/mkdocs.yml` and the environment.

    `site_url` and `repo_url` are None while nobody has set them; links that need them are then
    left out or written as text. `commit` is the last commit that changed the registry.
    """

    site_url: str | None = None
    repo_url: str | None = None
    branch: str = "main"
    commit: str | None = None


def safe_url(url: str | None) -> str | None:
    """The address if it is http(s), else None: nothing else is ever put into an href."""
    return url if url and re.match(r"https?://[^\s]+$", url) else None


def percent(value: float | None, decimals: int = 2) -> str:
    """A fraction as percent with fixed decimals, e.g. `80.96`; None gives an empty string."""
    return "" if value is None else f"{100 * value:.{decimals}f}"


def signed(value: float | None, decimals: int = 2) -> str:
    """A difference of fractions in percentage points with its sign (a true minus): `−0.31`."""
    if value is None:
        return ""
    text = f"{100 * value:+.{decimals}f}"
    return "0." + "0" * decimals if float(text) == 0 else text.replace("-", "−")


def size(count: int | None) -> str:
    """Bytes for readers, in binary units: `357.7 MiB`."""
    if count is None:
        return ""
    amount, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


@cache
def environment() -> Environment:
    """Templates that escape everything that is not marked as markup by our own code."""
    env = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        auto_reload=False,
    )
    env.filters |= {
        "percent": percent,
        "counted_over": counted_over,
        "is_length": is_length,
        "signed": signed,
        "size": size,
        "slug": slug,
        "dataset_key": dataset_key,
        "is_dataset": is_dataset,
        "label": labels.label,
        "clean": lru_cache(1 << 16)(clean),
        "safe_url": safe_url,
        "checked": show.checked,
        "identifiers": show.identifiers,
        "protocol": show.protocol,
        "as_of": standing.as_of,
        "card": show.card,
        "issue_url": show.issue_url,
        "duration": show.duration,
        "claimed": show.claimed,
        "printed": show.printed,
        "measure": printed.measure,
        "printed_by": show.printed_by,
        "stacked": stacked,
        "is_digest": show.is_digest,
        "finding_sources": questions.sources_words,
        "bearing": questions.bearing_words,
    }
    env.globals |= {
        "dispute_address": show.dispute_address,
        "card_address": show.card_address,
        "offer_address": show.offer_address,
        "question_address": questions.address,
        "question_slug": questions.slug,
        "QUESTIONS": questions.QUESTIONS,
        "STATES": labels.STATES,
        "BLOCKED": labels.BLOCKED,
        "RELEASED": labels.RELEASED,
        "ROWS": labels.ROWS,
        "LICENCES": labels.LICENCES,
        "CODE": labels.CODE,
        "WEIGHTS": labels.WEIGHTS,
    }
    return env


def _contents(html: str) -> str:
    """A long page with the list of its parts: where it says so, else before the first of them."""
    parts = _PART.findall(html)
    if len(parts) < LONG:
        return html
    items = "".join(f'<li><a href="#{name}">{_TAG.sub("", text)}</a></li>' for name, text in parts)
    listed = f'<nav class="toc" aria-label="On this page"><ul>{items}</ul></nav>\n'
    if PARTS_HERE in html:
        return html.replace(PARTS_HERE, listed)
    return _PART.sub(lambda first: listed + first[0], html, count=1)


def stacked(html: str) -> Markup:
    """A table of class `cards` with the heading of its column at each cell where none stands yet:
    phones show a row as a list of facts. Other tables stay as they are."""
    heads = [_TAG.sub("", text).strip() for text in _HEADING.findall(html)]
    column = 0

    def named(found: re.Match[str]) -> str:
        nonlocal column
        column = 0 if found[0] == "<tr" else column + 1
        if found[0] == "<tr" or "data-l=" in found[1] or column >= len(heads):
            return found[0]
        return f'<td data-l="{heads[column]}"{found[1]}>'

    return markup(_CELL.sub(named, html) if '<table class="t cards' in html else html)


@dataclass
class Output:
    """Collected files. `pages`: docs path -> Markdown; `files`: site path -> bytes."""

    settings: Settings
    pages: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    index: list[dict[str, Any]] = field(default_factory=list)  # for the site's own search

    def page(
        self,
        address: str,
        template: str,
        *,
        title: str,
        description: str,
        kind: str | None = None,
        words: str = "",
        wide: bool = True,
        head: str = "",
        **context: Any,
    ) -> None:
        """Render `template` to the page at `address` (`papers/medsam/`, `` for the home page).

        `kind` puts the page into the site's search under that word, found by its title and by
        `words`. The page is one HTML block, so nothing in it is read as Markdown. `head` is HTML
        for the page's head that describes the work it is of (`catalog.render.citing`).
        """
        depth = address.count("/")

        def here(target: str) -> str:
            """A site path as a relative address, so that the site works under any prefix."""
            path, mark, anchor = target.partition("#")
            if path == address and mark:
                return f"#{anchor}"
            return ("../" * depth + path or "./") + mark + anchor

        html = (
            environment()
            .get_template(template)
            .render(url=here, settings=self.settings, title=title, **context)
        )
        html = _CONTROL.sub("", html)
        if address:
            html = _contents(html)
        # MkDocs' templates escape nothing, so what they print is escaped here
        meta = {"title": escape(clean(title)), "description": escape(clean(description)[:200])}
        if wide:
            meta["hide"] = ["navigation", "toc"]  # type: ignore[assignment]
        if head:
            meta["head"] = _CONTROL.sub("", head)
        front = "".join(f"{k}: {json.dumps(v, ensure_ascii=False)}\n" for k, v in meta.items())
        name = f"{address}index.md" if not address or depth == 1 else f"{address[:-1]}.md"
        self.pages[name] = (f'---\n{front}---\n<div class="s4m">\n{html}\n</div>\n').encode()
        if kind:
            self.index.append({"u": address, "k": kind, "t": clean(title), "w": words})

    def json(self, path: str, document: Any) -> None:
        """A JSON file, sorted and compact, with a final newline."""
        self.files[path] = msgspec.json.encode(document, order="sorted") + b"\n"

    def api(self, path: str, kind: str, body: dict[str, Any]) -> None:
        """A file of the API: `body` under a head with schema, commit and licence."""
        up = posixpath.relpath("api/v1/schema", posixpath.dirname(f"api/v1/{path}"))
        head = {
            "$schema": f"{up}/{kind}.json",
            "schema": f"{kind}/1",
            "commit": self.settings.commit,
            "licence": "CC0-1.0",
        }
        self.files[f"api/v1/{path}"] = msgspec.json.encode(head | body) + b"\n"


def markup(text: str) -> Markup:
    """Text that our own code has made and escaped."""
    return Markup(text)  # noqa: S704 - callers escape every string from the registry
