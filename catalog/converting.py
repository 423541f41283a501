"""Plain data into records, and everything that is wrong with a record at once.

msgspec stops at the first problem, so each one that it finds is told, something harmless is put in
its place, and the reading tried again.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from catalog.errors import Finding
from catalog.reading import Document

MAX_PROBLEMS = 50  # per record; a record with more is not worth listing further
Shape = TypeVar("Shape", bound=msgspec.Struct)
Steps = tuple[str | int, ...]


@dataclass(slots=True)
class StandIn(Generic[Shape]):
    """A record that could not be read as it stands, with something harmless where it is wrong.

    Good for looking at the rest of it, never for use. `places` are the paths of what was replaced.
    """

    record: Shape
    places: list[Steps] = field(default_factory=list)

    def stands_at(self, path: Steps) -> bool:
        """Whether what is said about `path` would be said about a replacement."""
        return any(path[: len(p)] == p or p[: len(path)] == path for p in self.places)


def convert(
    document: Document, path: tuple[str | int, ...], raw: Any, shape: type[Shape], name: str
) -> tuple[Shape | None, list[Finding]]:
    """A record of a document, or None and all that is wrong with it.

    `path` is where the record stands in the document, `name` what people call it. msgspec stops at
    the first problem; so each one found is set aside and the reading tried again.
    """
    record, findings, _ = convert_or_stand_in(document, path, raw, shape, name)
    return record, findings


def convert_or_stand_in(
    document: Document, path: Steps, raw: Any, shape: type[Shape], name: str
) -> tuple[Shape | None, list[Finding], StandIn[Shape] | None]:
    """As `convert`, and what stands in for a record that is wrong.

    None too where too much is wrong to guess at, or the record's own name.
    """
    try:
        return msgspec.convert(raw, shape), [], None
    except msgspec.ValidationError as first:
        error: msgspec.ValidationError | None = first
    places: list[Steps] = []
    stand_in = None
    rest = _copy(raw)
    findings: list[Finding] = []
    while error is not None and len(findings) < MAX_PROBLEMS:
        message, steps = _message_and_path(str(error))
        findings.append(_finding(document, path, name, message, steps, shape, rest))
        place = _set_aside(rest, steps, message, shape)
        if place is None:
            break
        places.append(place)
        try:
            stand_in = StandIn(msgspec.convert(rest, shape), [p for p in places if p])
            error = None
        except msgspec.ValidationError as again:
            error = again if str(again) != str(error) else None
    if stand_in and {("id",), ("slug",)} & set(stand_in.places):
        stand_in = None
    return None, findings, stand_in


def _copy(raw: Any) -> Any:
    if isinstance(raw, dict):
        return {key: _copy(value) for key, value in raw.items()}
    return [_copy(item) for item in raw] if isinstance(raw, list) else raw


def _message_and_path(text: str) -> tuple[str, tuple[str | int, ...]]:
    message, _, where = text.partition(" - at `")
    steps: list[str | int] = []
    for name, index in re.findall(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]", where.rstrip("`")):
        if name:
            steps.append(name)
        elif index != "...":
            steps.append(int(index))
    return message, tuple(steps)


def _set_aside(rest: Any, steps: Steps, message: str, shape: Any) -> Steps | None:
    """Put something harmless in the place of a problem so that reading can go on.

    Returns that place, () where nothing had to stand in, None where it is not possible.
    """
    if not steps and "field `" not in message:
        return None  # the record itself is no record
    parent = rest
    try:
        if match := re.search(r"unknown field `([^`]+)`", message):
            for step in steps:
                parent = parent[step]
            del parent[match[1]]
            return ()
        target = steps
        if match := re.search(r"missing required field `([^`]+)`", message):
            target = (*steps, match[1])
        for step in target[:-1]:
            parent = parent[step]
        parent[target[-1]] = _stand_in(_type_at(shape, target))
    except (KeyError, IndexError, TypeError):
        return None
    return target


def _stand_in(info: Any) -> Any:
    """Any value of a type."""
    kinds = msgspec.inspect
    if isinstance(info, kinds.UnionType):
        return _stand_in(info.types[0])
    if isinstance(info, kinds.LiteralType):
        return info.values[0]
    if isinstance(info, kinds.StructType):
        return {f.encode_name: _stand_in(f.type) for f in info.fields if f.required}
    if isinstance(info, kinds.ListType):
        return [_stand_in(info.item_type)] * (info.min_length or 0)
    for kind, value in (
        (kinds.StrType, "x"),  # what `records.Slug` accepts too
        (kinds.BoolType, False),
        (kinds.IntType, 0),
        (kinds.FloatType, 0.0),
        (kinds.DictType, {}),
    ):
        if isinstance(info, kind):
            return value
    return None


def _finding(
    document: Document,
    path: tuple[str | int, ...],
    name: str,
    message: str,
    steps: tuple[str | int, ...],
    shape: type[msgspec.Struct],
    raw: Any,
) -> Finding:
    where = dotted((name, *steps))
    line = document.line((*path, *steps))
    code, hint = "S001", ""
    if match := re.search(r"unknown field `([^`]+)`", message):
        code = "S002"
        known = _fields(shape, steps)
        line = document.line((*path, *steps, match[1])) or line
        near = difflib.get_close_matches(match[1], known, 1, 0.5)
        message = f"unknown field {match[1]!r}"
        hint = (
            f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}." if known else ""
        )
    elif match := re.search(r"missing required field `([^`]+)`", message):
        code, message, hint = "S003", f"the field {match[1]!r} is missing", f"Write {match[1]}: ..."
    elif match := re.search(r"Invalid enum value (.+)", message):
        allowed = [str(v) for v in _allowed(shape, steps)]
        near = difflib.get_close_matches(match[1].strip("'\""), allowed, 1, 0.4)
        code, message = "S004", f"{match[1]} is not allowed here"
        hint = (f"Did you mean {near[0]!r}? " if near else "") + f"Allowed: {', '.join(allowed)}."
    elif "matching regex" in message:
        written = document.text((*path, *steps))
        message = f"{written!r} cannot name a page or a file"
        hint = "Lower-case letters, digits and . _ + - only, a letter or digit first."
    elif "`array` of length >=" in message:
        message, hint = "an empty list", "Leave the field out where it is not known."
    elif match := re.search(r"Expected `([^`]+)`, got `([^`]+)`", message):
        written = document.text((*path, *steps))
        message = f"expected {_words(match[1])}, got {_words(match[2])}"
        if written is not None and match[2] in ("int", "float", "bool", "null"):
            message += f" ({written})" if written else ""
            if "str" in match[1] and match[2] in ("int", "float", "bool"):
                hint = f"Put it in quotes: '{written}'."
        if not steps:
            hint = "Write its fields, or take the file from git again."
    return Finding(document.place, line, where, code, message, hint)


def dotted(steps: tuple[str | int, ...]) -> str:
    """`("medsam", "versions", 0, "ids")` -> `medsam.versions[0].ids`."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
    "array": "a list",
    "object": "a record (key: value)",
}


def _words(kinds: str) -> str:
    return " or ".join(_WORDS.get(kind, kind) for kind in kinds.split(" | "))


def _type_at(shape: Any, steps: tuple[str | int, ...]) -> Any:
    """The type annotation that msgspec checked at a path."""
    current: Any = msgspec.inspect.type_info(shape)
    for step in steps:
        current = _unwrap(current)
        if isinstance(current, msgspec.inspect.StructType) and isinstance(step, str):
            current = next((f.type for f in current.fields if f.encode_name == step), None)
        elif isinstance(current, msgspec.inspect.ListType):
            current = current.item_type
        elif isinstance(current, msgspec.inspect.DictType):
            current = current.value_type
        else:
            return None
    return current


_CONTAINERS = (
    msgspec.inspect.StructType,
    msgspec.inspect.ListType,
    msgspec.inspect.DictType,
)


def _unwrap(info: Any) -> Any:
    if isinstance(info, msgspec.inspect.UnionType):
        for option in info.types:
            if isinstance(option, _CONTAINERS):
                return option
    return info


def _fields(shape: Any, steps: tuple[str | int, ...]) -> list[str]:
    info = _unwrap(_type_at(shape, steps))
    return (
        [f.encode_name for f in info.fields] if isinstance(info, msgspec.inspect.StructType) else []
    )


def _allowed(shape: Any, steps: tuple[str | int, ...]) -> list[Any]:
    info = _type_at(shape, steps)
    options = info.types if isinstance(info, msgspec.inspect.UnionType) else (info,)
    found: list[Any] = []
    for option in options:
        if isinstance(option, msgspec.inspect.LiteralType):
            found += option.values
    return found
