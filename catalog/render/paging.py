"""Long tables in parts: a page each, complete without a script; none grows with the registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: Rows of one page of a table; the script fetches further parts when a filter needs their rows.
PART = 500


@dataclass(frozen=True, slots=True)
class Part:
    """Rows `first` to `last` (from 1) of `total`; `addresses` are those of all parts."""

    number: int
    address: str
    rows: Sequence[Any]
    first: int
    last: int
    total: int
    addresses: tuple[str, ...]

    def title(self, name: str) -> str:
        """The page's title: that of the table for the first part."""
        return name if self.number == 0 else f"{name}, part {self.number + 1}"


def addresses(folder: str, total: int) -> tuple[str, ...]:
    """Addresses of the parts of a table of `total` rows: `papers/`, `papers-2/` ...

    >>> addresses("papers", 1001)
    ('papers/', 'papers-2/', 'papers-3/')
    """
    parts = max(1, -(-total // PART))
    return (f"{folder}/", *(f"{folder}-{n}/" for n in range(2, parts + 1)))


def parted(folder: str, rows: Sequence[Any]) -> list[Part]:
    """The parts of a table in order; one where it is short or empty."""
    pages = addresses(folder, len(rows))
    return [
        Part(
            number,
            address,
            rows[number * PART : (number + 1) * PART],
            number * PART + 1,
            min((number + 1) * PART, len(rows)),
            len(rows),
            pages,
        )
        for number, address in enumerate(pages)
    ]
