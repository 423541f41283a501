"""Titles and authors."""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalog.checks.problem import Problem
from catalog.records import Paper
from catalog.titles import normal_title

_GLUED = re.compile(r"\b(SAM|SAM2|SAM3|MedSAM)(with|for|in|of|and|to|via)\b|[a-z][:;,][A-Za-z]")
_MARKUP = re.compile(r"\^[^\s^]+\^|<[A-Za-z/][^>]*>|\$[^$]+\$|\\[a-zA-Z]+\{|\*\*|\[[^\]]*\]\(")


def check(paper: Paper) -> Iterator[Problem]:
    """Problems of a work's titles and authors."""
    yield from _title(paper)
    yield from _authors(paper)


def _title(paper: Paper) -> Iterator[Problem]:
    title = paper.title
    path = ("title",)
    if match := _MARKUP.search(title):
        yield Problem("T001", path, f"markup {match[0]!r} in the title", "Titles are plain text.")
    if (single := _blanks(title)) != title:
        yield Problem("T002", path, f"blanks in {title!r}", f"Expected {single!r}.", _fix_blanks)
    if match := _GLUED.search(title):
        yield Problem("T003", path, f"glued words: {match[0]!r}", "Put a blank between them.")
    letters = [char for char in title if char.isalpha()]
    if len(letters) > 15 and sum(char.isupper() for char in letters) > 0.9 * len(letters):
        yield Problem("T005", path, "the title is in capitals")
    known = {normal_title(title)}
    for number, alias in enumerate(paper.title_aliases):
        if normal_title(alias) in known:
            message = f"alias {alias!r} says nothing new"
            yield Problem("T004", ("title_aliases", number), message, "", _drop_aliases)
        known.add(normal_title(alias))


def _blanks(title: str) -> str:
    return re.sub(r" +:(?= )", ":", re.sub(r"\s+", " ", title)).strip()


def _fix_blanks(paper: Paper) -> None:
    paper.title = _blanks(paper.title)


def _drop_aliases(paper: Paper) -> None:
    known = {normal_title(paper.title)}
    kept = []
    for alias in paper.title_aliases:
        if normal_title(alias) not in known:
            known.add(normal_title(alias))
            kept.append(alias)
    paper.title_aliases = kept


def _authors(paper: Paper) -> Iterator[Problem]:
    if not paper.authors:
        yield Problem("A003", ("authors",), "no authors")
        return
    if not paper.authors_complete:
        yield Problem(
            "A001", ("authors",), f"only {len(paper.authors)} author(s) known, the list goes on"
        )
    seen: set[str] = set()
    for number, name in enumerate(paper.authors):
        path = ("authors", number)
        if re.search(r"(?i)\bet\.?\s+al\b|^others$", name):
            hint = "Set authors_complete: false and leave it out."
            yield Problem("A002", path, f"{name!r} is no author", hint)
        if name.casefold() in seen:
            yield Problem("A004", path, f"{name!r} stands twice")
        seen.add(name.casefold())
        if paper.authors_complete and re.fullmatch(r"(?:[A-Z]{1,3}\.?[ -]?)+ \S+", name):
            yield Problem("A005", path, f"{name!r} has initials only")
