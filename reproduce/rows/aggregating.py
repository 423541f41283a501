"""From rows to a number, by a way that has a name; and all other ways, in the open.

A mean of rows, of cases, of organs and of data sets are different numbers, and so are those that
leave rows without a value out or count them 0 or 1. None of them is a default that goes without
saying: what gave a number is told with it.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from catalog.evidence import Aggregation, Column
from reproduce.rows.tables import FILE, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_FILES = 4  # of which every union is tried
SPREADS: tuple[Literal["sd"], Literal["population sd"]] = ("sd", "population sd")
FILLS = {"0": 0.0, "1": 1.0}


@dataclass(frozen=True, slots=True)
class Number:
    """What came out: `value` None where no row has a value; `sd` over the `n` things averaged."""

    value: float | None
    n: int
    sd: float | None = None


def aggregate(table: Table, column: Column, chosen: NDArray[np.bool_], way: Aggregation) -> Number:
    """The number that the chosen rows give. Rows with impossible values never count."""
    values = table.values(column)
    numbers = values.numbers
    if way.missing in FILLS:
        numbers = np.where(values.empty | values.nan, FILLS[way.missing], numbers)
    counted = chosen & ~np.isnan(numbers)
    return _number(table, numbers, counted, way)


def with_impossible(
    table: Table, column: Column, chosen: NDArray[np.bool_], way: Aggregation
) -> Number:
    """The same with the values that were refused: only to say what they did."""
    written = table.values(column).written
    return _number(table, written, chosen & ~np.isnan(written), way)


def _number(
    table: Table, numbers: NDArray[np.float64], counted: NDArray[np.bool_], way: Aggregation
) -> Number:
    if way.weight is not None:
        weights = table.values(Column(name=way.weight)).numbers[counted]
        total = math.fsum(weights)
        if not total:
            return Number(None, 0)
        mean = math.fsum(numbers[counted] * weights) / total
        return Number(mean, int(counted.sum()))
    units = _units(table, numbers, counted, way)
    if not units:
        return Number(None, 0)
    n = len(units)
    mean = math.fsum(units) / n
    squares = math.fsum((u - mean) ** 2 for u in units)
    sd = math.sqrt(squares / (n - 1)) if n > 1 else None
    if way.statistic == "mean":
        return Number(mean, n, sd)
    if way.statistic == "median":
        return Number(float(statistics.median(units)), n, sd)
    return Number(sd if way.statistic == "sd" else math.sqrt(squares / n), n)


def _units(
    table: Table, numbers: NDArray[np.float64], counted: NDArray[np.bool_], way: Aggregation
) -> list[float]:
    """What the last step is taken over: rows, or one number for each value of `by`."""
    if way.by is None:
        return [float(v) for v in numbers[counted]]
    codes, _ = table.codes(way.by)
    groups: dict[int, list[float]] = {}
    for code, value in zip(codes[counted].tolist(), numbers[counted].tolist(), strict=True):
        groups.setdefault(code, []).append(value)
    if way.inner == "max":
        return [max(group) for group in groups.values()]
    if way.inner == "last":
        return [group[-1] for group in groups.values()]
    return [math.fsum(group) / len(group) for group in groups.values()]


def told(way: Aggregation) -> str:
    """A way in words.

    >>> told(Aggregation(by="case", inner="max"))
    'mean over case of the best of each'
    """
    if way.weight is not None:
        return f"mean weighted by {way.weight}"
    name = {"population sd": "standard deviation (n)", "sd": "standard deviation (n - 1)"}.get(
        way.statistic, way.statistic
    )
    said = f"{name} over rows"
    if way.by is not None:
        inner = {"mean": "mean", "max": "best", "last": "last"}[way.inner]
        said = f"{name} over {way.by} of the {inner} of each"
    if way.missing != "left out":
        said += f", rows without a value as {way.missing}"
    return said


def other_ways(levels: Sequence[str], way: Aggregation, missing: bool) -> Iterator[Aggregation]:
    """Ways that a reader of the printed number might think of, without the declared one."""
    spread = way.statistic in SPREADS
    kinds = SPREADS if spread else ("mean", "median")
    fills = ("left out", "0", "1") if missing and not spread else ("left out",)
    groupings = [(None, "mean"), *((level, "mean") for level in levels)]
    if way.by is not None and way.inner != "mean":
        groupings.append((way.by, way.inner))
    for (by, inner), statistic, fill in itertools.product(groupings, kinds, fills):
        other = Aggregation(by=by, inner=inner, statistic=statistic, missing=fill)  # type: ignore[arg-type]
        if other != way:
            yield other


def unions(table: Table, chosen: NDArray[np.bool_]) -> Iterator[tuple[str, ...]]:
    """Each file of the chosen rows, then each union of them, the whole last.

    Of more than `MOST_FILES` files only each and the whole.
    """
    files = table.distinct(FILE, chosen)
    sizes = range(1, len(files)) if len(files) <= MOST_FILES else (1,)
    for size in sizes:
        yield from itertools.combinations(files, size)
    yield tuple(files)


def interval(number: Number) -> list[float] | None:
    """95 % interval of a mean over independent cases (Student's t), to 6 decimals."""
    if number.value is None or number.sd is None or number.n < 2:
        return None
    from scipy.stats import t

    reach = float(t.ppf(0.975, number.n - 1)) * number.sd / math.sqrt(number.n)
    return [round(number.value - reach, 6), round(number.value + reach, 6)]
