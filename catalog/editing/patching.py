"""A YAML text changed to hold other data, node by node; what stays the same keeps every byte.

    patched(text, data, "projects/a.yaml")   # the text with `data` in it

The data that the text holds are compared with the new ones. Only values that differ are written:
a scalar in its place, a new field behind the field that comes before it in `data`, a new item
behind the one before it. Comments, blank lines, quotes and the layout of the rest stay. What comes
out is read back and compared, so a layout that this module does not understand is refused, never
damaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from catalog import reading
from catalog.editing.dump import (
    Inline,
    Names,
    field_text,
    flow_text,
    item_text,
    leaves_inline,
    scalar,
)
from catalog.errors import InputError


def patched(text: str, data: Any, place: str, inline: Inline = leaves_inline) -> str:
    """The text with `data` in the place of what it holds.

    inline: whether a new value below some keys is written on one line. Raises `InputError` where
    the result would not read back as `data` (the text is laid out in a way that a program cannot
    edit), and what `reading.parse` raises for the text.
    """
    document = reading.parse(text, place)
    edited = text
    if document.node is not None:
        patch = _Patch(text, document.node, inline)
        patch.change(document.node, document.data, data, (), _Head(0, 0, 0))
        edited = patch.applied()
    if not same(reading.parse(edited, place).data, data):
        raise InputError(
            f"{place}: this change cannot be made by a program without touching something else; "
            "make it by hand. Nothing was changed."
        )
    return edited


def same(one: Any, other: Any) -> bool:
    """Equal also in kind: 1, 1.0 and True are three values."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


def carried(there: Any, before: Any, after: Any) -> Any:
    """What a text that says `there`, read as `before`, has to say to be read as `after`.

    A field that a reader would assume anyway (an explicit null) stays where somebody wrote it.
    """
    if same(before, after):
        return there
    if isinstance(there, dict) and isinstance(before, dict) and isinstance(after, dict):
        kept = {
            name: carried(there[name], before[name], value)
            if name in there and name in before
            else value
            for name, value in after.items()
        }
        assumed = {name: value for name, value in there.items() if name not in before}
        return {**kept, **{name: v for name, v in assumed.items() if name not in after}}
    if isinstance(there, list) and isinstance(before, list) and isinstance(after, list):
        if len(there) != len(before):
            return after
        start, old_end, new_end = _middle(before, after)
        if old_end == new_end:
            pairs = zip(there, before, after, strict=True)
            return [carried(t, b, a) for t, b, a in pairs]
        return [*there[:start], *after[start:new_end], *there[old_end:]]
    return after


def _middle(old: list[Any], new: list[Any]) -> tuple[int, int, int]:
    """Where two lists begin to differ, and where each ends to."""
    least = min(len(old), len(new))
    start = next((n for n in range(least) if not same(old[n], new[n])), least)
    tail = next((n for n in range(least - start) if not same(old[-1 - n], new[-1 - n])), None)
    tail = least - start if tail is None else tail
    return start, len(old) - tail, len(new) - tail


@dataclass(slots=True)
class _Head:
    """What stands before a value: a key with its colon, a dash, or nothing (the whole text)."""

    start: int
    end: int
    column: int
    key: str | None = None


@dataclass(slots=True)
class _Span:
    """Where an entry stands, and whether it stays."""

    start: int
    end: int
    stays: bool


class _Patch:
    """Cuts into a text: (start, end, what stands there then), applied together."""

    def __init__(self, text: str, root: Node, inline: Inline) -> None:
        self.text = text
        self.inline = inline
        self.newline = "\r\n" if "\r\n" in text else "\n"
        self.cuts: list[tuple[int, int, str]] = []
        self.texts = list(_texts_of_several_lines(root))

    def applied(self) -> str:
        """The text with all cuts made; those at one place in the order they came."""
        out, at = [], 0
        for start, end, new in sorted(self.cuts, key=lambda cut: cut[0]):
            out += [self.text[at:start], new]
            at = max(at, end)
        return "".join([*out, self.text[at:]])

    def change(self, node: Node, old: Any, new: Any, names: Names, head: _Head) -> None:
        """Cut so that `node`, which reads as `old`, reads as `new`."""
        if same(old, new):
            return
        if isinstance(node, MappingNode) and isinstance(new, dict) and _share(old, new):
            self._mapping(node, old, new, names)
        elif isinstance(node, SequenceNode) and isinstance(new, list) and old and new:
            self._sequence(node, old, new, names)
        else:
            self._replace(node, new, names, head)

    # ------------------------------------------------------------------------- mappings

    def _mapping(self, node: MappingNode, old: Any, new: Any, names: Names) -> None:
        entries = {key.value: (key, value) for key, value in node.value}
        column = node.value[0][0].start_mark.column
        flow = bool(node.flow_style)
        for name, (key, value) in entries.items():
            if name in new:
                start = key.start_mark.index
                colon = self.text.index(":", key.end_mark.index) + 1
                place = _Head(start, colon, -1 if flow else column, name)
                self.change(value, old[name], new[name], (*names, name), place)
        spans = [
            _Span(key.start_mark.index, self._end(value), name in new)
            for name, (key, value) in entries.items()
        ]
        self._remove(spans, flow, column)
        anchor: Node | None = None
        for name, value in new.items():
            if name in entries:
                anchor = entries[name][1]
                continue
            written = (
                f"{flow_text(name)}: {flow_text(value)}"
                if flow
                else field_text(name, value, column, (*names, name), self.inline)
            )
            if anchor is None:
                first = next(key for kept, (key, _) in entries.items() if kept in new)
                self._before(first.start_mark.index, written, flow, column)
            else:
                self._behind(self._end(anchor), written, flow)

    def _remove(self, spans: list[_Span], flow: bool, column: int) -> None:
        """Take entries of a mapping or list away; at least one stays."""
        first = next(number for number, span in enumerate(spans) if span.stays)
        for number, span in enumerate(spans):
            if span.stays:
                continue
            line = self._line(span.start)
            if flow and number < first:  # with the comma behind it
                self._cut(span.start, spans[number + 1].start, "")
            elif flow:  # with the comma before it
                self._cut(spans[number - 1].end, span.end, "")
            elif number < first and self.text[line : span.start].strip():
                # behind a dash: the next one moves up
                following = spans[number + 1].start
                told = self._comments(span.start, following)
                self._cut(span.start, following, "".join(f"{c}\n{' ' * column}" for c in told))
            else:
                # with the line end before it: something new may go behind its own
                told = self._comments(span.start, span.end)
                kept = "".join(f"\n{' ' * column}{comment}" for comment in told)
                self._cut(max(line - len(self.newline), 0), self._line_end(span.end), kept)

    # ---------------------------------------------------------------------------- lists

    def _sequence(self, node: SequenceNode, old: Any, new: Any, names: Names) -> None:
        start, old_end, new_end = _middle(old, new)
        flow = bool(node.flow_style)
        column = node.start_mark.column
        heads = [self._head(node, item, flow, column) for item in node.value]
        both = min(old_end, new_end)
        for number in range(start, both):
            self.change(node.value[number], old[number], new[number], (*names, "*"), heads[number])
        spans = [
            _Span(head.start, self._end(item), not both <= number < old_end)
            for number, (item, head) in enumerate(zip(node.value, heads, strict=True))
        ]
        self._remove(spans, flow, column)
        for value in new[both:new_end]:
            written = (
                flow_text(value) if flow else item_text(value, column, (*names, "*"), self.inline)
            )
            if both == 0:
                self._before(heads[0].start, written, flow, column)
            else:
                self._behind(spans[both - 1].end, written, flow)

    def _head(self, node: SequenceNode, item: Node, flow: bool, column: int) -> _Head:
        start = item.start_mark.index
        if flow:
            return _Head(start, start, -1)
        line = self._line(start)
        dash = node.start_mark.index
        while line + column > dash:  # the dash may stand lines above its item
            if self.text[line : line + column + 1].lstrip() == "-":
                dash = line + column
            line = self._line(line - 1)
        return _Head(dash, dash + 1, column)

    # --------------------------------------------------------------------------- values

    def _replace(self, node: Node, new: Any, names: Names, head: _Head) -> None:
        """Write a value anew where it stands, or below its key or dash."""
        start, end = node.start_mark.index, self._end(node)
        if head.column < 0:  # inside braces or brackets
            self._cut(start, end, flow_text(new) if start < end else f" {flow_text(new)}")
            return
        if head.key is not None:
            written = field_text(head.key, new, head.column, names, self.inline)
            prefix = f"{' ' * head.column}{scalar(head.key, flow=False)}:"
        else:
            written = item_text(new, head.column, names, self.inline)
            prefix = f"{' ' * head.column}-"
        written = written.removeprefix(prefix).rstrip("\n")
        block = isinstance(node, MappingNode | SequenceNode) and not node.flow_style
        if not block and "\n" not in written:
            self._cut(start, end, written.lstrip(" ") if start < end else written)
            return
        # a comment behind the key stays there, those inside the old value go below it
        stop = end if block else self._line_end(end)
        told = self._comments(head.end if block else end, stop)
        first, newline, rest = written.partition("\n")
        if told and self.text[head.end if block else end :].lstrip(" ").startswith("#"):
            first += f"  {told.pop(0)}"
        below = "".join(f"\n{' ' * (head.column + 2)}{comment}" for comment in told)
        self._cut(head.end, stop, f"{first}{below}{newline}{rest}")

    # ---------------------------------------------------------------------------- places

    def _cut(self, start: int, end: int, new: str) -> None:
        self.cuts.append((start, end, new.replace("\r\n", "\n").replace("\n", self.newline)))

    def _before(self, start: int, written: str, flow: bool, column: int) -> None:
        """Put a field or item where another one begins."""
        self._cut(start, start, f"{written}, " if flow else f"{written.lstrip(' ')}{' ' * column}")

    def _behind(self, end: int, written: str, flow: bool) -> None:
        """Put a field or item behind the one that ends there, below its line in a block."""
        at = end if flow else self._line_end(end)
        self._cut(at, at, f", {written}" if flow else "\n" + written.rstrip("\n"))

    def _comments(self, start: int, end: int) -> list[str]:
        """Comments from a place in a line on: what is left of that line, then whole lines."""
        told = []
        for line in self.text[start:end].splitlines(keepends=True):
            in_a_text = any(first < start < last for first, last in self.texts)
            if line.lstrip().startswith("#") and not in_a_text:
                told.append(line.strip())
            start += len(line)
        return told

    def _end(self, node: Node) -> int:
        """Where a value's own text ends, without what follows it."""
        if isinstance(node, MappingNode | SequenceNode) and not node.flow_style:
            last = node.value[-1]
            return self._end(last[1] if isinstance(node, MappingNode) else last)
        start, end = int(node.start_mark.index), int(node.end_mark.index)
        if isinstance(node, ScalarNode) and node.style in ("|", ">"):
            return start + len(self.text[start:end].rstrip())
        return end

    def _line(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        end = self.text.find("\n", at)
        if end < 0:
            return len(self.text)
        return end - 1 if self.text[end - 1 : end] == "\r" else end


def _texts_of_several_lines(node: Node) -> Iterator[tuple[int, int]]:
    """Where such scalars stand: a # at the beginning of a line of theirs is no comment."""
    if isinstance(node, ScalarNode):
        if node.start_mark.line != node.end_mark.line:
            yield node.start_mark.index, node.end_mark.index
        return
    for item in node.value:
        for part in item if isinstance(item, tuple) else (item,):
            yield from _texts_of_several_lines(part)


def _share(old: Any, new: Any) -> bool:
    """Whether two mappings have a field in common, so that one can be edited into the other."""
    return isinstance(old, dict) and bool(old.keys() & new.keys())
