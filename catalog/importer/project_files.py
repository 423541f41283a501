"""Project files: a stable text for a record, and completing a file without touching its edits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import yaml

from catalog.records import Project

HEADER = "# yaml-language-server: $schema=../catalog/schemas/project.schema.json\n"
COMPACT_FROM = 30  # claims; more of them are written one after the other on few lines
_WIDTH = 110

# The C versions where PyYAML was built with libyaml: ten times as fast, same result.
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def _dump(value: Any, flow: bool | None = None) -> str:
    return yaml.dump(
        value,
        Dumper=Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH,
        default_flow_style=flow,
    )


def plain_of(project: Project) -> dict[str, Any]:
    """The record as plain data, without the empty mappings that say nothing."""
    plain: dict[str, Any] = msgspec.to_builtins(project)
    for claim in plain.get("claims", []):
        if not claim.get("n"):
            claim.pop("n", None)
    return {key: value for key, value in plain.items() if value != {}}


def blocks(project: Project) -> dict[str, str]:
    """The text of each top-level field that the record has, in the order of `Project`."""
    plain = plain_of(project)
    return {key: _block(key, plain[key]) for key in Project.__struct_fields__ if key in plain}


def _block(key: str, value: Any) -> str:
    if key == "claims" and len(value) >= COMPACT_FROM:
        return "claims:\n" + "".join(f"- {_dump(claim, flow=True)}" for claim in value)
    # PyYAML's mixed style would put a mapping of one scalar in braces.
    return _dump({key: value}, flow=None if isinstance(value, dict | list) else False)


def text_of(project: Project) -> str:
    """The whole file."""
    return HEADER + "".join(blocks(project).values())


def read(path: Path) -> dict[str, Any]:
    """A project file as plain data."""
    raw = yaml.load(path.read_text("utf-8"), Loader)  # noqa: S506 (it is the safe loader)
    return raw if isinstance(raw, dict) else {}


def completed(text: str, missing: dict[str, str]) -> str:
    """`text` with the blocks of `missing` added, each where the order of fields wants it.

    Everything else stays byte for byte. A field that is there but empty is replaced.
    """
    order = list(Project.__struct_fields__)
    pieces = re.split(r"(?m)^(?=[a-z_]+:)", text)
    head, bodies = pieces[0], pieces[1:]
    named = {body.split(":", 1)[0]: body for body in bodies}
    named |= missing
    known = [named[key] for key in order if key in named]
    unknown = [body for key, body in named.items() if key not in order]
    return head + "".join(body if body.endswith("\n") else body + "\n" for body in known + unknown)
