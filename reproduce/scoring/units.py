"""Rows of counts, and the units of them that a profile gives one value each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.scoring.profile import Level, Selection

if TYPE_CHECKING:
    import numpy as np
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
