"""The case table that a result records of its statistics: Dice and IoU per case and label.

Whoever writes a result and whoever checks one take it from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from catalog.records import CaseScore

if TYPE_CHECKING:
    import pyarrow as pa

_COLUMNS = (
    "case",
    "label",
    "patient",
    "scope",
    "slice",
    "object",
    "round",
    "seed",
    "candidate",
    "threshold",
    "tp",
    "fp",
    "fn",
    "predicted_iou",
    "failure",
)


def shown_threshold(thresholds: Sequence[float]) -> float:
    """The threshold of case tables and pictures: 0.5 where it was counted."""
    return 0.5 if 0.5 in thresholds else thresholds[0]


def case_scores(table: pa.Table, threshold: float | None, rounds: int) -> list[CaseScore]:
    """Dice and IoU per case and label at one threshold, slices, objects and seeds summed; the mask
    with the best predicted IoU of the last round where there are several.

    threshold  None: labels were predicted, there is nothing to choose
    """
    import numpy as np

    best: dict[tuple[Any, ...], dict[str, Any]] = {}
    missing: dict[tuple[str, str], str | None] = {}
    for row in table.select(_COLUMNS).to_pylist():
        if row["failure"] is not None:
            missing[row["case"], row["label"]] = row["patient"]
            continue
        if row["scope"] == "volume" or row["round"] != rounds - 1:
            continue
        if row["threshold"] not in (None, threshold):
            continue
        key = (row["case"], row["label"], row["slice"], row["object"], row["seed"])
        held = best.get(key)
        if held is None or (row["predicted_iou"] or 0) > (held["predicted_iou"] or 0):
            best[key] = row
    sums: dict[tuple[str, str], list[Any]] = {}
    for row in best.values():
        entry = sums.setdefault(
            (row["case"], row["label"]), [np.zeros(3, np.int64), row["patient"]]
        )
        entry[0] += (row["tp"], row["fp"], row["fn"])
    found = []
    for (case, label), (counts, patient) in sorted(sums.items()):
        tp, fp, fn = (int(v) for v in counts)
        union = tp + fp + fn
        found.append(
            CaseScore(
                case=case,
                label=label,
                dice=2 * tp / (union + tp) if union else None,
                iou=tp / union if union else None,
                tp=tp,
                fp=fp,
                fn=fn,
                patient=patient,
            )
        )
    found += [
        CaseScore(case=case, label=label, dice=None, patient=patient, missing=True)
        for (case, label), patient in sorted(missing.items())
    ]
    return found
