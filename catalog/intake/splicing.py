"""One item more in a claim of a project file, every other byte as it was."""

from __future__ import annotations

from typing import Any

from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from catalog import reading
from catalog.errors import InputError
from catalog.yaml_out import dump


def append_to_claim(text: str, claim: str, field: str, item: dict[str, Any], place: str) -> str:
    """The text of a project file with `item` added to the list `field` of the claim `claim`.

    What comes out is read back and compared. Raises `InputError` where the file is laid out in a
    way that cannot be edited safely (the claim in one pair of braces).
    """
    document = reading.parse(text, place)
    node = _claim(document.node, claim)
    if node is None or node.flow_style:
        raise InputError(
            f"{place}: the claim {claim!r} cannot be edited by a program: write each of its "
            f"fields on a line of its own, or add to `{field}` by hand."
        )
    column = node.start_mark.column
    existing = _field(node, field)
    blank = " " * column
    lines = [
        f"{blank}- {line}" if i == 0 else f"{blank}  {line}" for i, line in enumerate(_dump(item))
    ]
    if existing is not None and (existing.flow_style and existing.value):
        raise InputError(f"{place}: write `{field}` of {claim!r} one item a line, then try again.")
    out = text.split("\n")
    if existing is None or not existing.value:
        if existing is not None:
            del out[existing.start_mark.line]
        at = _end_line(node, out) if existing is None else existing.start_mark.line
        out[at:at] = [f"{blank}{field}:", *lines]
    else:
        out[_end_line(existing, out) : _end_line(existing, out)] = lines
    edited = "\n".join(out)
    expected = document.data
    record = next(c for c in expected["claims"] if c["id"] == claim)
    record[field] = [*(record.get(field) or []), item]
    if reading.parse(edited, place).data != expected:
        raise InputError(f"{place}: adding to {claim!r} would change something else; add by hand.")
    return edited


def _claim(root: Any, claim: str) -> MappingNode | None:
    claims = _field(root, "claims")
    for node in claims.value if isinstance(claims, SequenceNode) else []:
        if not isinstance(node, MappingNode):
            continue
        for key, value in node.value:
            if key.value == "id" and isinstance(value, ScalarNode) and value.value == claim:
                return node
    return None


def _field(node: Any, name: str) -> SequenceNode | None:
    for key, value in node.value if isinstance(node, MappingNode) else []:
        if key.value == name and isinstance(value, SequenceNode):
            return value
    return None


def _end_line(node: Any, lines: list[str]) -> int:
    """The line after the node's last one (its end mark may stand behind blank lines)."""
    end: int = node.end_mark.line + (1 if node.end_mark.column > 0 else 0)
    end = min(end, len(lines))
    while end > node.start_mark.line + 1 and (
        not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")
    ):
        end -= 1
    return end


def _dump(item: dict[str, Any]) -> list[str]:
    dumped = dump(item, width=1 << 30)
    return dumped.rstrip("\n").split("\n")
