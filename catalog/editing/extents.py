"""The text of records put at the end or changed in place; an edit reads and writes only its own."""

from __future__ import annotations

import re

from catalog import reading
from catalog.blocks import HEAD, Item
from catalog.editing.dump import as_written, dump_record, papers_inline
from catalog.editing.patching import carried, patched
from catalog.errors import FindingsError
from catalog.records import Paper
from catalog.registry import PAPERS


def newline_of(text: str) -> str:
    """The line end that the file uses."""
    return "\r\n" if "\r\n" in text else "\n"


def appended(text: str, papers: list[Paper], indent: int) -> tuple[str, str]:
    """The text with records put at its end, and these records' own text."""
    newline = newline_of(text)
    blocks = "".join(dump_record(paper, indent) for paper in papers).replace("\n", newline)
    head = HEAD.search(text)
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
