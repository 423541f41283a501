"""Where each record of `papers.yaml` stands, so that an edit reads and writes only its own.

A record's extent is found by its dash in the column of the first record's dash; no YAML value can
begin a line there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from catalog import reading
from catalog.editing.dump import as_written, dump_record, papers_inline
from catalog.editing.patching import carried, patched
from catalog.errors import FindingsError
from catalog.records import Paper
from catalog.registry import PAPERS

_HEAD = re.compile(r"(?m)^\ufeff?papers:[ \t]*(?:\[[ \t]*\]|null|~)?[ \t]*(#[^\n]*)?(?:\r?\n|\Z)")
_DASH = re.compile(r"(?m)^( *)-(?=[ \r\n])")


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
        head = _HEAD.search(text)
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


def newline_of(text: str) -> str:
    """The line end that the file uses."""
    return "\r\n" if "\r\n" in text else "\n"


def appended(text: str, papers: list[Paper], indent: int) -> tuple[str, str]:
    """The text with records put at its end, and these records' own text."""
    newline = newline_of(text)
    blocks = "".join(dump_record(paper, indent) for paper in papers).replace("\n", newline)
    head = _HEAD.search(text)
    if not head:
        text = (text if not text or text.endswith("\n") else text + newline) + "papers:" + newline
    elif re.match(r"\ufeff?papers:[ \t]*[\[n~]", head[0]):  # an empty list written out
        comment = f"  {head[1]}" if head[1] else ""
        mark = head[0][: head[0].index("papers")]  # a byte order mark, or nothing
        text = f"{text[: head.start()]}{mark}papers:{comment}{newline}{text[head.end() :]}"
    if not text.endswith("\n"):
        text += newline
    return text + blocks, blocks


def replaced(text: str, item: Item, old: Paper, new: Paper) -> str:
    """The text of one record (not of the file) changed from `old` to `new`.

    Raises `InputError` where it is laid out in a way that cannot be edited.
    """
    own = text[item.start : item.end]
    head = "papers:" + newline_of(own)
    block = head + own
    there = reading.parse(block, PAPERS).data["papers"][0]
    wanted = carried(there, as_written(old), as_written(new))
    return patched(block, {"papers": [wanted]}, PAPERS, papers_inline)[len(head) :]


def reads_as(block: str, papers: list[Paper]) -> bool:
    """Whether a run of records, read by itself, gives exactly `papers`."""
    import msgspec

    try:
        document = reading.parse("papers:\n" + block, PAPERS)
        return bool(msgspec.convert(document.data["papers"] or [], list[Paper]) == papers)
    except (FindingsError, msgspec.ValidationError):
        return False
