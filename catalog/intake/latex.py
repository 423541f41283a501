"""LaTeX of reference files as plain text: accents decoded, protecting braces gone."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from catalog.text import clean

_SPECIAL = re.compile(r"[\\{}$~`']|--")


def to_text(latex: str) -> str:
    r"""`latex` as one clean line. A bare `%` or `&`, which LaTeX would swallow, is kept.

    Nothing is executed: macros that read files or define others are dropped.

    >>> to_text(r"Guti{\'e}rrez \& {SAM}: 95% of {\L}ukasz")
    'Gutiérrez & SAM: 95% of Łukasz'
    """
    if not _SPECIAL.search(latex):
        return clean(latex)
    latex = re.sub(r"(?<!\\)([%&#])", r"\\\1", latex)
    # the decoder turns \textasciicircum into a modifier letter; what was meant is the caret
    return clean(_converter().latex_to_text(latex)).replace("\u02c6", "^")


@cache
def _converter() -> Any:
    from pylatexenc.latex2text import LatexNodes2Text

    return LatexNodes2Text(strict_latex_spaces=True, keep_comments=False)


def split_authors(field: str) -> tuple[list[str], bool]:
    """BibTeX's author field as bylines, and whether the list is complete (no "and others")."""
    names = [name for name in (part.strip() for part in _split_and(field)) if name]
    complete = not any(re.fullmatch(r"(?i)others|et\.? al\.?", name) for name in names)
    kept = [byline(n) for n in names if not re.fullmatch(r"(?i)others|et\.? al\.?", n)]
    return [name for name in kept if name], complete


def byline(name: str) -> str:
    """One name as `Given Family`: `Family, Given` turned round, a name in braces left whole."""
    if name.startswith("{") and name.endswith("}") and "," not in _outside_braces(name):
        return to_text(name)
    parts = [to_text(part) for part in _split_commas(name)]
    if len(parts) == 2:
        return f"{parts[1]} {parts[0]}".strip()
    if len(parts) == 3:  # Family, Jr, Given
        return f"{parts[2]} {parts[0]} {parts[1]}".strip()
    return to_text(name)


def _split_and(field: str) -> list[str]:
    return _split(re.sub(r"\s+", " ", field), " and ")


def _split_commas(name: str) -> list[str]:
    return [part.strip() for part in _split(name, ",")]


def _split(text: str, separator: str) -> list[str]:
    """`text` cut at `separator` (any case) outside braces."""
    parts, depth, start, at = [], 0, 0, 0
    lowered = text.casefold() if len(text.casefold()) == len(text) else text
    while at < len(text):
        if depth == 0 and lowered.startswith(separator, at):
            parts.append(text[start:at])
            at += len(separator)
            start = at
            continue
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        depth = max(depth, 0)
        at += 1
    return [*parts, text[start:]]


def _outside_braces(name: str) -> str:
    while (shorter := re.sub(r"\{[^{}]*\}", "", name)) != name:
        name = shorter
    return name
