"""Printed numbers against rows: which way from the rows gives the printed digits, and which not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from catalog.errors import InputError
from catalog.evidence import (
    Aggregation,
    Answer,
    Check,
    Column,
    Common,
    Source,
    State,
    Tried,
)
from catalog.records import Claim
from reproduce.rows.aggregating import (
    SPREADS,
    Number,
    aggregate,
    interval,
    other_ways,
    told,
    unions,
    with_impossible,
)
from reproduce.rows.printed import Printed, printed_of, rounding_of
from reproduce.rows.tables import FILE, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray


def in_common(table: Table, chosen: NDArray[np.bool_], common: Common) -> NDArray[np.bool_]:
    """Those of the chosen rows whose key stands there for every value of `over`."""
    over, _ = table.codes(common.over)
    keys = [table.codes(name)[0].tolist() for name in common.key]
    wanted = set(over[chosen].tolist())
    seen: dict[tuple[int, ...], set[int]] = {}
    rows = np.flatnonzero(chosen).tolist()
    for i in rows:
        seen.setdefault(tuple(key[i] for key in keys), set()).add(int(over[i]))
    kept = np.zeros(len(table), dtype=bool)
    for i in rows:
        kept[i] = seen[tuple(key[i] for key in keys)] == wanted
    return kept


def chosen_rows(source: Source, table: Table, check: Check) -> NDArray[np.bool_]:
    """The rows that a check is about.

    What all boxes (say) have in common is decided before one of them is picked.
    """
    if check.common is None:
        chosen = table.select(check.where)
    else:
        rest = {k: v for k, v in check.where.items() if k != check.common.over}
        chosen = in_common(table, table.select(rest), check.common)
        if check.common.over in check.where:
            chosen &= table.select({check.common.over: check.where[check.common.over]})
    if check.with_value is not None:
        beside = table.values(source.column(check.with_value))
        chosen &= ~np.isnan(beside.numbers)
    return chosen


def answer(
    source: Source,
    check: Check,
    table: Table,
    levels: Sequence[str],
    claims: Mapping[str, Claim],
) -> Answer:
    """What the rows say about one number. Raises `InputError` for a record that does not fit."""
    column = source.column(check.column)
    chosen = chosen_rows(source, table, check)
    if not chosen.any():
        wanted = ", ".join(f"{k} {v}" for k, v in check.where.items())
        raise InputError(f"{source.id}: {check.name}: no row has {wanted or 'a value'}.")
    printed = _printed(source, check, claims)
    values = table.values(column)
    picked, left, number, tried = _computed(table, column, chosen, check, levels, printed)
    rows = np.isin(table.columns[FILE], picked) & chosen if check.search else chosen
    counted = Answer(
        name=check.name,
        column=check.column,
        value=number.value,
        n=number.n,
        how="",
        state="not enough",
        files=list(picked) if check.search else [],
        files_left=left,
        empty=int((values.empty & rows).sum()),
        nan=int((values.nan & rows).sum()),
        zero=int(((values.numbers == 0) & rows).sum()),
        refused=int((values.refused & rows).sum()),
        sd=number.sd,
        tried=tried,
    )
    return concluded(source, check, counted, claims)


def concluded(source: Source, check: Check, counted: Answer, claims: Mapping[str, Claim]) -> Answer:
    """What was counted in the rows, and all that follows from it, from the record and from the
    claim: interval, what meets the printed digits, state and reason."""
    column = source.column(check.column)
    printed = _printed(source, check, claims)
    rounding = rounding_of(column)
    tried = [
        _tried(t.how, Number(t.value, t.n), printed is not None and printed.met(t.value, rounding))
        for t in counted.tried
    ]
    cases = source.rows == "cases" and check.aggregation == Aggregation()
    number = Number(counted.value, counted.n, counted.sd)
    state, reason = _state(printed, number, column, tried, counted.files, check)
    return msgspec.structs.replace(
        counted,
        name=check.name,
        column=check.column,
        how=told(check.aggregation),
        state=state,
        claim=check.claim,
        printed=None if printed is None else printed.text,
        scale=check.scale if printed is None else printed.scale,
        place=check.place or (claims[check.claim].source.place if check.claim else None),
        row_decimals=column.decimals,
        interval=interval(number) if cases else None,
        reason=reason,
        parts=list(check.parts),
        tried=tried,
    )


def _printed(source: Source, check: Check, claims: Mapping[str, Claim]) -> Printed | None:
    if check.claim is None:
        return None if check.printed is None else Printed(check.printed, check.scale)
    if check.claim not in claims:
        raise InputError(f"{source.id}: {check.name}: there is no claim {check.claim!r}.")
    return printed_of(claims[check.claim])


def _computed(
    table: Table,
    column: Column,
    chosen: NDArray[np.bool_],
    check: Check,
    levels: Sequence[str],
    printed: Printed | None,
) -> tuple[tuple[str, ...], list[str], Number, list[Tried]]:
    """The files taken and left, the number, and every other way that was tried."""
    way = check.aggregation
    rounding = rounding_of(column)

    def meets(number: Number) -> bool:
        return printed is not None and printed.met(number.value, rounding)

    tried: list[Tried] = []
    files = tuple(table.distinct(FILE, chosen))
    picked, number = files, aggregate(table, column, chosen, way)
    if check.search and len(files) > 1:
        fitting = []
        for union in unions(table, chosen):
            rows = chosen & np.isin(table.columns[FILE], union)
            found = aggregate(table, column, rows, way)
            tried.append(_tried(ONLY + " + ".join(union), found, meets(found)))
            if meets(found):
                fitting.append((union, found))
        if fitting:
            picked, number = fitting[0]
        chosen = chosen & np.isin(table.columns[FILE], picked)
    values = table.values(column)
    missing = bool(((values.empty | values.nan) & chosen).any())
    for other in other_ways(levels, way, missing):
        found = aggregate(table, column, chosen, other)
        if found.value is not None and not _same(found, number):
            tried.append(_tried(told(other), found, meets(found)))
    if (values.refused & chosen).any():
        found = with_impossible(table, column, chosen, way)
        tried.append(_tried(IMPOSSIBLE, found, meets(found)))
    return picked, [f for f in files if f not in picked], number, tried


ONLY = "only "  # before the files that were taken
IMPOSSIBLE = "with the values that no mask can have"


def _same(one: Number, other: Number) -> bool:
    return one.value is not None and one.value == other.value and one.n == other.n


def _tried(how: str, number: Number, meets: bool) -> Tried:
    return Tried(how=how, value=number.value, n=number.n, meets=meets)


def _state(
    printed: Printed | None,
    number: Number,
    column: Column,
    tried: Sequence[Tried],
    picked: Sequence[str],
    check: Check,
) -> tuple[State, str | None]:
    if printed is None:
        return "not enough", "no printed number stands beside it"
    if printed.met(number.value):
        one = [t for t in tried if t.meets and t.how.startswith(ONLY)]
        if len(one) == 1 and check.search:
            return "agrees", f"the printed digits are those of {' + '.join(picked)} alone"
        return "agrees", None
    if printed.met(number.value, rounding_of(column)):
        return "agrees", f"within the rounding of rows with {column.decimals} decimals"
    others = [t.how for t in tried if t.meets]
    if others:
        return "differs", f"the printed digits come out only as: {'; '.join(others)}"
    spread = "" if check.aggregation.statistic in SPREADS else " mean or median"
    return "differs", f"no{spread} that was tried has the printed digits"


def judge_parts(answers: Sequence[Answer]) -> list[Answer]:
    """A number whose parts are printed beside it agrees only where they do."""
    by_name = {a.name: a for a in answers}
    judged = []
    for found in answers:
        absent = [name for name in found.parts if name not in by_name]
        if absent:
            raise InputError(f"{found.name}: no check is called {', '.join(absent)}.")
        off = [name for name in found.parts if by_name[name].state == "differs"]
        if off and found.state == "agrees":
            found.state = "differs"
            found.reason = (
                f"the printed digits are met, but not those of {len(off)} of its "
                f"{len(found.parts)} parts: {', '.join(off)}"
            )
        judged.append(found)
    return judged


def finite(value: Any) -> float:
    """A number of a printed table. Raises `InputError` for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"expected a printed number, got {value!r}.") from None
    if not math.isfinite(number):
        raise InputError(f"expected a printed number, got {value!r}.")
    return number
