"""Whole printed tables against rows, two tables of one thing, and totals with hidden weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from catalog.errors import InputError
from catalog.evidence import (
    Every,
    Item,
    SameRows,
    Share,
    Source,
    State,
    Weighing,
    Weights,
    Whole,
)
from catalog.records import Claim
from reproduce.rows.aggregating import aggregate, told, unions
from reproduce.rows.checking import finite
from reproduce.rows.printed import noise, rounding_of
from reproduce.rows.tables import FILE, ROW, Table, text

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_PARTNER = "rows of {} have no partner"
SHOWN = 40  # of the values that differ; all are counted


def every(source: Source, check: Every, rows: Table, printed: Table) -> Whole:
    """Each value of a printed table against the aggregate of the rows it should follow from.

    Raises `InputError` for a value of the table under which there is no row.
    """
    lines = np.flatnonzero(printed.select(check.printed_where)).tolist()
    base = rows.select(check.where)
    agree, of, largest = 0, 0, 0.0
    differing: list[Item] = []
    some: list[Item] = []
    for line in lines:
        chosen = base.copy()
        for column, beside in check.match.items():
            chosen &= rows.select({column: text(printed.column(beside)[line])})
        name = " ".join(text(printed.column(c)[line]) for c in check.match.values())
        if not chosen.any():
            raise InputError(f"{source.id}: {check.name}: no row for {name or check.printed}.")
        for column, beside in check.columns.items():
            stated = finite(printed.column(beside)[line]) / check.scale
            item, meets = _item(source, check, rows, chosen, column, stated)
            if not meets and check.count is not None:
                said = int(finite(printed.column(check.count)[line]))
                item = _of_size(source, check, rows, chosen, item, said)
            item.name = name
            of += 1
            agree += meets
            if item.value is not None:
                largest = max(largest, abs(item.value - stated))
            if not meets:
                differing.append(item)
            elif item.files_left and (name, item.files) not in [(s.name, s.files) for s in some]:
                some.append(item)
    return every_concluded(check, of, agree, largest, differing, some)


def every_concluded(
    check: Every,
    of: int,
    agree: int,
    largest: float,
    differing: Sequence[Item],
    some: Sequence[Item],
) -> Whole:
    """What was counted of a whole printed table, and what follows from it."""
    state: State = "agrees" if agree == of else "differs"
    return Whole(
        name=check.name,
        of=of,
        agree=agree,
        largest_difference=short(largest),
        state=state if check.judged else "not enough",
        how=told(check.aggregation),
        differing=_furthest(differing),
        some_files=list(some),
        reason=None if agree == of else f"{of - agree} of {of} printed values do not come out",
    )


def _item(
    source: Source,
    check: Every,
    rows: Table,
    chosen: NDArray[np.bool_],
    column: str,
    stated: float,
) -> tuple[Item, bool]:
    """One value: over all its rows, else over the files that give it."""
    declared = source.column(column)
    within = rounding_of(declared) + noise(stated)
    if check.decimals is not None:
        within += 0.5 * 10.0**-check.decimals / check.scale * (1 + 1e-9)
    files = tuple(rows.distinct(FILE, chosen))
    whole = aggregate(rows, declared, chosen, check.aggregation)
    best = Item(name="", column=column, printed=stated, value=whole.value, n=whole.n)
    meets = whole.value is not None and abs(whole.value - stated) <= within
    if meets or not check.search or len(files) < 2:
        return best, meets
    for union in unions(rows, chosen):
        here = chosen & np.isin(rows.columns[FILE], union)
        found = aggregate(rows, declared, here, check.aggregation)
        if found.value is not None and abs(found.value - stated) <= within:
            left = [f for f in files if f not in union]
            return (
                Item(
                    name="",
                    column=column,
                    printed=stated,
                    value=found.value,
                    n=found.n,
                    files=list(union),
                    files_left=left,
                ),
                True,
            )
    best.files = list(files)
    return best, False


def _furthest(items: Sequence[Item]) -> list[Item]:
    """Those that are furthest apart first; `SHOWN` of them."""

    def apart(item: Item) -> tuple[float, str, str]:
        far = math.inf if item.value is None else abs(item.value - item.printed)
        return -far, item.name, item.column

    return sorted(items, key=apart)[:SHOWN]


def _of_size(
    source: Source, check: Every, rows: Table, chosen: NDArray[np.bool_], item: Item, said: int
) -> Item:
    """The files that have as many rows as the table says, where some do: the fair comparison."""
    for union in unions(rows, chosen):
        here = chosen & np.isin(rows.columns[FILE], union)
        found = aggregate(rows, source.column(item.column), here, check.aggregation)
        if found.n == said:
            return Item(
                name="",
                column=item.column,
                printed=item.printed,
                value=found.value,
                n=found.n,
                files=list(union),
            )
    return item


def short(value: float) -> float:
    """Three significant digits: how far, not more."""
    return float(f"{value:.3g}")


def same_rows(source: Source, check: SameRows, one: Table, other: Table) -> Whole:
    """Two tables row by row, joined on a key; rows of one without a partner are counted."""
    keys = list(check.key)
    grouped = _by_key(one, keys)
    partners = _by_key(other, list(check.key.values()))
    agree, of, largest, without = 0, 0, 0.0, 0
    differing: list[Item] = []
    for key, rows in grouped.items():
        if key not in partners:
            without += 1
            continue
        for column, beside in check.columns.items():
            theirs = other.values(source.column(beside)).numbers[partners[key][0]]
            chosen = np.zeros(len(one), dtype=bool)
            chosen[rows if check.aggregation else rows[:1]] = True
            declared = source.column(column)
            if check.aggregation is None:
                ours: float | None = float(one.values(declared).numbers[rows[0]])
            else:
                ours = aggregate(one, declared, chosen, check.aggregation).value
            if ours is None or math.isnan(ours) or math.isnan(theirs):
                continue
            of += 1
            apart = abs(ours - float(theirs))
            largest = max(largest, apart)
            if apart <= check.within + noise(float(theirs)):
                agree += 1
            else:
                differing.append(
                    Item(
                        name=" ".join(key),
                        column=column,
                        printed=float(theirs),
                        value=ours,
                        n=len(rows),
                    )
                )
    if not of:
        raise InputError(f"{source.id}: {check.name}: the two tables have no row in common.")
    return same_rows_concluded(check, of, agree, largest, differing, without)


def same_rows_concluded(
    check: SameRows,
    of: int,
    agree: int,
    largest: float,
    differing: Sequence[Item],
    without: int,
) -> Whole:
    """What was counted of two tables, and what follows from it.

    without  rows of the one that have no partner
    """
    said = [f"{of - agree} of {of} values are further apart than {check.within:g}"]
    if without:
        said.append(f"{without} {NO_PARTNER.format(check.one)}")
    return Whole(
        name=check.name,
        of=of,
        agree=agree,
        largest_difference=short(largest),
        state="agrees" if agree == of else "differs",
        how="row by row" if check.aggregation is None else told(check.aggregation),
        differing=_furthest(differing),
        reason="; ".join(said[agree == of :]) or None,
    )


def _by_key(table: Table, names: Sequence[str]) -> dict[tuple[str, ...], list[int]]:
    found: dict[tuple[str, ...], list[int]] = {}
    columns = [table.column(name) for name in names]
    for i in range(len(table)):
        found.setdefault(tuple(text(c[i]) for c in columns), []).append(i)
    return found


def printed_parts(check: Weights, claims: Mapping[str, Claim]) -> Table:
    """Parts of totals as the registry records them. Raises `InputError` for an unknown claim."""
    rows: list[dict[str, Any]] = []
    for part, by_column in check.registry.items():
        unknown = [claim for claim in by_column.values() if claim not in claims]
        if unknown:
            raise InputError(f"{check.name}: there is no claim {', '.join(unknown)}.")
        values = {column: claims[claim].value for column, claim in by_column.items()}
        rows.append({check.part: part, ROW: str(len(rows) + 1)} | values)
    return Table.of(check.name, rows, [check.part])


def weighing(source: Source, check: Weights, table: Table) -> Weighing:
    """Is there one set of weights that gives every total, and what must each weight be?

    A linear programme: weights of 0 or more that sum to 1; each total within the rounding of total
    and parts. `shares` are least and most of each weight over all solutions, to 3 decimals.
    """
    from scipy.optimize import linprog

    names, _ = table.codes(check.part)
    parts = [text(p) for p in table.column(check.part)]
    total = parts.index(check.total) if check.total in parts else None
    if total is None:
        raise InputError(f"{source.id}: {check.name}: no row is called {check.total!r}.")
    rows = [i for i in range(len(names)) if i != total]
    values = np.array([table.values(source.column(c)).numbers[rows] for c in check.columns])
    totals = np.array([table.values(source.column(c)).numbers[total] for c in check.columns])
    scale = source.column(check.columns[0]).scale
    within = 10.0**-check.decimals / scale
    bounds = np.concatenate([totals + within, within - totals])
    sides = np.concatenate([values, -values])

    def extreme(sign: float, part: int) -> float | None:
        goal = np.zeros(len(rows))
        goal[part] = sign
        found = linprog(
            goal, sides, bounds, np.ones((1, len(rows))), np.ones(1), (0, 1), method="highs"
        )
        return float(found.x[part]) if found.success else None

    shares = []
    for number, row in enumerate(rows):
        least, most = extreme(1, number), extreme(-1, number)
        if least is None or most is None:
            return _weighing(check, values, totals, [])
        shares.append(Share(part=parts[row], least=round(least, 4), most=round(most, 4)))
    return _weighing(check, values, totals, shares)


def _weighing(
    check: Weights,
    values: NDArray[np.float64],
    totals: NDArray[np.float64],
    shares: list[Share],
) -> Weighing:
    return Weighing(
        name=check.name,
        columns=list(check.columns),
        totals=[float(t) for t in totals],
        unweighted=[math.fsum(v) / len(v) for v in values.tolist()],
        possible=bool(shares),
        shares=shares,
        claims=dict(check.claims),
    )
