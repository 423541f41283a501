"""Tags from a title and an abstract, marked `suggested` until a person has looked at them."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import yaml

from catalog.records import Tag

PATTERNS = "tag_patterns.yaml"


def suggest_tags(
    title: str, abstract: str = "", keywords: list[str] | None = None
) -> dict[str, Tag]:
    """Tags by field name. A field without a match is left out: unknown, not none.

    >>> suggest_tags("Zero-shot SAM 2 on abdominal CT")["modalities"].values
    ['ct']
    """
    text = "\n".join([title, abstract, *(keywords or [])])
    found: dict[str, Tag] = {}
    for field, patterns in _patterns().items():
        values = [value for value, pattern in patterns.items() if pattern.search(text)]
        if values:
            found[field] = Tag(values=values, provenance="suggested")
    return found


@cache
def _patterns() -> dict[str, dict[str, re.Pattern[str]]]:
    """Field -> value -> compiled pattern, from `catalog/data/tag_patterns.yaml`."""
    text = files("catalog").joinpath("data", PATTERNS).read_text("utf-8")
    raw: dict[str, dict[str, str]] = yaml.safe_load(text)
    return {
        field: {value: re.compile(pattern) for value, pattern in values.items()}
        for field, values in raw.items()
    }
