"""The blocks of text of which `papers.yaml` is made, one a record.

A record's extent is found by its dash in the column of the first record's dash; no YAML value can
begin a line there. So a record can be read, and written, without the others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from catalog import reading
from catalog.errors import FindingsError

HEAD = re.compile(r"(?m)^\ufeff?papers:[ \t]*(?:\[[ \t]*\]|null|~)?[ \t]*(#[^\n]*)?(?:\r?\n|\Z)")
_DASH = re.compile(r"(?m)^( *)-(?=[ \r\n])")
# What ends a document, and line ends that YAML knows and `Items` does not look for.
_ELSEWHERE = ("\n---", "\n...", "\n%", "\x85", "\u2028", "\u2029")


@dataclass(slots=True)
class Item:
    """Where one record stands in the text: [start, end), its dash after `indent` blanks."""

    start: int
    end: int
    indent: int


class Items:
    """The extents of all records of a text, in order. Comments between records belong to none."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts: list[int] = []
        self.indent = 2
        head = HEAD.search(text)
        first = _DASH.search(text, head.end()) if head else None
        if first is None:
            return
        self.indent = len(first[1])
        dash = "\n" + " " * self.indent + "-"
        at = first.start() - 1
        while at >= 0:
            # Only a dash that ends there or is followed by a blank begins an item.
            if text[at + len(dash) : at + len(dash) + 1] in (" ", "\n", "\r", ""):
                self.starts.append(at + 1)
            at = text.find(dash, at + 1)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, number: int) -> Item:
        start = self.starts[number]
        following = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.text)
        return Item(start, _content_end(self.text, start, following, self.indent), self.indent)

    def block(self, number: int) -> list[str]:
        """The text of one record ending in a line end, [] outside the file."""
        if not 0 <= number < len(self.starts):
            return []
        item = self[number]
        block = self.text[item.start : item.end]
        return [block if block.endswith("\n") else block + "\n"]


def _content_end(text: str, start: int, following: int, indent: int) -> int:
    """End of a record's own lines: blank lines and comments no deeper than its dash come after."""
    end = following
    while end > start:
        line_start = text.rfind("\n", start, end - 1) + 1
        line = text[line_start:end].rstrip("\r\n")
        comment = re.match(r"^( *)#", line)
        if line.strip() and not (comment and len(comment[1]) <= indent):
            return end
        if line_start <= start:
            return end
        end = line_start
    return end


def parts(text: str) -> list[str] | None:
    """The text of each record up to the next; None where that cannot be told.

    Each, put below a line `papers:`, reads as what it says in the file, unless it is no record
    by itself (a quote or bracket that the next ones close): then reading it fails.
    """
    starts = Items(text).starts
    if not starts or any(sign in text for sign in _ELSEWHERE):
        return None
    if text.count("\r") != text.count("\r\n"):
        return None
    try:
        if reading.parse(text[: starts[0]], "papers.yaml").data != {"papers": None}:
            return None
    except FindingsError:
        return None
    return [text[at:end] for at, end in zip(starts, [*starts[1:], len(text)], strict=True)]
