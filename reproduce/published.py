"""Published per-case scores as evidence: do they re-average to the published means?

Reads a table of means (one row per task: `task`, `support`, and value columns) and a folder of
per-mask tables (`<data set>/<name>_metrics.csv`: `file`, and the same value columns). The task of
a mask is what its file name ends in. Written for the tables of microsoft/BiomedParse@750eb40;
nothing in it knows their names.
"""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.errors import InputError

# Published with up to sixteen digits: a mean of the same values agrees to the noise of summing.
AGREES = 1e-9


@dataclass(frozen=True, slots=True)
class Row:
    """One published mean against the masks it should rest on.

    masks        per-mask values found for the task, over all data sets
    differences  value column -> re-averaged minus published
    """

    task: str
    data_sets: tuple[str, ...]
    support: int
    masks: int
    undefined: int
    published: Mapping[str, float]
    recomputed: Mapping[str, float]
    differences: Mapping[str, float]
    agrees: bool
    why_not: str | None


def read_rows(path: Path) -> list[dict[str, str]]:
    """A CSV file as dicts. Raises `InputError` where it is missing or has no rows."""
    if not path.is_file():
        raise InputError(f"{path}: no such table.")
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    if not rows:
        raise InputError(f"{path}: the table has no rows.")
    return rows


def reaverage(means: Path, per_mask: Path, columns: Iterable[str]) -> list[Row]:
    """Every published mean for which there are per-mask values, in the order of the table.

    Raises `InputError` for missing columns, a value that is no number, and a mask given twice.
    """
    columns = tuple(columns)
    published = {row["task"]: row for row in read_rows(means)}
    missing = [c for c in (*columns, "support") if c not in next(iter(published.values()))]
    if missing:
        raise InputError(f"{means}: columns {', '.join(missing)} are not there.")
    tables = sorted(per_mask.rglob("*.csv"))
    if not tables:
        raise InputError(f"{per_mask}: no per-mask table in it.")
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    sets: dict[str, set[str]] = defaultdict(set)
    for path in tables:
        seen: set[str] = set()
        for number, row in enumerate(read_rows(path), start=2):
            if row["file"] in seen:
                raise InputError(f"{path}:{number}: mask {row['file']} is given twice.")
            seen.add(row["file"])
            task = _task(row["file"], published)
            if task is None:
                continue
            sets[task].add(path.parent.name)
            for column in columns:
                values[task][column].append(_number(row[column], path, number, column))
    return [
        _row(task, row, sets[task], values[task], columns)
        for task, row in published.items()
        if task in values
    ]


def _task(file: str, tasks: Iterable[str]) -> str | None:
    """The longest task that a file's name ends in."""
    stem = file.rpartition(".")[0]
    fitting = [task for task in tasks if stem.endswith(f"_{task}")]
    return max(fitting, key=len, default=None)


def _number(text: str, path: Path, line: int, column: str) -> float:
    if text == "":
        return math.nan
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{path}:{line}: {column} is {text!r}, expected a number.") from None


def _row(
    task: str,
    published: Mapping[str, str],
    sets: set[str],
    values: Mapping[str, list[float]],
    columns: tuple[str, ...],
) -> Row:
    stated = {column: float(published[column]) for column in columns}
    found: dict[str, float] = {}
    undefined = 0
    for column in columns:
        defined = [v for v in values[column] if not math.isnan(v)]
        undefined = max(undefined, len(values[column]) - len(defined))
        found[column] = math.fsum(defined) / len(defined) if defined else math.nan
    differences = {column: found[column] - stated[column] for column in columns}
    masks = len(values[columns[0]])
    support = int(float(published["support"]))
    agrees = all(abs(d) <= AGREES for d in differences.values())
    return Row(
        task=task,
        data_sets=tuple(sorted(sets)),
        support=support,
        masks=masks,
        undefined=undefined,
        published=stated,
        recomputed=found,
        differences=differences,
        agrees=agrees,
        why_not=None if agrees else _why_not(support, masks, undefined, sets),
    )


def _why_not(support: int, masks: int, undefined: int, sets: set[str]) -> str:
    """What the counts say about a mean that does not come out; nothing is guessed beyond them."""
    names = ", ".join(sorted(sets))
    if support != masks:
        return (
            f"the published mean rests on {support} masks, the per-mask table of {names} has "
            f"{masks}: they are not the same masks"
        )
    if undefined:
        return f"{undefined} of {masks} values are undefined; how they were averaged is not known"
    return f"{masks} masks in both: the values differ"


def document(rows: list[Row], source: str) -> dict[str, Any]:
    """For `reproduce/results/published/*.json`: evidence level recomputed."""
    return {
        "schema": "published/1",
        "evidence": "recomputed",
        "source": source,
        "agree": sum(row.agrees for row in rows),
        "of": len(rows),
        "rows": [
            {
                "task": row.task,
                "data_sets": list(row.data_sets),
                "support": row.support,
                "masks": row.masks,
                "published": {k: round(v, 6) for k, v in row.published.items()},
                "recomputed": {k: round(v, 6) for k, v in row.recomputed.items()},
                "differences": {k: round(v, 6) for k, v in row.differences.items()},
                "agrees": row.agrees,
                "why_not": row.why_not,
            }
            for row in rows
        ],
    }
