"""From the rows of a statistics table to the units that a profile gives one value each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.scoring.profile import Level, Selection

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

BACKGROUND = "background"
AXES = ("case", "label", "slice", "object", "round")


@dataclass(slots=True)
class Rows:
    """Columns of a table as arrays of equal length, one per row.

    axes    integer codes per axis of AXES plus `candidate`; -1 for a null slice
    counts  (R, 4) float64: tp, fp, fn, tn; exact, counts stay far below 2**53
    source  index of the row in the table, for surfaces and components
    """

    cases: list[str]
    labels: list[str]
    axes: dict[str, NDArray[np.int64]]
    counts: NDArray[np.float64]
    predicted_iou: NDArray[np.float64]
    source: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.source)

    def take(self, index: NDArray[Any]) -> Rows:
        """The rows at `index` (positions or a bool mask)."""
        return replace(
            self,
            axes={name: codes[index] for name, codes in self.axes.items()},
            counts=self.counts[index],
            predicted_iou=self.predicted_iou[index],
            source=self.source[index],
        )

    def group(self, names: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(first row of each group, group of each row) for rows that share the axes `names`."""
        import numpy as np

        keys = np.stack([self.axes[name] for name in names], axis=1)
        _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        return first.astype(np.int64), inverse.reshape(-1).astype(np.int64)

    def summed(self, names: Sequence[str]) -> Rows:
        """Counts summed over all axes but `names`; the other columns are of the first row."""
        import numpy as np

        first, group = self.group(names)
        result = self.take(first)
        result.counts = np.stack(
            [np.bincount(group, self.counts[:, k], len(first)) for k in range(4)], axis=1
        )
        return result


def encode(table: pa.Table, names: Sequence[str], column: str) -> NDArray[np.int64]:
    """Codes of a string column in the order of `names`."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    return np.asarray(pc.index_in(table[column], pa.array(names)), dtype=np.int64)


def rows_with_histograms(table: pa.Table, labels: Sequence[str]) -> Rows:
    """Rows with a score histogram, whatever their threshold. Raises `InputError` without any."""
    import numpy as np
    import pyarrow.compute as pc

    hits = np.flatnonzero(np.asarray(pc.is_valid(table["histogram"])))
    if not len(hits):
        raise InputError(
            "the statistics have no score histograms, so there is no AUC. "
            "Run with score bins (a claim of AUC asks for them)."
        )
    return _rows(table, hits, labels, None)


def rows_at(table: pa.Table, threshold: float | None, labels: Sequence[str]) -> Rows:
    """Rows of a table (no failures, one scope) at one probability threshold.

    threshold None: the rows of label predictions, else 0.5 where it was counted, else the one
    threshold that was. Counts at a threshold that was not counted come from the histograms where
    it is one of their edges. Raises `InputError` where neither has it.
    """
    import numpy as np
    import pyarrow.compute as pc

    stored = np.asarray(table["threshold"].to_numpy(zero_copy_only=False), np.float64)
    hard = np.isnan(stored)
    values = np.unique(stored[~hard])
    if threshold is None:
        threshold = 0.5 if 0.5 in values or len(values) != 1 else float(values[0])
    hits = hard | (np.abs(stored - threshold) < 1e-9)
    counts: NDArray[np.float64] | None = None
    if not hits.any() and table.num_rows:
        hits = ~np.asarray(pc.is_null(table["histogram"]))
        if hits.any():
            counts = _counts_from_histograms(table["histogram"].filter(hits), threshold)
        if counts is None:
            raise InputError(
                f"statistics have no counts at threshold {threshold:g}: counted at "
                f"{', '.join(f'{v:g}' for v in values)}"
                + ("" if not hits.any() else ", and it is no edge of the score histograms")
                + ". Run with this threshold, or with score bins of which it is an edge."
            )
    return _rows(table, np.flatnonzero(hits), labels, counts)


def _rows(
    table: pa.Table,
    index: NDArray[np.int64],
    labels: Sequence[str],
    counts: NDArray[np.float64] | None,
) -> Rows:
    import numpy as np

    picked = table.take(index)
    if counts is None:
        columns = [picked[name].to_numpy(zero_copy_only=False) for name in ("tp", "fp", "fn", "tn")]
        counts = np.stack([np.asarray(c, np.float64) for c in columns], axis=1)
    cases = sorted(set(picked["case"].to_pylist()))
    slices = np.asarray(picked["slice"].fill_null(-1).to_numpy(), np.int64)
    axes = {
        "case": encode(picked, cases, "case"),
        "label": encode(picked, labels, "label"),
        "slice": slices,
        **{
            name: np.asarray(picked[name].to_numpy(), np.int64)
            for name in ("object", "round", "candidate")
        },
    }
    estimates = np.asarray(picked["predicted_iou"].to_numpy(zero_copy_only=False), np.float64)
    return Rows(cases, list(labels), axes, counts, estimates, index)


def _counts_from_histograms(column: Any, threshold: float) -> NDArray[np.float64] | None:
    import numpy as np

    result = []
    for entry in column.to_pylist():
        edge = threshold * entry["bins"]
        if abs(edge - round(edge)) > 1e-6:
            return None
        above = np.asarray(entry["index"]) > round(edge)
        positive, negative = np.asarray(entry["positive"]), np.asarray(entry["negative"])
        tp, fp = positive[above].sum(), negative[above].sum()
        result.append((tp, fp, positive.sum() - tp, negative.sum() - fp))
    return np.asarray(result, np.float64)


def select(rows: Rows, selection: Selection | str) -> Rows:
    """One mask candidate per prompt. `candidate:<k>` picks by number.

    Raises `InputError` where `single` meets several candidates, or a predicted IoU is missing.
    """
    import numpy as np

    candidate = rows.axes["candidate"]
    if not len(rows) or candidate.max() == 0:
        return rows
    if selection == "single":
        raise InputError(
            f"the run has {candidate.max() + 1} mask candidates per prompt and the profile names "
            "no choice. Say which: first, argmax-predicted-iou, oracle-iou, candidate:<k>."
        )
    # A label that could not be prompted has one empty prediction, whatever is asked for.
    _, group = rows.group(AXES)
    alone = np.bincount(group)
    if selection == "first":
        return rows.take(candidate == 0)
    if selection.startswith("candidate:"):
        wanted = int(selection.partition(":")[2])
        return rows.take((candidate == wanted) | (alone[group] == 1))
    if selection == "argmax-predicted-iou":
        merit = rows.predicted_iou
        if np.isnan(merit[alone[group] > 1]).any():
            raise InputError("the model gave no predicted IoU to choose a mask candidate by.")
        merit = np.nan_to_num(merit, nan=-np.inf)
    elif selection == "oracle-iou":
        tp, fp, fn, _ = rows.counts.T
        merit = np.divide(tp, tp + fp + fn, out=np.ones_like(tp), where=tp + fp + fn > 0)
    else:
        raise InputError(
            f"mask selection {selection!r} is none of single, first, argmax-predicted-iou, "
            "oracle-iou, candidate:<k>."
        )
    # Best first inside each prompt, the earlier candidate where two are equally good.
    order = np.lexsort((candidate, -merit, group))
    starts = np.r_[True, np.diff(group[order]) != 0]
    return rows.take(np.sort(order[starts]))


UNIT_AXES: dict[Level, tuple[str, ...]] = {
    "object": ("case", "label", "slice", "object", "round"),
    "instance": ("case", "label", "object", "round"),
    "slice": ("case", "label", "slice", "round"),
    "case": ("case", "label", "round"),
    "dataset": ("label", "round"),
}


def with_background(rows: Rows) -> Rows:
    """Rows with the background as a label; made of the complement where there is one label.

    Raises `InputError` where it cannot be derived: several labels, and no background counted.
    """
    import numpy as np

    if BACKGROUND in rows.labels:
        return rows
    if len(rows.labels) != 1:
        raise InputError(
            f"the profile counts the background as a class, and it does not follow from "
            f"{len(rows.labels)} overlapping labels. Count a label {BACKGROUND!r} with the run."
        )
    double = rows.take(np.r_[np.arange(len(rows)), np.arange(len(rows))])
    double.labels = [BACKGROUND, *rows.labels]
    double.axes["label"] = np.r_[np.zeros(len(rows), np.int64), rows.axes["label"] + 1]
    tp, fp, fn, tn = rows.counts.T
    double.counts = np.concatenate([np.stack([tn, fn, fp, tp], axis=1), rows.counts])
    return double
