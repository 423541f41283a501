"""Records and parts of them as YAML in the house style.

The style is fixed so that two people's edits differ only in content: two blanks of indent, lists of
a record indented, long lines never folded, tags and short lists on one line, dates and identifiers
quoted (an unquoted 2304.10 is the number 2304.1).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

from catalog.records import TAG_FIELDS, Paper, to_builtins

#: The keys above a value; "*" stands for any item of a list.
Names = tuple[str, ...]
#: Whether a value below these keys is written on one line.
Inline = Callable[[Names, Any], bool]

RECORD: Names = ("papers", "*")
# Fields of a work that are written on one line: `{values: [ct], from: abstract}`.
_FLOW = {*TAG_FIELDS, "authors", "rows", "aliases", "inclusion"}
_WORD = r"[^\W\d_]"
_PLAIN_FLOW = re.compile(rf"{_WORD}[\w .+()/&'’–-]*")
_PLAIN_BLOCK = re.compile(rf"{_WORD}(?:[\w .+()/&'’–,;?!%<>*=\[\]\"“”-]|:(?=[^\s])|:(?=//))*")
_WORDS_OF_YAML = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])


def dump_record(paper: Paper, indent: int = 2) -> str:
    """The record as an item of `papers:`, ending in a newline; `indent` blanks before the dash."""
    return item_text(as_written(paper), indent, RECORD, papers_inline)


def papers_inline(names: Names, value: Any) -> bool:
    """The house style of `papers.yaml`."""
    field = names[len(RECORD) :]
    return (
        field[-1:] == ("ids",)
        or field[-1:] == ("taken_back",)
        or field[:2] == ("reported", "*")
        or (field[:1] == ("finding",) and len(field) == 3)
        or (len(field) == 1 and field[0] in _FLOW)
    )


def leaves_inline(names: Names, value: Any) -> bool:
    """The style of other files: what holds only words and numbers, unless it is an item."""
    items = value.values() if isinstance(value, dict) else value
    return not any(isinstance(item, dict | list) for item in items) and (
        isinstance(value, list) or names[-1] != "*"
    )


def as_written(paper: Paper) -> dict[str, Any]:
    """The record as plain data without what a reader would assume anyway."""
    record: dict[str, Any] = to_builtins(paper)
    if not record["links"]:
        del record["links"]
    if record["inclusion"] == {"decision": "include"}:
        del record["inclusion"]
    for version in record.get("versions", ()):
        if not version["ids"]:
            del version["ids"]
    return record


def field_text(name: str, value: Any, indent: int, names: Names, inline: Inline) -> str:
    """A field as YAML lines, ending in a newline; `names` are its keys, its own last."""
    lines: list[str] = []
    _field(name, value, indent, lines, names, inline)
    return "\n".join(lines) + "\n"


def item_text(value: Any, indent: int, names: Names, inline: Inline) -> str:
    """An item of a list as YAML lines, ending in a newline, its dash after `indent` blanks."""
    lines: list[str] = []
    _item(value, indent, lines, names, inline)
    return "\n".join(lines) + "\n"


def scalar(value: Any, *, flow: bool) -> str:
    """A string, number, boolean or null as YAML that every YAML reader reads back as it was."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        text = repr(value)
        # YAML 1.1 reads 1e-05 as a string; with a point it is a number for every reader.
        return text if "e" not in text or "." in text else text.replace("e", ".0e")
    text = str(value)
    if not text.isprintable() or re.search("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]", text):
        # Control characters, line breaks and marks that hide or turn text are written as escapes.
        dumped = yaml.dump(text, default_style='"', allow_unicode=False, width=1 << 30)
        return str(dumped).rstrip("\n").removesuffix("\n...")
    pattern = _PLAIN_FLOW if flow else _PLAIN_BLOCK
    if pattern.fullmatch(text) and text.casefold() not in _WORDS_OF_YAML and text == text.strip():
        return text
    return "'" + text.replace("'", "''") + "'"


def flow_text(value: Any) -> str:
    """A value as it stands inside braces or on one line."""
    if isinstance(value, dict):
        pairs = (f"{scalar(key, flow=True)}: {flow_text(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow_text, value)) + "]"
    return scalar(value, flow=True)


def _field(
    name: str, value: Any, indent: int, lines: list[str], names: Names, inline: Inline
) -> None:
    head = f"{' ' * indent}{scalar(name, flow=False)}:"
    if not isinstance(value, dict | list):
        lines.append(f"{head} {scalar(value, flow=False)}")
    elif not value or inline(names, value):
        lines.append(f"{head} {flow_text(value)}")
    elif isinstance(value, dict):
        lines.append(head)
        for key, item in value.items():
            _field(key, item, indent + 2, lines, (*names, key), inline)
    else:
        lines.append(head)
        for item in value:
            _item(item, indent + 2, lines, (*names, "*"), inline)


def _item(item: Any, indent: int, lines: list[str], names: Names, inline: Inline) -> None:
    blank = " " * indent
    if not isinstance(item, dict | list):
        lines.append(f"{blank}- {scalar(item, flow=False)}")
    elif isinstance(item, list) or not item or inline(names, item):
        lines.append(f"{blank}- {flow_text(item)}")
    else:
        start = len(lines)
        for key, value in item.items():
            _field(key, value, indent + 2, lines, (*names, key), inline)
        lines[start] = f"{blank}- {lines[start].lstrip()}"
