"""One record as YAML in the house style of `papers.yaml`.

The style is fixed so that two people's edits differ only in content: two blanks of indent, lists of
a record indented, long lines never folded, tags and short lists on one line, dates and identifiers
quoted (an unquoted 2304.10 is the number 2304.1).
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from catalog.records import TAG_FIELDS, Paper, to_builtins

# Written on one line: `{values: [ct], from: abstract}`.
_FLOW = {*TAG_FIELDS, "authors", "rows", "aliases", "ids", "inclusion"}
_FLOW_ITEMS = {"reported"}  # lists whose items are on one line each
_WORD = r"[^\W\d_]"
_PLAIN_FLOW = re.compile(rf"{_WORD}[\w .+()/&'’–-]*")
_PLAIN_BLOCK = re.compile(rf"{_WORD}(?:[\w .+()/&'’–,;?!%<>*=\[\]\"“”-]|:(?=[^\s])|:(?=//))*")
_WORDS_OF_YAML = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])


def dump_record(paper: Paper, indent: int = 2) -> str:
    """The record as an item of `papers:`, ending in a newline; `indent` blanks before the dash."""
    lines: list[str] = []
    _mapping(as_written(paper), indent + 2, lines, top=True)
    lines[0] = " " * indent + "- " + lines[0].lstrip()
    return "\n".join(lines) + "\n"


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


def dump_field(name: str, value: Any, indent: int) -> str:
    """One field of a record as YAML lines, ending in a newline."""
    lines: list[str] = []
    _mapping({name: value}, indent, lines, top=True)
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


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{scalar(k, flow=True)}: {_flow(v)}" for k, v in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return scalar(value, flow=True)


def _mapping(record: dict[str, Any], indent: int, lines: list[str], *, top: bool = False) -> None:
    blank = " " * indent
    for key, value in record.items():
        name = scalar(key, flow=False)
        if (
            (top and key in _FLOW)
            or key == "ids"
            or not isinstance(value, dict | list)
            or not value
        ):
            text = _flow(value) if isinstance(value, dict | list) else scalar(value, flow=False)
            lines.append(f"{blank}{name}: {text}")
        elif isinstance(value, dict):
            lines.append(f"{blank}{name}:")
            _mapping(value, indent + 2, lines)
        else:
            lines.append(f"{blank}{name}:")
            for item in value:
                _item(item, indent + 2, lines, flow=key in _FLOW_ITEMS)


def _item(item: Any, indent: int, lines: list[str], *, flow: bool) -> None:
    blank = " " * indent
    if isinstance(item, dict) and item and not flow:
        start = len(lines)
        _mapping(item, indent + 2, lines)
        lines[start] = f"{blank}- {lines[start].lstrip()}"
    elif isinstance(item, dict | list):
        lines.append(f"{blank}- {_flow(item)}")
    else:
        lines.append(f"{blank}- {scalar(item, flow=False)}")
