"""YAML files people edit, read strictly: plain data, or every problem with its line.

The reading follows YAML 1.2 where it matters to people (and as editors show it): dates stay text,
`no` and `on` are text, only `true` and `false` are booleans. Anchors, aliases, tags and duplicate
keys are refused: they hide content from a diff, and an alias can blow up a small file.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from catalog.errors import Finding, FindingsError

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STR, _INT, _FLOAT = "tag:yaml.org,2002:str", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_BOOL, _NULL = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null"
MAX_BYTES = 512 * 1024 * 1024


class Loader(_Base):  # type: ignore[misc] # the C loader has no types
    """libyaml's parser with the few implicit types of YAML 1.2's core schema."""


Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    (_BOOL, r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    (_NULL, r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    (_INT, r"^[-+]?[0-9]+$", "-+0123456789"),
    (_FLOAT, r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
):
    Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


@contextmanager
def collector_off() -> Iterator[None]:
    """Garbage collection off: building many small objects is twice as fast without it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(slots=True)
class Document:
    """A parsed file: its data, and the nodes that know where each value stands."""

    place: str
    data: Any
    node: Node | None

    def line(self, path: tuple[str | int, ...]) -> int | None:
        """Line (from 1) of the value at a path, or of the nearest thing above it that exists."""
        node = _walk(self.node, path)[0] if self.node else None
        return node.start_mark.line + 1 if node else None

    def text(self, path: tuple[str | int, ...]) -> str | None:
        """The value at a path as it is written, where it is one number, word or text."""
        node, found = _walk(self.node, path) if self.node else (None, False)
        return node.value if found and isinstance(node, ScalarNode) else None


def read_text(path: Path, place: str) -> str:
    """The text of a file. Raises `FindingsError` where it cannot be read or is not UTF-8."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _too_large(place)
        return text_of(path.read_bytes(), place)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FindingsError(
            [Finding(place, None, "", "Y006", f"cannot be read: {reason}")]
        ) from error


def text_of(content: bytes, place: str) -> str:
    """The text of a file's content. Raises `FindingsError` where it is not UTF-8, or too large."""
    if len(content) > MAX_BYTES:
        raise _too_large(place)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        message = f"not UTF-8 text: byte {error.object[error.start]:#04x}"
        raise FindingsError(
            [Finding(place, line, "", "Y004", message, "Save the file as UTF-8.")]
        ) from error


def _too_large(place: str) -> FindingsError:
    return FindingsError([Finding(place, None, "", "Y006", "the file is larger than 512 MiB")])


def parse(text: str, place: str) -> Document:
    """Parse YAML text. Raises `FindingsError` with every problem of the YAML itself."""
    if problem := _refused(text, place):
        raise FindingsError([problem])
    duplicates: list[Finding] = []
    with collector_off():
        try:
            loader = Loader(text)
            try:
                node = loader.get_single_node()
            finally:
                loader.dispose()
            data = _construct(node, place, duplicates, 0) if node else None
        except yaml.YAMLError as error:
            raise FindingsError([_broken(error, text, place)]) from error
    if duplicates:
        raise FindingsError(duplicates)
    return Document(place, data, node)


def _construct(node: Node, place: str, duplicates: list[Finding], depth: int) -> Any:
    """Plain data of a node; our own walk is faster than PyYAML's and sees duplicate keys."""
    kind = type(node)
    if kind is ScalarNode:
        tag = node.tag
        if tag == _STR:
            return node.value
        if tag == _INT:
            if len(node.value) > MAX_DIGITS:
                raise yaml.MarkedYAMLError(
                    problem=f"a number of {len(node.value)} digits", problem_mark=node.start_mark
                )
            return int(node.value)
        if tag == _NULL:
            return None
        if tag == _BOOL:
            return node.value[0] in "tT"
        return float(node.value)
    if depth > MAX_DEPTH:
        raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=node.start_mark)
    if kind is SequenceNode:
        return [_construct(item, place, duplicates, depth + 1) for item in node.value]
    data = {}
    for key, value in node.value:
        name = key.value if type(key) is ScalarNode else None
        if name is None:
            raise yaml.MarkedYAMLError(problem="a key that is no word", problem_mark=key.start_mark)
        data[name] = _construct(value, place, duplicates, depth + 1)
    if len(data) != len(node.value):
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                line = key.start_mark.line + 1
                message = f"the key {key.value!r} stands twice in one record"
                hint = "Keep one; YAML would silently take the last."
                duplicates.append(Finding(place, line, key.value, "Y002", message, hint))
            seen.add(key.value)
    return data


MAX_DEPTH = 40
MAX_DIGITS = 30  # no number of a record has more; Python itself refuses 4300
# Nested deeply enough for a closer look: four dashes in a row, or 200 blanks of indent.
_DEEP_BLOCKS = re.compile(r"(?:[-?][ \t]+){4}")
_DEEP_INDENT = "\n" + " " * 200
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def _suspect(text: str) -> bool:
    """Whether the text could hold an anchor, alias or tag, or be nested too deeply."""
    for match in re.finditer(r"[&*!](?=\S)", text):
        before = text[max(0, match.start() - 200) : match.start()].rstrip(" \t")
        if not before or before[-1] in "\r\n:,[{?-":
            return True
    return (
        _DEEP_INDENT in text
        or _bracket_depth(text) > MAX_DEPTH
        or _DEEP_BLOCKS.search(text) is not None
    )


def _refused(text: str, place: str) -> Finding | None:
    """An anchor, alias or tag in the text, or nesting that would crash libyaml's composer.

    The exact but slow look, event by event, is only taken where a quick one finds a reason.
    """
    if not _suspect(text):
        return None
    depth = 0
    try:
        for event in yaml.parse(text, Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > MAX_DEPTH:
                message = f"nested more than {MAX_DEPTH} deep, which no record is"
                return _at(event, place, "Y001", message, "Look for stray brackets or dashes.")
            what = "alias (*name)" if isinstance(event, yaml.AliasEvent) else None
            if not what and getattr(event, "anchor", None):
                what = "anchor (&name)"
            if not what and (tag := getattr(event, "tag", None)):
                what = f"tag ({tag})"
            if what:
                hint = "Write the value out; quote text that begins with & * or !."
                return _at(event, place, "Y003", f"a YAML {what}", hint)
    except yaml.YAMLError as error:
        return _broken(error, text, place)
    return None


def _bracket_depth(text: str) -> int:
    """At most how deep brackets are nested; brackets inside text count too."""
    depth = deepest = 0
    for char in text.encode("utf-8", "surrogatepass").translate(None, _NO_BRACKETS):
        if char in b"[{":
            depth += 1
            if depth > deepest:
                deepest = depth
        elif depth:
            depth -= 1
    return deepest


def _at(event: yaml.Event, place: str, code: str, message: str, hint: str) -> Finding:
    line = event.start_mark.line + 1 if event.start_mark else None
    return Finding(place, line, "", code, message, hint)


_HINTS = (
    ("\\t", "Indent with blanks, never with tabs."),
    ("found a tab character", "Indent with blanks, never with tabs."),
    (
        "mapping values are not allowed",
        "Put text that contains ': ' in quotes, and check the indent.",
    ),
    (
        "could not find expected ':'",
        "A key needs a colon and a blank after it; check the line above.",
    ),
    (
        "did not find expected key",
        "Check the indent, and quotes inside quoted text (write '' for ').",
    ),
    ("did not find expected '-' indicator", "List items of one list begin in the same column."),
    ("unexpected end of stream", "A quote or bracket is opened and never closed."),
    ("while scanning a quoted scalar", "A quote is opened and never closed."),
    ("expected ',' or", "A bracket is opened and never closed, or a comma is missing."),
    ("control characters", "Remove the invisible control character."),
    (
        "found character that cannot start any token",
        "Put text that begins with @ ` % or a tab in quotes.",
    ),
    ("expected a single document", "Remove the --- inside the file."),
)


def _broken(error: yaml.YAMLError, text: str, place: str) -> Finding:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    context = getattr(error, "context", None) or ""
    line = mark.line + 1 if mark else None
    if line is None and hasattr(error, "position"):
        line = text.count("\n", 0, error.position) + 1
    full = f"{context} {problem}"
    written = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
    if "cannot start any token" in full and "\t" in written[: mark.column + 1 if mark else None]:
        full += " \\t"
    hint = next((hint for sign, hint in _HINTS if sign in full), "")
    column = f", column {mark.column + 1}" if mark else ""
    return Finding(place, line, "", "Y001", f"broken YAML{column}: {problem}", hint)


def _walk(node: Node | None, path: tuple[str | int, ...]) -> tuple[Node | None, bool]:
    """The node at a path and True, or the last one on the way and False."""
    for step in path:
        if isinstance(node, MappingNode) and isinstance(step, str):
            found = next(((k, v) for k, v in node.value if k.value == step), None)
            if found is None:
                return node, False
            node = found[1]
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            return node, False
    return node, True
