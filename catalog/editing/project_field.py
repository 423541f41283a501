"""One field of a project file filled, every other byte as it was."""

from __future__ import annotations

import copy
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode

from catalog import reading
from catalog.errors import InputError
from catalog.records import Project
from catalog.yaml_out import flow


def fill_field(text: str, path: tuple[str, str], value: str, place: str) -> str:
    """The text of a project file with `value` at `path` (`("licences", "code")`).

    Only where nothing stands there: a missing field or null. What comes out is read back and
    compared. Raises `InputError` where something stands there or the file is laid out in a way
    that cannot be edited safely.
    """
    document = reading.parse(text, place)
    group, name = path
    expected = copy.deepcopy(document.data)
    there = expected.get(group) or {}
    if there.get(name) is not None:
        raise InputError(f"{place}: {group}.{name} is {there[name]!r} by now; left as it is.")
    expected[group] = {**there, name: value}
    parent = _value(document.node, group)
    if isinstance(parent, MappingNode):
        edited = _into(text, parent, name, value)
    else:
        edited = _beside(text, document.node, group, parent, f"{{{name}: {flow(value)}}}")
    if reading.parse(edited, place).data != expected:
        raise InputError(f"{place}: filling {group}.{name} would change something else; by hand.")
    return edited


def _value(node: Any, name: str) -> Node | None:
    pairs = node.value if isinstance(node, MappingNode) else []
    return next((value for key, value in pairs if key.value == name), None)


def _into(text: str, parent: MappingNode, name: str, value: str) -> str:
    """The text with a field more in a mapping, or its null replaced."""
    present = _value(parent, name)
    if isinstance(present, ScalarNode):
        return _instead(text, present, flow(value))
    entry = f"{name}: {flow(value)}"
    if not parent.value:
        return _cut(text, parent.start_mark.index, parent.end_mark.index, f"{{{entry}}}")
    last = parent.value[-1][1]
    if parent.flow_style:
        return _cut(text, last.end_mark.index, last.end_mark.index, f", {entry}")
    indent = " " * parent.value[0][0].start_mark.column
    return _line_after(text, last, f"{indent}{entry}")


def _beside(text: str, root: Any, group: str, present: Node | None, value: str) -> str:
    """The text with a group more at the top, in the order of the record's fields."""
    if present is not None:  # null
        return _instead(text, present, value)
    order = list(Project.__struct_encode_fields__)
    before = [v for k, v in root.value if order.index(k.value) < order.index(group)]
    return _line_after(text, before[-1], f"{group}: {value}")


def _line_after(text: str, node: Node, line: str) -> str:
    """A line more behind the last line that a value stands on."""
    end = node.end_mark.index
    while end > 0 and text[end - 1] in " \r\n\t":  # a block ends where the next field begins
        end -= 1
    stop = text.find("\n", end)
    return f"{text}\n{line}\n" if stop < 0 else _cut(text, stop, stop, f"\n{line}")


def _instead(text: str, present: Node, new: str) -> str:
    """The text with `new` where a value stands; nothing at all may stand there (`code:`)."""
    start, end = present.start_mark.index, present.end_mark.index
    return _cut(text, start, end, new if start < end else f" {new}")


def _cut(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]
