"""Edits of `papers.yaml` as text: the record that changes is written, every other byte stays.

A record's extent is found by its dash in the column of the first record's dash; no YAML value can
begin a line there. Inside a record only the fields that change are written anew, so comments on
the others stay where they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from yaml.nodes import MappingNode, Node

from catalog import reading
from catalog.editing.dump import as_written, dump_field, dump_record
from catalog.errors import FindingsError
from catalog.records import Paper

_HEAD = re.compile(r"(?m)^\ufeff?papers:[ \t]*(?:\[[ \t]*\]|null|~)?[ \t]*(#[^\n]*)?(?:\r?\n|\Z)")
_DASH = re.compile(r"(?m)^( *)-(?=[ \r\n])")
ORDER = list(Paper.__struct_encode_fields__)


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

    Falls back to writing the whole record where its layout is not one field per line.
    """
    block = text[item.start : item.end]
    newline = newline_of(text)
    whole = dump_record(new, item.indent).replace("\n", newline)
    if not block.endswith("\n"):
        whole = whole.rstrip("\r\n")
    try:
        spliced = _spliced(block, item.indent, old, new, newline)
    except (ValueError, FindingsError):
        return whole
    return spliced if _reads_as(spliced, new) else whole


def reads_as(block: str, papers: list[Paper]) -> bool:
    """Whether a run of records, read by itself, gives exactly `papers`."""
    import msgspec

    try:
        document = reading.parse("papers:\n" + block, "papers.yaml")
        return bool(msgspec.convert(document.data["papers"] or [], list[Paper]) == papers)
    except (FindingsError, msgspec.ValidationError):
        return False


def _reads_as(block: str, paper: Paper) -> bool:
    return reads_as(block, [paper])


def _spliced(block: str, indent: int, old: Paper, new: Paper, newline: str) -> str:
    prefix = "papers:" + newline
    document = reading.parse(prefix + block, "papers.yaml")
    assert document.node is not None
    record: Node = document.node.value[0][1].value[0]
    if not isinstance(record, MappingNode) or record.flow_style:
        raise ValueError("a record in one pair of braces")
    lines = re.findall(r"[^\n]*\n|[^\n]+", block)
    starts = [key.start_mark.line - 1 for key, _ in record.value]
    if len(set(starts)) != len(starts) or starts[0] != 0:
        raise ValueError("two fields on one line")
    column = record.start_mark.column
    fields: list[tuple[str, list[str], str]] = []
    for (key, value), first, following in zip(
        record.value, starts, [*starts[1:], len(lines)], strict=True
    ):
        own = lines[first:following]
        fields.append((key.value, own, _end_comment(own, value, first)))
    before, after = as_written(old), as_written(new)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    out: list[str] = []
    for name, own, comment in fields:
        if name not in changed:
            out += own
            continue
        keep = [line for line in own[1:] if line.lstrip().startswith("#")]
        if name in after:
            text = dump_field(name, after[name], column).replace("\n", newline)
            if comment:
                text = text.replace(newline, comment + newline, 1)
            out += [*keep, *text.splitlines(keepends=True)]
        else:
            out += keep
    present = [name for name, _, _ in fields if name in after or name not in changed]
    for name in sorted(changed - {n for n, _, _ in fields}, key=ORDER.index):
        _insert(
            out, name, dump_field(name, after[name], column).replace("\n", newline), present, column
        )
        present.append(name)
    text = "".join(out)
    if not text.startswith(" " * indent + "-"):
        first_line = re.search(rf"(?m)^ {{{column}}}(?=\S)(?!#)", text)
        if not first_line or text[: first_line.start()].strip():
            raise ValueError("a comment would stand before the dash")
        text = " " * indent + "-" + " " * (column - indent - 1) + text[first_line.end() :]
    return text


def _end_comment(own: list[str], value: Node, first: int) -> str:
    """The comment after a value that stands on the line of its key, with the blanks before it."""
    if value.end_mark.line - 1 != first:
        return ""
    match = re.match(r"[ \t]+#[^\r\n]*", own[0][value.end_mark.column :])
    return match[0] if match else ""


def _insert(out: list[str], name: str, text: str, present: list[str], column: int) -> None:
    """Put a new field after the last field that comes before it in the house order."""
    earlier = [other for other in present if ORDER.index(other) < ORDER.index(name)]
    anchor = max(earlier, key=ORDER.index)
    at = next(
        i
        for i, line in enumerate(out)
        if re.match(rf"[ -]{{{column}}}['\"]?{re.escape(anchor)}['\"]?:", line)
    )
    end = at + 1
    while end < len(out) and (not out[end].strip() or out[end].startswith(" " * (column + 1))):
        end += 1
    while end > at + 1 and not out[end - 1].strip():
        end -= 1
    if not out[end - 1].endswith("\n"):
        out[end - 1] += "\n"
    out.insert(end, text)
