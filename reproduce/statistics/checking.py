"""What holds between the rows of statistics that were counted.

Counts of one reference are the same whatever is predicted, a higher threshold never finds more,
a histogram adds up to the counts beside it. `problems` says where a table breaks such a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from reproduce.statistics.schema import COUNTS, KEYS

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

SCOPES = ("image", "slice", "volume")
MOST_PIXELS = 1 << 40  # of one plane or volume
AREA = 1e-6  # relative rounding of summed areas of surface elements
VALUES = ("predicted_iou", "histogram", "surfaces", "components")


@dataclass(frozen=True, slots=True)
class Problem:
    """`column`: what is wrong there; `message`: in which row, expected and got."""

    column: str
    message: str


def problems(table: pa.Table) -> list[Problem]:
    """Everything in which a table contradicts itself; [] where nothing does. `validated` first."""
    if table.num_rows == 0:
        return [Problem("", "expected rows, got none")]
    found = list(_keys(table))
    if found:  # what follows groups rows by their keys
        return found
    rows = _Rows(table)
    for check in (_values, _references, _thresholds, _estimates, _histograms, _volumes):
        found += check(rows)
        if found:  # one fault shows in many ways: the first says what it is
            return found
    return [*_surfaces(rows), *_components(rows)]


class _Rows:
    """Columns as arrays. `counted`: which rows have counts; a null slice or threshold is -1."""

    def __init__(self, table: pa.Table) -> None:
        import numpy as np

        self.table = table
        self.failure = table["failure"].to_pylist()
        self.counted = np.array([reason is None for reason in self.failure])
        self.codes = {name: _codes(table[name]) for name in KEYS}
        self.threshold = _floats(table["threshold"], -1.0)
        self.scope = np.array(table["scope"].to_pylist())
        self.counts = {name: _integers(table[name]) for name in COUNTS}
        self.size = np.sum([self.counts[name] for name in COUNTS], axis=0)

    def group(self, *names: str) -> NDArray[np.int64]:
        """The group of each row: rows that share `names`."""
        import numpy as np

        keys = np.stack([self.codes[name] for name in names], axis=1)
        return np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)

    def where(self, row: int) -> str:
        """A row as people find it."""
        found = {name: self.table[name][int(row)].as_py() for name in KEYS}
        return ", ".join(f"{name} {value!r}" for name, value in found.items() if value is not None)


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    import numpy as np
    import pyarrow.compute as pc

    encoded = pc.dictionary_encode(column).combine_chunks()
    return np.asarray(pc.fill_null(encoded.indices, -1), np.int64)


def _floats(column: pa.ChunkedArray, null: float) -> NDArray[np.float64]:
    import numpy as np
    import pyarrow.compute as pc

    return np.asarray(pc.fill_null(column, null), np.float64)


def _integers(column: pa.ChunkedArray) -> NDArray[np.int64]:
    import numpy as np
    import pyarrow.compute as pc

    return np.asarray(pc.fill_null(column, -1), np.int64)


def _keys(table: pa.Table) -> Iterator[Problem]:
    """Null, nonsense and double keys."""
    import numpy as np
    import pyarrow.compute as pc

    for name in ("case", "label", "scope", "object", "round", "seed", "candidate"):
        if table[name].null_count:
            yield Problem(name, "expected a value in every row, got null")
            return
    if unknown := sorted(set(table["scope"].to_pylist()) - set(SCOPES)):
        yield Problem("scope", f"expected image, slice or volume, got {unknown[0]!r}")
    for name in ("slice", "object", "round", "candidate"):
        if (pc.min(table[name]).as_py() or 0) < 0:
            yield Problem(name, f"expected 0 or more, got {pc.min(table[name]).as_py()}")
    for name in ("case", "label"):
        if "" in set(table[name].to_pylist()):
            yield Problem(name, "expected a name, got an empty one")
    thresholds = _floats(table["threshold"], 0.0)
    if not ((thresholds >= 0) & (thresholds <= 1)).all():
        yield Problem("threshold", "expected probabilities in 0-1")
    failed = np.asarray(pc.is_valid(table["failure"]))
    sliced = np.asarray(pc.is_valid(table["slice"]))
    scope = np.array(table["scope"].to_pylist())
    if ((sliced != (scope == "slice")) & ~failed).any():
        yield Problem("slice", "expected a number in rows of scope slice, and in no other")
    counted = table.select(KEYS).group_by(list(KEYS)).aggregate([([], "count_all")])
    if counted.num_rows != table.num_rows:
        double = counted.filter(pc.greater(counted["count_all"], 1)).slice(0, 1).to_pylist()[0]
        named = ", ".join(f"{name} {double[name]!r}" for name in KEYS if double[name] is not None)
        yield Problem("case", f"expected one row, got {double['count_all']}: {named}")


def _values(rows: _Rows) -> Iterator[Problem]:
    """Counts in every row that has no failure, and nothing in those that have one."""
    import numpy as np
    import pyarrow.compute as pc

    table = rows.table
    for name, values in rows.counts.items():
        there = np.asarray(pc.is_valid(table[name]))
        for row in np.flatnonzero(there & ~rows.counted)[:1]:
            yield Problem(
                name, f"expected no count of a failed case, got {values[row]}: {rows.where(row)}"
            )
        wrong = rows.counted & ((values < 0) | (values > MOST_PIXELS) | ~there)
        for row in np.flatnonzero(wrong)[:1]:
            got = values[row] if there[row] else "null"
            yield Problem(name, f"expected 0 to {MOST_PIXELS}, got {got}: {rows.where(row)}")
    for name in VALUES:
        there = np.asarray(pc.is_valid(table[name]))
        for row in np.flatnonzero(there & ~rows.counted)[:1]:
            yield Problem(name, f"expected nothing of a failed case: {rows.where(row)}")
    for row, reason in enumerate(rows.failure):
        if reason is not None and not reason.strip():
            yield Problem("failure", f"expected a reason, got an empty one: {rows.where(row)}")
            return


def _unequal(rows: _Rows, values: Any, of: Sequence[str], chosen: Any) -> Iterator[tuple[int, Any]]:
    """(row, value of the first row of its group) where `values` are not one in each group."""
    import numpy as np

    index = np.flatnonzero(chosen)
    if not len(index):
        return
    group = rows.group(*of)[index]
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    expected = values[index][first][inverse]
    for i in np.flatnonzero(values[index] != expected)[:1]:
        yield int(index[i]), expected[i]


def _references(rows: _Rows) -> Iterator[Problem]:
    """One plane has one number of pixels, one target one reference area, one case one patient."""
    import numpy as np

    plane = ("case", "scope", "slice")
    for row, expected in _unequal(rows, rows.size, plane, rows.counted):
        yield Problem(
            "tp+fp+fn+tn",
            f"expected the {expected} pixels of the other rows of this plane, got "
            f"{rows.size[row]}: {rows.where(row)}",
        )
    for row in np.flatnonzero(rows.counted & (rows.size == 0))[:1]:
        yield Problem("tp+fp+fn+tn", f"expected pixels, got none: {rows.where(row)}")
    area = rows.counts["tp"] + rows.counts["fn"]
    for row, expected in _unequal(rows, area, (*plane, "label", "object"), rows.counted):
        yield Problem(
            "tp+fn",
            f"expected the reference area {expected} of the other rows of this target, got "
            f"{area[row]}: {rows.where(row)}",
        )
    patients = np.array([p or "" for p in rows.table["patient"].to_pylist()])
    for row, expected in _unequal(rows, patients, ("case",), np.ones(len(patients), bool)):
        yield Problem(
            "patient", f"expected {str(expected)!r}, got {str(patients[row])!r}: {rows.where(row)}"
        )
    for row, expected in _unequal(rows, rows.counted, ("case",), np.ones(len(patients), bool)):
        yield Problem(
            "failure",
            f"expected {'counts' if expected else 'a failure'} as in the other rows of "
            f"this case: {rows.where(row)}",
        )


def _thresholds(rows: _Rows) -> Iterator[Problem]:
    """A higher threshold makes less foreground, right and wrong."""
    import numpy as np

    group = rows.group(*[name for name in KEYS if name != "threshold"])
    order = np.lexsort((rows.threshold, group))
    same = group[order][1:] == group[order][:-1]
    for name in ("tp", "fp"):
        rises = same & (np.diff(rows.counts[name][order]) > 0)
        for i in np.flatnonzero(rises)[:1]:
            before, row = order[i], order[i + 1]
            yield Problem(
                name,
                f"expected at most {rows.counts[name][before]} as at threshold "
                f"{rows.threshold[before]:g}, got {rows.counts[name][row]}: {rows.where(row)}",
            )


def _estimates(rows: _Rows) -> Iterator[Problem]:
    """Predicted IoU is finite, and one of each prediction whatever the threshold."""
    import numpy as np

    values = _floats(rows.table["predicted_iou"], -1e9)
    for row in np.flatnonzero(~np.isfinite(values))[:1]:
        yield Problem(
            "predicted_iou", f"expected a finite number, got {values[row]}: {rows.where(row)}"
        )
        return
    of = [name for name in KEYS if name != "threshold"]
    for row, expected in _unequal(rows, values, of, rows.counted):
        yield Problem(
            "predicted_iou",
            f"expected {expected:g} as at the other thresholds, got {values[row]:g}:"
            f" {rows.where(row)}",
        )


def _histograms(rows: _Rows) -> Iterator[Problem]:
    """A histogram adds up to the counts of its prediction, at every threshold that is an edge."""
    import numpy as np

    group = rows.group(*[name for name in KEYS if name != "threshold"])
    members: dict[int, list[int]] = {}
    for row, number in enumerate(group.tolist()):
        members.setdefault(number, []).append(row)
    for row, histogram in enumerate(rows.table["histogram"].to_pylist()):
        if histogram is None:
            continue
        bins = histogram["bins"]
        lists = [histogram[name] for name in ("index", "positive", "negative")]
        if bins is None or bins < 1 or any(part is None or None in part for part in lists):
            yield Problem("histogram", f"expected bins and lists of numbers: {rows.where(row)}")
            return
        index, positive, negative = (np.array(part, np.int64) for part in lists)
        if (
            not len(index) == len(positive) == len(negative)
            or (np.diff(index) <= 0).any()
            or (len(index) and (index[0] < 0 or index[-1] > bins))
            or (np.minimum(positive, negative) < 0).any()
        ):
            yield Problem(
                "histogram",
                f"expected bins 0 to {bins} in order, with a count of 0 or more each:"
                f" {rows.where(row)}",
            )
            return
        tp, fp, fn, tn = (rows.counts[name] for name in COUNTS)
        for other in members[int(group[row])]:
            edge = rows.threshold[other] * bins
            sums = [
                (positive.sum(), tp[other] + fn[other], "tp+fn"),
                (negative.sum(), fp[other] + tn[other], "fp+tn"),
            ]
            if abs(edge - round(edge)) < 1e-6:
                above = index > round(edge)
                sums += [
                    (positive[above].sum(), tp[other], "tp"),
                    (negative[above].sum(), fp[other], "fp"),
                ]
            for total, count, name in sums:
                if total != count:
                    yield Problem(
                        "histogram",
                        f"expected the {name} of {count} beside it, got {total}:"
                        f" {rows.where(other)}",
                    )
                    return


def _volumes(rows: _Rows) -> Iterator[Problem]:
    """Slices add up to their volume; slices without a row have no prediction."""
    import numpy as np

    if not (rows.scope == "volume").any():
        return
    group = rows.group(*[name for name in KEYS if name not in ("scope", "slice")])
    number = int(group.max()) + 1
    whole = (rows.scope == "volume") & rows.counted
    sliced = (rows.scope == "slice") & rows.counted
    there = np.bincount(group[sliced], minlength=number) > 0
    for name in ("tp", "fp", "fn"):
        values = rows.counts[name]
        total = np.bincount(group[sliced], values[sliced], number)[group]
        wrong = whole & there[group] & ((values < total) if name == "fn" else (values != total))
        for row in np.flatnonzero(wrong)[:1]:
            yield Problem(
                name,
                f"expected the sum {total[row]:.0f} of its slices, got {values[row]}:"
                f" {rows.where(row)}",
            )


def _surfaces(rows: _Rows) -> Iterator[Problem]:
    """Distances in order, areas finite, and one area of the reference for each target."""
    import math

    target = rows.group("case", "label", "scope", "slice", "object")
    areas: dict[tuple[int, str], float] = {}
    for row, entries in enumerate(rows.table["surfaces"].to_pylist()):
        names = [entry and entry["definition"] for entry in entries or ()]
        if None in names or len(set(names)) < len(names):
            yield Problem(
                "surfaces", f"expected each definition once, got {names}: {rows.where(row)}"
            )
            return
        for entry in entries or ():
            for side in ("reference", "predicted"):
                distances, sizes = entry[f"{side}_distance"], entry[f"{side}_area"]
                if not _is_surface(distances, sizes):
                    yield Problem(
                        "surfaces",
                        f"{entry['definition']}: expected {side} distances in order, with a finite "
                        f"area each: {rows.where(row)}",
                    )
                    return
            area = math.fsum(entry["reference_area"])
            expected = areas.setdefault((int(target[row]), entry["definition"]), area)
            if not math.isclose(area, expected, rel_tol=AREA, abs_tol=AREA):
                yield Problem(
                    "surfaces",
                    f"{entry['definition']}: expected the reference's surface of {expected:g} as "
                    f"in other rows of this target, got {area:g}: {rows.where(row)}",
                )
                return


def _is_surface(distances: Any, areas: Any) -> bool:
    """Whether two lists are a surface: distances from 0 on, each larger, with a finite area."""
    import math

    if distances is None or areas is None or len(distances) != len(areas):
        return False
    if None in distances or None in areas:
        return False
    return (
        all(a < b for a, b in pairwise(distances))
        and all(distance >= 0 for distance in distances)
        and all(math.isfinite(area) and area >= 0 for area in areas)
    )


def _components(rows: _Rows) -> Iterator[Problem]:
    """Components add up to the counts beside them."""
    tp, fp, fn, _ = (rows.counts[name] for name in COUNTS)
    for row, found in enumerate(rows.table["components"].to_pylist()):
        if found is None:
            continue
        for name, count in (
            ("reference_size", tp[row] + fn[row]),
            ("predicted_size", tp[row] + fp[row]),
            ("overlap_voxels", tp[row]),
        ):
            sizes = found[name]
            if sizes is None or None in sizes or any(s < 1 for s in sizes) or sum(sizes) != count:
                yield Problem(
                    "components",
                    f"{name}: expected sizes that add up to {count}: {rows.where(row)}",
                )
                return
