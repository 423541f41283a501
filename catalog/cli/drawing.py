"""Tables on a terminal, drawn so that nothing is cut: cells wrap, and what cannot fit is named."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

GAP = 2  # between columns
ROOM = 12  # characters that a cell of several words should have
TITLE = 24  # and a title
FEWEST = 3  # columns that are not left out while they say something
NOTHING = ("—", "-", "none", "")


def width_of(text: str) -> int:
    """Columns of a terminal that a text takes: wide letters take two, marks on letters none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most `width`, broken between words, else after `-`, `/`, `_`, `,` or
    `+`, else anywhere. Every character but spaces at a break is there."""
    lines = []
    for paragraph in text.split("\n"):
        line = ""
        for piece in re.findall(r"\s+|[^\s/_,+-]+[/_,+-]*|[/_,+-]+", paragraph):
            while width_of(line + piece.rstrip()) > width:
                if line.strip():
                    lines.append(line.rstrip())
                    line, piece = "", piece.lstrip()
                    continue
                cut = len(piece)
                while width_of(piece[:cut]) > width and cut > 1:
                    cut -= 1
                lines.append(piece[:cut])
                piece = piece[cut:]
            line += piece
        lines.append(line.rstrip())
    return lines or [""]


def fitted(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, wide: Sequence[str] = ()
) -> tuple[list[int], list[int]]:
    """The columns that fit a terminal, and how wide each is drawn.

    Cells wrap as far as they stay readable, first those of the columns `wide`; then columns are
    left out: those that say nothing first, then from the right, but never the first three or
    `title`.
    """
    longest = [max(width_of(line[i]) for line in [columns, *rows]) for i in range(len(columns))]
    least = [
        min(longest[i], _least(columns[i], [row[i] for row in rows])) for i in range(len(columns))
    ]
    kept = list(range(len(columns)))
    order = [i for i in reversed(kept[1:]) if all(row[i] in NOTHING for row in rows)]
    order += [i for i in reversed(kept[FEWEST:]) if i not in order and columns[i] != "title"]
    while sum(least[i] + GAP for i in kept) - GAP > width and order:
        kept.remove(order.pop(0))
    sizes = {i: longest[i] for i in kept}
    over = sum(sizes.values()) + GAP * (len(kept) - 1) - width
    preferred = [i for i in kept if columns[i] in ("title", *wide) or i == kept[0]]
    for group in (preferred, kept):
        while over > 0:  # the widest gives first
            can = [i for i in group if sizes[i] > least[i]]
            if not can:
                break
            widest = max(can, key=lambda i: sizes[i])
            sizes[widest] -= 1
            over -= 1
    for i in kept:  # even the least is too much: three columns on a very narrow terminal
        if over > 0 and sizes[i] > 4:
            taken = min(over, sizes[i] - 4)
            sizes[i] -= taken
            over -= taken
    return kept, [sizes[i] for i in kept]


def _least(column: str, cells: Sequence[str]) -> int:
    """How narrow a column may be: numbers are not broken, words may be."""
    heading = max(map(width_of, column.split()), default=1)
    parts = [width_of(part) for cell in cells for part in re.split(r"(?<=[\s/_,+-])", cell)]
    if column == "title":
        return TITLE
    numbers = [width_of(cell) for cell in cells if cell[:1].isdigit() and len(cell) <= 2 * ROOM]
    return max(heading, min(max(parts, default=1), ROOM), max(numbers, default=1))


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, wide: Sequence[str] = ()
) -> tuple[list[str], list[str], list[str]]:
    """Lines of the heading, lines of the rows, and the columns that were left out."""
    kept, sizes = fitted(columns, rows, width, wide)
    head = _lines([columns[i] for i in kept], sizes, bottom=True)
    body = [line for row in rows for line in _lines([row[i] for i in kept], sizes)]
    return head, body, [column for i, column in enumerate(columns) if i not in kept]


def _lines(cells: Sequence[str], sizes: Sequence[int], *, bottom: bool = False) -> list[str]:
    parts = [wrapped(cell, size) for cell, size in zip(cells, sizes, strict=True)]
    high = max(map(len, parts))
    if bottom:
        parts = [[""] * (high - len(part)) + part for part in parts]
    else:
        parts = [part + [""] * (high - len(part)) for part in parts]
    return [
        (" " * GAP)
        .join(text + " " * (size - width_of(text)) for text, size in zip(line, sizes, strict=True))
        .rstrip()
        for line in zip(*parts, strict=True)
    ]


def sheet(rows: Sequence[tuple[str, str]], width: int) -> list[str]:
    """Lines of `field  value`; a field too long for its column has a line of its own."""
    most = max(12, width * 2 // 5)
    column = max((w for field, _ in rows if (w := width_of(field)) <= most), default=2)
    lines = []
    for field, value in rows:
        told = wrapped(value, max(8, width - column - GAP))
        if width_of(field) > column:
            lines += wrapped(field, width)
            field = ""
        else:
            told[0] = field + " " * (column - width_of(field) + GAP) + told[0]
            lines.append(told.pop(0).rstrip())
        lines += [" " * (column + GAP) + text for text in told]
    return lines
