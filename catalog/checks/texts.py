"""Every text of a record, whatever field it is in: what no page, feed or terminal should be given.

One walk for works and projects, so that a new field is looked at too.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

import msgspec

from catalog import addresses
from catalog.checks.problem import Problem, Step
from catalog.checks.seen import Told
from catalog.records import Paper, Record
from catalog.text import hidden

MOST = 2000  # characters of one text; the longest that is recorded has half of them
MOST_VALUES = 6000  # values of one list; the longest list of authors ever printed has 5,154
DATES = frozenset({"date", "checked", "added", "commit_date"})
FREE = "details"  # of a project: what was read, in no fixed form
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


def check(paper: Paper) -> Iterator[Problem]:
    """Problems of a work's texts."""
    for told in problems(paper):
        yield Problem(*told)


def problems(record: Record) -> Iterator[Told]:
    """Problems of the texts of a record: empty, too long or too many, with hidden characters, no
    dates, links to machines that only their own network has."""
    for path, text in _texts(msgspec.to_builtins(record), ()):
        if isinstance(text, list):
            message = f"{len(text):,} values, at most {MOST_VALUES:,} are allowed"
            yield "X004", path, message, "Is something else in the field?"
            continue
        if not text.strip():
            yield "X001", path, "an empty text", "Write null where it is not known."
        if character := hidden(text):
            shown = f"U+{ord(character):04X}"
            yield "X002", path, f"a control or direction character, {shown}", "Type the text anew."
        if len(text) > MOST:
            message = f"{len(text):,} characters, at most {MOST:,} are allowed"
            yield "X003", path, message, "Is something else in the field?"
        if path[-1] in DATES and path[0] != FREE and (problem := _date_problem(text)):
            yield "P005", path, f"date {text[:40]!r}: {problem}", ""
        if addresses.leads_inside(text):
            yield "U013", path, f"{text[:100]!r} leads into a network of one's own", ""


def _texts(
    value: object, path: tuple[Step, ...]
) -> Iterator[tuple[tuple[Step, ...], str | list[object]]]:
    """Every text with its place; a list that is too long stands for what is in it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, (*path, name))
    elif isinstance(value, list) and len(value) > MOST_VALUES:
        yield path, value
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, (*path, number))


def _date_problem(date: str) -> str | None:
    if not _DATE.fullmatch(date):
        return "expected YYYY, YYYY-MM or YYYY-MM-DD"
    try:
        datetime.date.fromisoformat(f"{date}-01-01"[:10])
    except ValueError:
        return "there is no such day"
    if int(date[:4]) > datetime.datetime.now(datetime.UTC).year + 1:
        return "it is in the future"
    return None
