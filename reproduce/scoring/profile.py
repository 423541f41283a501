"""What a metric profile is: parameters only.

Cheap to import: plugins in `reproduce/metrics` are built from these without numpy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

NAN = math.nan

EmptyValue = float | Literal["error"] | None

Kind = Literal[
    "dice",
    "iou",
    "sensitivity",
    "specificity",
    "precision",
    "mcc",
    "volume-similarity",
    "nsd",
    "hd95",
    "hd",
    "assd",
    "asd-reference",
    "asd-predicted",
    "msd-reference",
    "msd-predicted",
    "cldice",
    "boundary-iou",
    "auc",
    "pq",
    "sq",
    "rq",
    "lesion-f1",
]
#: Kinds that follow from the numbers of pixels alone.
COUNT_KINDS = frozenset(
    {"dice", "iou", "sensitivity", "specificity", "precision", "mcc", "volume-similarity"}
)
#: Kinds that are lengths: a mask that is not there has none.
LENGTH_KINDS = frozenset(
    {"hd", "hd95", "assd", "asd-reference", "asd-predicted", "msd-reference", "msd-predicted"}
)
Level = Literal["case", "instance", "slice", "object", "dataset"]
SliceSet = Literal["all", "reference-nonempty", "union-nonempty"]
Labels = Literal["all", "in-reference", "one-to-max"]
Rounds = Literal["last", "first", "best", "mean", "area"]
Selection = Literal["single", "first", "argmax-predicted-iou", "oracle-iou"]
Axis = Literal["slice", "object", "case", "folder", "label", "all"]
NanPolicy = Literal["omit", "poison"]


@dataclass(frozen=True, slots=True)
class Empty:
    """Values where masks are empty: NaN, a number, `error` (the evaluator raises), or None (what
    the formula gives).

    both       reference and prediction empty
    reference  only the reference is empty: everything predicted is false
    predicted  only the prediction is empty: everything was missed
    """

    both: EmptyValue
    reference: EmptyValue
    predicted: EmptyValue


@dataclass(frozen=True, slots=True)
class Measure:
    """How one score of a profile is computed from the counts or surfaces of one unit.

    kind         which formula of `reproduce.scoring.values`
    empty        values for empty masks
    smooth       (num, den) added to numerator and denominator; of pq, sq, rq den alone, to both
    surface      definition of the surface (`reproduce.statistics.surface`), for nsd, distances,
                 cldice (skeletons) and boundary-iou (bands)
    tolerance    of nsd, in mm (in pixels for a `unit` surface)
    combine      nsd: `pooled` areas of both surfaces, or the `mean-fraction` of the two shares;
                 hd95: `max` of both directions' percentiles, or percentile of both `pooled`;
                 assd: mean over both `pooled`, or the mean of two means (`mean-fraction`)
    percentile   of hd95: `weighted` (DeepMind: cumulative area) or `linear` (numpy.percentile)
    dice_gate    nsd of all labels of a case is 0 where its mean Dice is this or less
    decimals     each unit is rounded to so many decimals before anything is averaged
    rounds       instead of the profile's
    overlap      pq, sq, rq, lesion-f1: components match at this IoU or above
    matcher      lesion-f1: components match `one-to-one`, best IoU first, at `overlap` or above; or
                 a lesion is found where any pixel of it is predicted, and one that touches none is
                 false (`touching`)
    """

    kind: Kind
    empty: Empty
    smooth: tuple[float, float] = (0.0, 0.0)
    surface: str | None = None
    surface_2d: str | None = None
    tolerance: float | None = None
    combine: Literal["pooled", "mean-fraction", "max"] = "pooled"
    percentile: Literal["weighted", "linear"] = "weighted"
    dice_gate: float | None = None
    decimals: int | None = None
    overlap: float = 0.5
    matcher: Literal["one-to-one", "touching"] = "one-to-one"
    rounds: Rounds | None = None


@dataclass(frozen=True, slots=True)
class ReferenceFilter:
    """What an evaluator does to the ground truth; applied when statistics are made."""

    min_voxels_3d: int = 0
    min_pixels_2d: int = 0
    drop_labels: tuple[str, ...] = ()
    drop_empty_slices: bool = False
    keep_largest: bool = False


@dataclass(frozen=True, slots=True)
class MetricProfile:
    """A named, versioned way to make numbers of statistics. Never changed: a fix is a new version.

    level        what one value is computed over: `object` (one prompt and its mask), `instance`
                 (its slices summed), `slice` (all objects of a label in it), `case` (all slices),
                 `dataset` (counts of all cases)
    order        the axes averaged one after the other; `all`: one mean over every value; `folder`:
                 cases by what stands before the last / of their id, after `case`
    slice_set    level slice: which slices enter
    labels       `in-reference`: only labels that the case's ground truth has; `one-to-max`: labels
                 up to the last that it has, in the order of the run's labels
    background   the background is one more label
    all_nan      the mean of nothing but NaN
    nan          `omit` from means, or `poison` them; one for all of `order`, or one each
    average      `mean`, or the `median` of the last axis of `order`
    decimals     of each value once `order` has only cases left
    missing      value of a case without prediction: 0, NaN, or `omit`
    thresholds   probabilities averaged over (None: the run's one threshold, 0.5 unless asked)
    score_bins   of histograms that all `thresholds` are edges of (0: they are counted one by one)
    rounds       which click rounds count; `area` is the trapezoid under the curve, not normalised
    parts        what pq, sq, rq and lesion-f1 match: connected components of masks (`full`), or the
                 objects that data and model tell apart (`told`)
    selection    which of several mask candidates (None: what the claim or the caller says)
    grid         the grid the original scores on; statistics made on another one are flagged
    """

    name: str
    version: int
    title: str
    source: str
    measures: Mapping[str, Measure]
    notes: tuple[str, ...] = ()
    level: Level = "case"
    slice_set: SliceSet = "all"
    labels: Labels = "all"
    background: bool = False
    order: tuple[Axis, ...] = ("case", "label")
    nan: NanPolicy | tuple[NanPolicy, ...] = "omit"
    average: Literal["mean", "median"] = "mean"
    decimals: int | None = None
    all_nan: float = NAN
    missing: float | Literal["omit"] = 0.0
    thresholds: tuple[float, ...] | None = None
    score_bins: int = 0
    rounds: Rounds = "last"
    parts: Literal["full", "told"] = "full"
    selection: Selection | None = None
    grid: str = "original"
    upsample: str | None = None
    reference_filter: ReferenceFilter | None = None
    parity: str = "hand-computed corner cases"

    @property
    def id(self) -> str:
        """`name/version`, as claims and results spell it."""
        return f"{self.name}/{self.version}"

    @property
    def default_metric(self) -> str:
        """The first measure: what the profile is mostly used for."""
        return next(iter(self.measures))

    def nan_policy(self, step: int) -> NanPolicy:
        """What happens to NaN when the axis `order[step]` is averaged."""
        if isinstance(self.nan, tuple):
            return self.nan[min(step, len(self.nan) - 1)]
        return self.nan

    def parameters(self) -> dict[str, Any]:
        """All parameters as plain data (NaN as the string "nan"), for pages and hashes."""
        plain = _plain(self)
        assert isinstance(plain, dict)
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    return value
