"""Somebody's own table of scores: what its columns are, what is wrong, what gives a number.

Nothing is assumed: a column of numbers is told with its range and what it could be, and a metric
is taken from a column's name only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from catalog.errors import InputError
from catalog.evidence import Aggregation, Column, Scale, Tried
from reproduce.ground.tables import read_table
from reproduce.rows.aggregating import SPREADS, aggregate, other_ways, told, with_impossible
from reproduce.rows.checking import IMPOSSIBLE
from reproduce.rows.printed import Printed
from reproduce.rows.recomputing import MOST_NAMED, double_rows
from reproduce.rows.tables import FILE, NAN, ROW, Table, text

NAMES = {  # what a column's name must have in it
    "dice": r"dice|dsc|dsl|\bf1\b",
    "iou": r"iou|jaccard|jac\b",
    "nsd": r"nsd|surface.?dice|nsurf",
    "hd95": r"hd_?95|hausdorff.*95",
    "hd": r"\bhd\b|hausdorff",
    "assd": r"assd|\basd\b",
}
FEW_OF_MANY = 0.5  # a level has at most so many values a row
IDS = frozenset({"", "id", "case", "case_id", "index", "slice", "slice_idx", "patient"})


@dataclass(slots=True)
class Described:
    """A column. `kind` number or text; counts and range of numbers as they are written."""

    name: str
    kind: str
    distinct: int
    metric: str | None = None
    scale: Scale = 1
    least: float | None = None
    most: float | None = None
    mean: float | None = None
    n: int = 0
    empty: int = 0
    nan: int = 0
    zero: int = 0
    one: int = 0
    refused: list[str] = field(default_factory=list)


@dataclass(slots=True)
class OwnTable:
    """What was found. `met`: every way to the printed number, by column; `tried`: the others."""

    file: str
    rows: int
    key: list[str]
    levels: list[str]
    columns: list[Described]
    double: list[str]
    missing: list[str]
    printed: str | None = None
    met: dict[str, list[Tried]] = field(default_factory=dict)
    tried: dict[str, list[Tried]] = field(default_factory=dict)


def describe(
    path: Path, printed: str | None = None, columns: Sequence[str] = (), key: Sequence[str] = ()
) -> OwnTable:
    """Read and describe a table; with `printed`, search what gives it.

    printed  as printed; a number above 1 beside shares is taken as percent
    columns  only these numbers; key: what names a row, else the columns of text together
    Raises `InputError` naming what is wrong with the file.
    """
    table = _table(path)
    for name in (*columns, *key):
        table.column(name)
    names = [name for name in table.columns if name not in (FILE, ROW)]
    kinds = {name: _kind(table, name) for name in names}
    table.key = list(key) or [name for name in names if kinds[name] == "text"]
    described = [_column(table, name, kinds[name]) for name in names]
    by_name = {d.name: d for d in described}
    texts = [d for d in described if d.kind == "text"]
    levels = [d.name for d in texts if 1 < d.distinct <= len(table) * FEW_OF_MANY]
    found = OwnTable(
        file=path.name,
        rows=len(table),
        key=list(table.key),
        levels=levels,
        columns=described,
        double=double_rows(table, table.key)[:MOST_NAMED],
        missing=_missing(table, table.key)[:MOST_NAMED],
        printed=printed,
    )
    if printed is not None:
        wanted = [by_name[n] for n in columns] or [d for d in described if d.kind == "number"]
        for one in wanted:
            if one.kind != "number":
                raise InputError(f"{path}: {one.name} holds text; expected a column of numbers.")
            _search(table, one, printed, levels, found)
    return found


def _table(path: Path) -> Table:
    written = read_table(path)
    if not written.rows:
        raise InputError(f"{path}: no row in it.")
    for line, cells in written.rows:
        if len(cells) != len(written.columns):
            expected = len(written.columns)
            raise InputError(f"{path}:{line}: expected {expected} cells as in the heading.")
    rows = [
        cells | {ROW: str(number), FILE: path.name}
        for number, (_, cells) in enumerate(written.rows, start=1)
    ]
    table = Table.of(path.name, rows)
    for name in written.columns if written.decimal_comma else ():
        column = table.columns[name]
        if all(map(_is_decimal, column)):
            column[:] = [cell.replace(",", ".") for cell in column]
    return table


def _kind(table: Table, name: str) -> str:
    """number or text; numbers that name rows are text."""
    cells = [text(v) for v in table.columns[name]]
    filled = [c for c in cells if c and c.lower() not in NAN]
    if name.lower() in IDS or not filled or not all(_is_number(c) for c in filled):
        return "text"
    return "number"


def _column(table: Table, name: str, kind: str) -> Described:
    found = Described(name, kind, len({text(v) for v in table.columns[name]}))
    if kind == "text":
        return found
    metric = next((m for m, pattern in NAMES.items() if re.search(pattern, name.lower())), None)
    written = table.values(Column(name=name)).numbers
    there = written[~np.isnan(written)]
    found.metric = metric
    share = metric in ("dice", "iou", "nsd")
    found.scale = 100 if share and float(np.median(there)) > 1 else 1
    values = table.values(Column(name=name, metric=metric, scale=found.scale))
    found.least, found.most = float(there.min()), float(there.max())
    number = aggregate(table, Column(name=name, metric=metric, scale=found.scale), _all(table), WAY)
    found.mean, found.n = number.value, number.n
    found.empty, found.nan = int(values.empty.sum()), int(values.nan.sum())
    found.zero = int((values.numbers == 0).sum())
    found.one = int((values.numbers == 1).sum())
    found.refused = [
        f"{table.row_name(i)}: {written[i]:g}" for i in np.flatnonzero(values.refused).tolist()
    ][:MOST_NAMED]
    return found


WAY = Aggregation()


def _all(table: Table) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.ones(len(table), dtype=bool)


def _is_decimal(cell: str) -> bool:
    """Whether it may be a number that is written with a decimal comma, or stands for none."""
    return not cell or cell.lower() in NAN or re.fullmatch(r"[-+]?\d*(,\d+)?", cell) is not None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _missing(table: Table, key: Sequence[str]) -> list[str]:
    """Of two columns that name a row: pairs that have none, where nearly all do."""
    if len(key) != 2:
        return []
    first, second = (table.column(k) for k in key)
    pairs = {(text(a), text(b)) for a, b in zip(first, second, strict=True)}
    ones, others = sorted({p[0] for p in pairs}), sorted({p[1] for p in pairs})
    absent = [(a, b) for a in ones for b in others if (a, b) not in pairs]
    few = len(absent) <= FEW_OF_MANY * len(ones) * len(others) / 2
    return [f"{a} {b}" for a, b in absent] if few else []


def _search(
    table: Table, one: Described, printed: str, levels: Sequence[str], found: OwnTable
) -> None:
    column = Column(name=one.name, metric=one.metric, scale=one.scale)
    number = Printed(printed)
    if one.metric in ("dice", "iou", "nsd") and number.value > 1:
        number = Printed(printed, 100)
    chosen = _all(table)
    missing = bool(one.empty or one.nan)
    ways = [WAY, *other_ways(levels, WAY, missing)]
    ways += [Aggregation(statistic=s) for s in SPREADS]
    ways += [Aggregation(by=level, statistic=s) for level in levels for s in SPREADS]
    ways += [Aggregation(by=level, inner="max") for level in levels]
    tried = []
    for way in ways:
        got = aggregate(table, column, chosen, way)
        if got.value is not None:
            tried.append(_tried(told(way), got.value, got.n, number))
    for level in levels:
        for value in table.distinct(level, chosen):
            got = aggregate(table, column, table.select({level: value}), WAY)
            if got.value is not None:
                tried.append(_tried(f"mean of {level} {value}", got.value, got.n, number))
    if one.refused:
        got = with_impossible(table, column, chosen, WAY)
        if got.value is not None:
            tried.append(_tried(IMPOSSIBLE, got.value, got.n, number))
    found.met[one.name] = [t for t in tried if t.meets]
    found.tried[one.name] = [t for t in tried if not t.meets]


def _tried(how: str, value: float, n: int, printed: Printed) -> Tried:
    return Tried(how=how, value=value, n=n, meets=printed.met(value))
