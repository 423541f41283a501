"""Scores under named metric profiles: arrays, files and folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.metrics import counted_over
from catalog.records import CaseScore
from sam4mis.beginning import begin, in_arguments, told_in

if TYPE_CHECKING:
    import pyarrow as pa

    from reproduce import scoring
    from reproduce.predictions.record import Scored
    from reproduce.scoring import MetricProfile

#: options of the command line that messages of the core name -> arguments here
_ARGUMENTS = {
    "--allow-missing": "allow_missing=True",
    "--class": "classes=",
    "--dataset": "a data set (sam4mis reproduce score --dataset)",
    "--kind probability": 'kind="probability"',
    "--label": "labels=",
    "--metric": "metrics=",
    "--pattern": "pattern=",
    "--reference": "reference",
    "--resample nearest": 'resample="nearest"',
    "--scale": "scale=",
    "--spacing": "spacing_mm=",
    "--threshold": "threshold=",
}


@dataclass(frozen=True, slots=True)
class Score:
    """One number under one metric profile.

    metric, profile
        What was measured, by whose rule: `dice` under `monai/1`.
    value
        What the profile's evaluator would print: a fraction (distances in mm, or in pixels for
        profiles that count so). None where it is undefined; `over` says why.
    over
        Over how many values it is a mean, and how many were left out and why, in words.
    per_class
        Class -> value; None: undefined.
    per_case
        Case -> class -> value, before any mean over cases; None: undefined.
    interval
        Between which values the mean lies with 95 % probability, were the cases drawn again. None
        where it cannot be had: one case, or a number that is no mean.
    notes
        What a reader of the number should know.
    """

    metric: str
    profile: str
    value: float | None
    over: str
    per_class: dict[str, float | None]
    per_case: dict[str, dict[str, float | None]]
    interval: tuple[float, float] | None
    notes: tuple[str, ...]

    def __float__(self) -> float:
        return float("nan") if self.value is None else self.value


@dataclass(frozen=True, slots=True)
class Scores(Mapping[str, Score]):
    """Metric -> `Score`, in the profile's order; counted once, scored under any profile.

    profile
        The profile they are of.
    counts
        One record for every case and class: `case`, `label`, `tp`, `fp`, `fn` in pixels, `missing`.
    not_measured
        Metric -> why it could not be taken of these masks.
    table
        The statistics that everything follows from, as Arrow, for those who want more.
    """

    profile: str
    counts: list[CaseScore]
    not_measured: dict[str, str]
    table: pa.Table = field(repr=False)
    _scores: dict[str, Score] = field(repr=False)
    _scored: Scored = field(repr=False)

    def __getitem__(self, metric: str) -> Score:
        if metric in self._scores:
            return self._scores[metric]
        why = self.not_measured.get(metric, f"measured: {', '.join(self._scores)}")
        raise KeyError(f"{metric}: {why}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._scores)

    def __len__(self) -> int:
        return len(self._scores)

    def under(self, profile: str | MetricProfile, metric: str | None = None) -> Score:
        """The same counts under another profile: where two papers' numbers differ by convention.

        Overlaps (Dice, IoU) follow for every profile. Distances follow where the surface that the
        profile wants was counted, that is for profiles with the same one.

        Raises `Sam4misError` where the counts do not hold what the profile needs.

        >>> import numpy as np
        >>> empty = np.zeros((4, 4), bool)
        >>> scores = score(empty, empty, profile="nnunet/1")
        >>> scores["dice"].value, scores["dice"].over
        (None, '0 of 1 case; left out: 1 reference and prediction empty')
        >>> scores.under("medpy-0.4/1").value, scores.under("medpy-0.5/1").value
        (0.0, 1.0)
        """
        from reproduce.scoring import score as of_table

        found = of_table(
            self.table, profile, metric, label_order=self._scored.labels, interval=True
        )
        return _score(found)


def score(
    prediction: Any,
    reference: Any,
    *,
    profile: str = "house/1",
    metrics: Sequence[str] = (),
    spacing_mm: float | Sequence[float] | None = None,
    labels: Mapping[Any, Any] | None = None,
    classes: Sequence[str] = (),
    kind: Literal["label", "probability"] = "label",
    threshold: float | None = None,
    scale: float | None = None,
    pattern: str | None = None,
    resample: Literal["nearest"] | None = None,
    allow_missing: bool = False,
) -> Scores:
    """Score predicted masks against true ones as a named evaluator would.

    prediction, reference
        The same kind of thing on both sides: an array, NumPy or torch (on any device; it is
        counted on the CPU), (rows, columns) or (planes, rows, columns); a file (PNG, NIfTI, NRRD,
        npz, DICOM ...); a list of those, or a dictionary case -> one of those, for several cases;
        or a folder of files, paired by name and never by order. Masks are bool, 0 and 1, 0 and
        255, or class numbers with 0 as background.
    profile
        Whose rule, as `name/version`; `profiles()` has all.
    metrics
        Of the profile; none named: all that these masks allow.
    spacing_mm
        Size of a pixel in the order of the axes, or one length for all; for arrays and for files
        that do not say it. None: metrics in mm are not measured. 1 counts in pixels.
    labels
        What class numbers mean: `{1: "liver", 2: "spleen"}`; `"ignore"` leaves pixels out. Not
        given: labels.json or dataset.json of a folder, else one class called `foreground` where
        every mask has one object, else each number that occurs is a class.
    classes
        Score only these.
    kind
        "probability": the prediction is a map of one class.
    threshold
        Of probabilities, 0 to 1. None: the profile's, else 0.5.
    scale
        What stands for certainty in a probability map: 1, 100, 255 ... None for a folder: it is
        looked at in all of its files; else 1.
    pattern
        File name with `{case}` for folders whose names hold more than the case.
    resample
        "nearest": bring predictions of another grid to the reference's.
    allow_missing
        A case of a folder without a prediction counts as the profile says; else it is an error.

    Raises `Sam4misError` naming the array or file that does not fit: another shape or grid,
    numbers without a name, probabilities where labels are expected, a metric that these masks do
    not allow.

    >>> import numpy as np
    >>> truth = np.zeros((8, 8), bool); truth[2:6, 2:6] = True
    >>> found = np.zeros((8, 8), bool); found[2:6, 3:7] = True
    >>> scores = score(found, truth, spacing_mm=0.5)
    >>> scores["dice"].value
    0.75
    >>> [(count.label, count.tp, count.fp, count.fn) for count in scores.counts]
    [('foreground', 12, 4, 4)]
    >>> nothing = score(np.zeros((8, 8), bool), truth, metrics=["hd95"], spacing_mm=0.5)
    >>> nothing["hd95"].value, nothing["hd95"].over
    (None, '0 of 1 case; left out: 1 nothing predicted')
    """
    begin("score")
    from reproduce.predictions import Request

    request = Request(
        predictions=Path(),
        profile=profile,
        metrics=tuple(metrics),
        labels=labels or {},
        classes=tuple(classes),
        kind=kind,
        threshold=threshold,
        scale=scale,
        spacing_mm=_lengths(spacing_mm),
        pattern=pattern,
        resample=resample,
        allow_missing=allow_missing,
    )
    with told_in(_ARGUMENTS):
        request, scored, table = _counted(prediction, reference, request)
        from reproduce.predictions.record import cases_of, scores_of

        found = scores_of(request, scored, table)
    return Scores(
        profile=scored.profile.id,
        counts=cases_of(scored, table),
        not_measured={
            metric: in_arguments(why, _ARGUMENTS) for metric, why in scored.choice.left_out.items()
        },
        table=table,
        _scores={one.metric: _score(one) for one in found},
        _scored=scored,
    )


def profiles() -> dict[str, MetricProfile]:
    """All metric profiles by `name/version`: how each published evaluator makes its numbers.

    Each has `title`, `source` (the code and commit that it follows), `measures` (metric -> its
    formula and what empty masks count), `order` (what is averaged first), `notes` and more.

    >>> profiles()["monai/1"].title
    'MONAI, reduction mean'
    """
    begin()
    from reproduce.ground.plugins import plugins

    return {found.id: found for found in plugins("metrics").values()}


def profile(name: str) -> MetricProfile:
    """One metric profile by `name/version`. Raises `Sam4misError` listing what there is.

    >>> profile("medpy-0.5/1").measures["dice"].empty.both
    1.0
    """
    begin()
    from reproduce.scoring import metric_profile

    return metric_profile(name)


def _counted(prediction: Any, reference: Any, request: Any) -> tuple[Any, Scored, pa.Table]:
    """Count what was given, whichever kind it is; the request as it was settled."""
    from dataclasses import replace

    from reproduce.predictions.arrays import count_given, mask_of
    from reproduce.predictions.counting import count_files

    folders = [_is_folder(side) for side in (prediction, reference)]
    if all(folders):
        asked = replace(request, predictions=Path(prediction), references=Path(reference))
        files = count_files(asked)
        return files.request, files.scored, files.table
    if any(folders):
        raise UsageError("one side is a folder and the other is not; give two folders.")
    named, true = _cases(prediction, "prediction"), _cases(reference, "reference")
    masks = [
        {case: mask_of(given, f"{what} {case}".strip()) for case, given in side.items()}
        for side, what in ((named, "prediction"), (true, "reference"))
    ]
    return request, *count_given(masks[0], masks[1], request)


def _is_folder(given: Any) -> bool:
    if not isinstance(given, str | Path):
        return False
    path = Path(given)
    if not path.exists():
        raise PrerequisiteError(f"{path}: no such file or folder on this machine.")
    return path.is_dir()


def _cases(given: Any, what: str) -> dict[str, Any]:
    """Case -> array or file. A single one is a case without a name."""
    if isinstance(given, Mapping):
        return {str(case): one for case, one in given.items()}
    if isinstance(given, list | tuple):
        if any(isinstance(one, int | float | list | tuple) for one in given):
            raise InputError(f"{what}: expected arrays or files in the list, got numbers.")
        width = len(str(max(len(given) - 1, 0)))
        return {f"{number:0{width}}": one for number, one in enumerate(given)}
    return {"": given}


def _lengths(spacing_mm: float | Sequence[float] | None) -> tuple[float, ...]:
    if spacing_mm is None:
        return ()
    found = (spacing_mm,) if isinstance(spacing_mm, int | float) else tuple(spacing_mm)
    lengths = tuple(float(length) for length in found)
    if not lengths or not all(0 < length < float("inf") for length in lengths):
        raise UsageError(f"spacing_mm={spacing_mm}: expected lengths in mm above 0.")
    return lengths


def _score(found: scoring.Scores) -> Score:
    per_case: dict[str, dict[str, float | None]] = {}
    for (case, label), value in found.per_case.items():
        per_case.setdefault(case, {})[label] = value
    interval = found.interval
    return Score(
        metric=found.metric,
        profile=found.profile,
        value=found.value,
        over=counted_over(found.measurement()),
        per_class=dict(found.per_label),
        per_case=per_case,
        interval=None if interval is None else (interval.low, interval.high),
        notes=tuple(found.notes),
    )
