"""Rows in memory: text and numbers by column, selected by value, told apart by what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog.errors import InputError
from catalog.evidence import Between, Column, Wanted
from catalog.metrics import FRACTIONS, LENGTHS

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE, ROW = "in_file", "row"  # every table has them: which file, and the how manyth row of it
SHARES = FRACTIONS | {"precision", "recall", "boundary_f1"}
ABOVE_ONE = 1e-6  # what summing single floats may put on top of 1
NAN = frozenset({"nan", "n/a", "na", "none", "null"})


@dataclass(frozen=True, slots=True)
class Values:
    """A column as fractions or lengths; NaN where there is no value that counts.

    empty, nan, refused   (rows,) bool: nothing written, NaN written, a value that cannot be
    """

    numbers: NDArray[np.float64]
    empty: NDArray[np.bool_]
    nan: NDArray[np.bool_]
    refused: NDArray[np.bool_]
    written: NDArray[np.float64]  # with the refused ones


@dataclass(slots=True)
class Table:
    """Columns of one length. `name` is what messages call it."""

    name: str
    columns: dict[str, NDArray[np.object_]]
    key: Sequence[str] = ()
    _codes: dict[str, tuple[NDArray[np.int64], dict[str, int]]] = field(default_factory=dict)
    _values: dict[tuple[str, str | None, int], Values] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, rows: Sequence[Mapping[str, Any]], key: Sequence[str] = ()) -> Table:
        """A table of dicts that may lack columns (None there)."""
        names = list(dict.fromkeys(column for row in rows for column in row))
        columns: dict[str, NDArray[np.object_]] = {}
        for column in names:
            array: NDArray[np.object_] = np.empty(len(rows), dtype=object)
            array[:] = [row.get(column) for row in rows]
            columns[column] = array
        return cls(name, columns, key)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def column(self, name: str) -> NDArray[np.object_]:
        """A column. Raises `InputError` naming those that are there."""
        if name not in self.columns:
            there = ", ".join(self.columns)
            raise InputError(f"{self.name}: there is no column {name!r}; there are: {there}.")
        return self.columns[name]

    def codes(self, name: str) -> tuple[NDArray[np.int64], dict[str, int]]:
        """A column as numbers of its distinct texts, in the order in which they first stand."""
        if name not in self._codes:
            known: dict[str, int] = {}
            numbers = [known.setdefault(text(v), len(known)) for v in self.column(name)]
            self._codes[name] = (np.array(numbers, dtype=np.int64), known)
        return self._codes[name]

    def select(self, where: Mapping[str, Wanted]) -> NDArray[np.bool_]:
        """Rows whose columns have the wanted values."""
        chosen = np.ones(len(self), dtype=bool)
        for name, wanted in where.items():
            numbers, known = self.codes(name)
            if isinstance(wanted, Between):
                fitting = [c for t, c in known.items() if wanted.start <= t <= wanted.end]
            else:
                texts = [wanted] if isinstance(wanted, str) else wanted
                fitting = [known[t] for t in texts if t in known]
            chosen &= np.isin(numbers, fitting)
        return chosen

    def distinct(self, name: str, chosen: NDArray[np.bool_]) -> list[str]:
        """Texts of a column in the chosen rows, in the order in which they first stand."""
        numbers, known = self.codes(name)
        texts = list(known)
        return [texts[c] for c in sorted(set(numbers[chosen].tolist()))]

    def values(self, column: Column) -> Values:
        """Numbers of a column, in fractions where its scale is 100.

        Raises `InputError` naming the row of a text that is no number.
        """
        known = (column.name, column.metric, column.scale)
        if known not in self._values:
            self._values[known] = self._parsed(column)
        return self._values[known]

    def _parsed(self, column: Column) -> Values:
        raw = self.column(column.name)
        size = len(raw)
        numbers = np.full(size, np.nan)
        empty, nan = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
        for i, value in enumerate(raw):
            if value is None or value == "":
                empty[i] = True
                continue
            try:
                numbers[i] = float(value)
            except (TypeError, ValueError):
                if str(value).strip().lower() in NAN:
                    nan[i] = True
                    continue
                raise InputError(
                    f"{self.row_name(i)}: {column.name} is {value!r}, expected a number."
                ) from None
            nan[i] = math.isnan(numbers[i])
        written = numbers / column.scale
        refused = impossible(written, column.metric)
        return Values(np.where(refused, np.nan, written), empty, nan, refused, written)

    def row_name(self, i: int) -> str:
        """A row in words: its file, and what its key says, else its number."""
        file = text(self.columns[FILE][i]) if FILE in self.columns else self.name
        said = " ".join(text(self.columns[k][i]) for k in self.key if k in self.columns)
        return f"{file}: {said or 'row ' + text(self.columns[ROW][i])}"


def impossible(values: NDArray[np.float64], metric: str | None) -> NDArray[np.bool_]:
    """Values that no mask can have: a share outside 0 to 1, a length below 0 or without end."""
    with np.errstate(invalid="ignore"):
        if metric in SHARES:
            return np.asarray((values < -ABOVE_ONE) | (values > 1 + ABOVE_ONE))
        if metric in LENGTHS:
            return np.asarray((values < 0) | np.isinf(values))
    return np.zeros(len(values), dtype=bool)


def text(value: Any) -> str:
    """A cell as text for comparing and showing; nothing is ''."""
    return "" if value is None else str(value)
