"""Formulas: one value per unit, from counts, surfaces, components or score histograms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.scoring.profile import Measure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def overlap_values(measure: Measure, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """What follows from the counts of each row of (U, 4) tp, fp, fn, tn; (U,) float64.

    Dice = (2 TP + a) / (2 TP + FP + FN + b), IoU = (TP + a) / (TP + FP + FN + b). Volume similarity
    is 1 - |FN - FP| / (2 TP + FP + FN) (Taha and Hanbury 2015), MCC the correlation of Matthews.
    """
    import numpy as np

    tp, fp, fn, tn = counts.T
    with np.errstate(invalid="ignore", divide="ignore"):
        values = _FROM_COUNTS[measure.kind](measure, tp, fp, fn, tn)
    return with_empty_values(measure, values, tp + fn == 0, tp + fp == 0)


def _shared(weight: float) -> Callable[..., Any]:
    def value(measure: Measure, tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
        above, below = measure.smooth
        return (weight * tp + above) / (weight * tp + fp + fn + below)

    return value


def _mcc(measure: Measure, tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
    """Roots are taken of each factor: their product leaves the range of whole numbers."""
    import numpy as np

    below = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
    above = tp.astype(np.float64) * tn - fp.astype(np.float64) * fn
    return np.where(below == 0, 0.0, above / np.where(below == 0, 1.0, below))


_FROM_COUNTS: dict[str, Callable[..., Any]] = {
    "dice": _shared(2.0),
    "iou": _shared(1.0),
    "sensitivity": lambda _, tp, fp, fn, tn: tp / (tp + fn),
    "specificity": lambda _, tp, fp, fn, tn: tn / (tn + fp),
    "precision": lambda _, tp, fp, fn, tn: tp / (tp + fp),
    "mcc": _mcc,
    "volume-similarity": lambda _, tp, fp, fn, tn: 1 - abs(fn - fp) / (2 * tp + fp + fn),
}


def with_empty_values(
    measure: Measure,
    values: NDArray[np.float64],
    no_reference: NDArray[np.bool_],
    no_prediction: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """`values` with the profile's own where masks are empty.

    Raises `InputError` where the profile's evaluator would raise.
    """
    import numpy as np

    empty = measure.empty
    for where, value in (
        (no_reference & no_prediction, empty.both),
        (no_reference & ~no_prediction, empty.reference),
        (~no_reference & no_prediction, empty.predicted),
    ):
        if value == "error":
            if np.any(where):
                raise InputError(
                    f"{int(where.sum())} masks are empty, and the evaluator of this profile stops "
                    f"there ({measure.kind}). Leave those cases out, or use a profile that says "
                    "what they count."
                )
        elif value is not None:
            values[where] = value
    return values


def surface_value(measure: Measure, entry: Mapping[str, Any]) -> float:
    """What one entry of the column `surfaces` gives, with both masks non-empty: NSD, distances,
    clDice of skeletons, IoU of bands. ASD and MSD are the mean and the median of one direction.

    NSD: share of both surfaces that lies within the tolerance of the other.
    """
    import numpy as np

    there, there_area, here, here_area = (
        np.asarray(entry[name], float)
        for name in (
            "reference_distance",
            "reference_area",
            "predicted_distance",
            "predicted_area",
        )
    )
    if measure.kind == "nsd":
        assert measure.tolerance is not None
        near_there = there_area[there <= measure.tolerance].sum()
        near_here = here_area[here <= measure.tolerance].sum()
        if measure.combine == "mean-fraction":
            return float((near_there / there_area.sum() + near_here / here_area.sum()) / 2)
        return float((near_there + near_here) / (there_area.sum() + here_area.sum()))
    if measure.kind == "cldice":
        # Shit et al. 2021: the harmonic mean of the shares of both skeletons in the other mask
        shares = [_share_at_0(there, there_area), _share_at_0(here, here_area)]
        return 2 * shares[0] * shares[1] / sum(shares) if sum(shares) else 0.0
    if measure.kind == "boundary-iou":
        both = float(there_area[there == 0].sum())
        return both / float(there_area.sum() + here_area.sum() - both)
    if measure.kind.startswith(("asd-", "msd-")):
        side = (there, there_area) if measure.kind.endswith("reference") else (here, here_area)
        if measure.kind.startswith("asd"):
            return float(np.average(side[0], weights=side[1]))
        return _linear(*side, 0.5)
    if measure.kind == "assd":
        if measure.combine == "mean-fraction":
            means = (np.average(there, weights=there_area), np.average(here, weights=here_area))
            return float(sum(means) / 2)
        return float(np.average(np.r_[there, here], weights=np.r_[there_area, here_area]))
    if measure.kind == "hd":
        return float(max(there[-1], here[-1]))
    percentile = _weighted if measure.percentile == "weighted" else _linear
    if measure.combine == "pooled":
        order = np.argsort(np.r_[there, here], kind="stable")
        return percentile(np.r_[there, here][order], np.r_[there_area, here_area][order])
    return max(percentile(there, there_area), percentile(here, here_area))


def _share_at_0(distance: NDArray[np.float64], size: NDArray[np.float64]) -> float:
    """The share of elements that lie in the other mask."""
    return float(size[distance == 0].sum() / size.sum())


def _weighted(distance: NDArray[np.float64], area: NDArray[np.float64]) -> float:
    """Smallest distance within which 95 % of the area lies (DeepMind's robust Hausdorff)."""
    import numpy as np

    cumulative = np.cumsum(area) / area.sum()
    return float(distance[min(int(np.searchsorted(cumulative, 0.95)), len(distance) - 1)])


def _linear(
    distance: NDArray[np.float64], count: NDArray[np.float64], share: float = 0.95
) -> float:
    """numpy.percentile of the distances repeated `count` times, without repeating them."""
    import numpy as np

    ends = np.cumsum(count)
    position = share * float(ends[-1] - 1)
    low = math.floor(position)
    first = float(distance[int(np.searchsorted(ends, low, side="right"))])
    second = float(distance[int(np.searchsorted(ends, min(low + 1, ends[-1] - 1), side="right"))])
    return first + (second - first) * (position - low)


def panoptic_value(measure: Measure, entry: Mapping[str, Any]) -> float:
    """PQ, SQ, RQ or the F1 of lesions of one entry of `components`: pairs match one to one, best
    IoU first, or (`touching`) wherever they share a voxel.

    Kirillov et al. 2019: SQ is the mean IoU of matches, RQ = TP / (TP + FP/2 + FN/2), PQ = SQ RQ.
    """
    import numpy as np

    truth, found = np.asarray(entry["reference_size"]), np.asarray(entry["predicted_size"])
    overlap = np.asarray(entry["overlap_voxels"], float)
    if not len(truth) and not len(found):
        return math.nan
    first = np.asarray(entry["overlap_reference"], int)
    second = np.asarray(entry["overlap_predicted"], int)
    if measure.matcher == "touching":
        hits, wrong = len(set(first.tolist())), len(found) - len(set(second.tolist()))
        return 2 * hits / (hits + len(truth) + wrong)
    iou = overlap / (truth[first] + found[second] - overlap) if len(overlap) else overlap
    matched: list[float] = []
    left: set[int] = set()
    right: set[int] = set()
    for pair in np.argsort(-iou, kind="stable"):
        i, j = int(first[pair]), int(second[pair])
        if iou[pair] >= measure.overlap and i not in left and j not in right:
            matched.append(float(iou[pair]))
            left.add(i)
            right.add(j)
    quality = len(matched) / ((len(truth) + len(found)) / 2 + measure.smooth[1])
    segmentation = sum(matched) / (len(matched) + measure.smooth[1]) if matched else 0.0
    if measure.kind == "lesion-f1":
        return quality
    return {"rq": quality, "sq": segmentation, "pq": quality * segmentation}[measure.kind]


def area_under_roc(entries: Sequence[Mapping[str, Any]]) -> float:
    """ROC AUC of pooled score histograms; ties inside a bin count half (Mann-Whitney).

    NaN where all pixels are of one kind. All entries must have the same number of bins.
    """
    import numpy as np

    bins = entries[0]["bins"]
    positive, negative = np.zeros(bins + 1), np.zeros(bins + 1)
    for entry in entries:
        index = np.asarray(entry["index"], int)
        positive[index] += entry["positive"]
        negative[index] += entry["negative"]
    if not positive.sum() or not negative.sum():
        return math.nan
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / (positive.sum() * negative.sum()))
