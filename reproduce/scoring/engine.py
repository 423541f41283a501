"""Score a statistics table as a metric profile says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError, UsageError
from reproduce.contracts import ProfileId
from reproduce.plugins import plugins
from reproduce.scoring import units
from reproduce.scoring.profile import Measure, MetricProfile, NanPolicy
from reproduce.scoring.values import (
    area_under_roc,
    overlap_values,
    panoptic_value,
    surface_value,
    with_empty_values,
)

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

SURFACE_KINDS = ("nsd", "hd", "hd95", "assd")
PANOPTIC_KINDS = ("pq", "sq", "rq")


@dataclass(slots=True)
class Scores:
    """What a profile makes of a table.

    value           the number the profile's evaluator would print, as a fraction (distances in mm);
                    None where it is undefined (NaN)
    value_complete_cases   the same with missing cases left out
    n               values that entered the mean (not NaN);  n_cases  cases with statistics
    per_case        (case, label) -> value, slices and objects averaged; None: undefined
    per_label       label -> value;  per_seed  seed -> value
    std             standard deviation (n - 1) over the values of `per_case`
    missing         (case, label) without prediction
    notes           what a reader of the number should know
    """

    profile: str
    metric: str
    value: float | None
    value_complete_cases: float | None
    n: int
    n_cases: int
    per_case: dict[tuple[str, str], float | None]
    per_label: dict[str, float | None]
    per_seed: dict[int, float | None]
    std: float | None
    threshold: float | None
    mask_selection: str
    missing: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def metric_profile(name: str | MetricProfile) -> MetricProfile:
    """A profile by `name/version`. Raises `UsageError` listing what there is."""
    if isinstance(name, MetricProfile):
        return name
    wanted = ProfileId.parse(name)
    known = plugins("metrics")
    found = known.get(wanted.name)
    if found is None or found.version != wanted.version:
        raise UsageError(
            f"no metric profile {name!r}; known: "
            + ", ".join(profile.id for profile in known.values())
        )
    assert isinstance(found, MetricProfile)
    return found


def score(
    table: pa.Table,
    profile: str | MetricProfile,
    metric: str | None = None,
    *,
    label: str | None = None,
    threshold: float | None = None,
    mask_selection: str | None = None,
    rounds: int | None = None,
    label_order: Sequence[str] | None = None,
    expected: Iterable[tuple[str, str]] = (),
    grid: str | None = None,
) -> Scores:
    """Score a statistics table.

    profile         `name/version` or a profile
    metric          one of the profile's measures (None: its first)
    label           only this label;  threshold: instead of the profile's
    mask_selection  first, argmax-predicted-iou, oracle-iou, single, candidate:<k>; None: the
                    profile's, else single
    rounds          only click rounds below this number
    label_order     class names by their number, for profiles that count labels 1 to the largest
                    one present (None: as they are sorted)
    expected        (case, label) pairs that must be there; those that are not are missing
    grid            the grid the statistics were counted on, to flag one the profile does not use

    Raises `InputError` where the table lacks what the profile needs, `UsageError` for a name
    that means nothing.
    """
    import numpy as np
    import pyarrow.compute as pc

    profile = metric_profile(profile)
    metric = metric or profile.default_metric
    if metric not in profile.measures:
        raise UsageError(
            f"metric profile {profile.id} has no {metric!r}; it has {', '.join(profile.measures)}."
        )
    if label is not None:
        table = table.filter(pc.equal(table["label"], label))
    if rounds is not None:
        table = table.filter(pc.less(table["round"], rounds))
    if table.num_rows == 0:
        raise InputError(
            "there are no statistics to score" + (f" for {label!r}." if label else ".")
        )
    selection = mask_selection or profile.selection or "single"
    several = pc.max(table["candidate"]).as_py() > 0
    failed = pc.is_valid(table["failure"])
    missing = {
        (row["case"], row["label"])
        for row in table.filter(failed).select(["case", "label"]).to_pylist()
    }
    present = {
        (row["case"], row["label"])
        for row in table.filter(pc.invert(failed))
        .group_by(["case", "label"])
        .aggregate([])
        .to_pylist()
    }
    missing |= {pair for pair in expected if pair not in present and label in (None, pair[1])}
    order = label_order or sorted(set(table["label"].to_pylist()))
    task = _Task(
        profile, profile.measures[metric], selection, threshold, sorted(missing), list(order)
    )
    counted = table.filter(pc.invert(failed))
    seeds = sorted(set(counted["seed"].to_pylist())) or [0]
    outcomes = [task.outcome(counted.filter(pc.equal(counted["seed"], seed))) for seed in seeds]
    first = outcomes[0]
    notes = _notes(profile, task, grid)
    cases = {pair: _mean([o.per_case.get(pair) for o in outcomes]) for pair in first.per_case}
    finite = [v for v in cases.values() if v is not None]
    return Scores(
        profile=profile.id,
        metric=metric,
        value=_mean([o.value for o in outcomes]),
        value_complete_cases=_mean([o.complete for o in outcomes]),
        n=first.n,
        n_cases=len({case for case, _ in present}),
        per_case=cases,
        per_label={
            name: _mean([o.per_label.get(name) for o in outcomes]) for name in first.per_label
        },
        per_seed={seed: o.value for seed, o in zip(seeds, outcomes, strict=True)},
        std=float(np.std(finite, ddof=1)) if len(finite) > 1 else None,
        threshold=threshold,
        mask_selection=mask_selection or (selection if several else "single"),
        missing=sorted(missing),
        notes=notes,
    )


def _notes(profile: MetricProfile, task: _Task, grid: str | None) -> list[str]:
    notes = []
    if task.missing:
        notes.append(
            f"{len(task.missing)} case(s) without prediction: "
            + ", ".join(f"{case} ({label})" for case, label in task.missing[:5])
            + (" ..." if len(task.missing) > 5 else "")
        )
        if profile.level == "dataset":
            notes.append("counts are pooled: a missing case cannot score 0 and is left out")
    if grid is not None and grid != profile.grid:
        notes.append(f"{profile.id} scores on the grid {profile.grid!r}, these are on {grid!r}")
    if task.selection == "oracle-iou":
        notes.append("oracle: the best mask candidate was chosen with the ground truth")
    if profile.rounds == "best":
        notes.append("oracle: the best click round was chosen with the ground truth")
    return notes


@dataclass(slots=True)
class _Outcome:
    value: float | None
    complete: float | None
    n: int
    per_case: dict[tuple[str, str], float | None]
    per_label: dict[str, float | None]


@dataclass(slots=True)
class _Task:
    profile: MetricProfile
    measure: Measure
    selection: str
    threshold: float | None
    missing: list[tuple[str, str]]
    label_order: list[str]

    def outcome(self, table: pa.Table) -> _Outcome:
        """Everything about one seed."""
        import numpy as np

        profile = self.profile
        present = set(table["label"].to_pylist())
        labels = [*self.label_order, *sorted(present - set(self.label_order))]
        thresholds: Sequence[float | None] = (
            (self.threshold,)
            if self.threshold is not None or profile.thresholds is None
            else profile.thresholds
        )
        per_threshold = [self._values(table, t, labels, profile.level) for t in thresholds]
        rows = per_threshold[0][0]
        values = _stacked_mean([v for _, v in per_threshold])
        if profile.level == "dataset":
            finest = [self._values(table, t, labels, "case") for t in thresholds]
            case_rows, case_values = finest[0][0], _stacked_mean([v for _, v in finest])
        else:
            case_rows, case_values = rows, values
        per_case: dict[tuple[str, str], float | None] = {}
        pairs, means = self._means_over(case_rows, case_values, ("case", "label"))
        for (case, label), mean in zip(pairs, means, strict=True):
            per_case[case_rows.cases[case], case_rows.labels[label]] = _defined(mean)
        complete, n = self._aggregate(rows, values, missing=False)
        value = complete
        if self.missing and profile.level != "dataset" and profile.missing != "omit":
            value, n = self._aggregate(rows, values, missing=True)
        per_label = {}
        for index, name in enumerate(rows.labels):
            where = rows.axes["label"] == index
            if where.any():
                per_label[name] = _defined(
                    self._aggregate(rows.take(where), values[where], False)[0]
                )
        for pair in self.missing:
            per_case[pair] = None if profile.missing == "omit" else _defined(float(profile.missing))
        assert isinstance(values, np.ndarray)
        return _Outcome(_defined(value), _defined(complete), n, per_case, per_label)

    def _values(
        self, table: pa.Table, threshold: float | None, labels: Sequence[str], level: Any
    ) -> tuple[units.Rows, NDArray[np.float64]]:
        """Units (without the axis round) and their values at one threshold."""
        measure, profile = self.measure, self.profile
        table = _at_scope(table, level, measure)
        rows = (
            units.rows_with_histograms(table, labels)
            if measure.kind == "auc"
            else units.rows_at(table, threshold, labels)
        )
        rows = units.select(rows, self.selection)
        if profile.background:
            rows = units.with_background(rows)
        summed = rows.summed(units.UNIT_AXES[level])
        if measure.kind == "auc":
            values = self._auc(table, rows, level)
        elif measure.kind in ("dice", "iou"):
            values = overlap_values(measure, summed.counts)
        else:
            values = self._shapes(table, rows, summed, level)
        if measure.dice_gate is not None:
            values = self._gated(rows, summed, values)
        if measure.decimals is not None:
            values = values.round(measure.decimals)
        summed, values = self._over_rounds(summed, values, level)
        keep = self._kept(rows, summed, level)
        return summed.take(keep), values[keep]

    def _auc(self, table: pa.Table, rows: units.Rows, level: Any) -> NDArray[np.float64]:
        import numpy as np

        entries = table["histogram"].take(rows.source).to_pylist()
        first, group = rows.group(units.UNIT_AXES[level])
        return np.array(
            [
                area_under_roc([entries[i] for i in np.flatnonzero(group == g)])
                for g in range(len(first))
            ]
        )

    def _shapes(
        self, table: pa.Table, rows: units.Rows, summed: units.Rows, level: Any
    ) -> NDArray[np.float64]:
        """Values of measures that need surfaces or components: one row per unit, or an error."""
        import numpy as np

        measure = self.measure
        if len(rows) != len(summed):
            raise InputError(
                f"{measure.kind} cannot be summed over {len(rows)} parts of {len(summed)} units: "
                "it needs statistics of whole masks (scope volume, or one object per label)."
            )
        first, _ = rows.group(units.UNIT_AXES[level])
        source = rows.source[first]
        tp, fp, fn, _ = summed.counts.T
        values = np.full(len(summed), np.nan)
        no_reference, no_prediction = tp + fn == 0, tp + fp == 0
        both = ~no_reference & ~no_prediction
        column = "components" if measure.kind in PANOPTIC_KINDS else "surfaces"
        entries = table[column].take(source).to_pylist()
        for index in range(len(summed)) if column == "components" else np.flatnonzero(both):
            if entries[index] is None:
                raise InputError(
                    f"the statistics have no {column}, which {self.profile.id} needs for "
                    f"{measure.kind}. Run with {column}."
                )
            if column == "components":
                values[index] = panoptic_value(measure, entries[index])
                continue
            entry = _definition(entries[index], measure)
            values[index] = surface_value(measure, entry)
        return with_empty_values(measure, values, no_reference, no_prediction)

    def _gated(
        self, rows: units.Rows, summed: units.Rows, values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Values set to 0 where the mean Dice of the case's labels is at the gate or below it."""
        import numpy as np

        dice = overlap_values(Measure("dice", self.measure.empty), summed.counts)
        keep = self._kept(rows, summed, self.profile.level)
        _, group = summed.group(("case", "round"))
        number = int(group.max()) + 1 if len(group) else 0
        used = keep & ~np.isnan(dice)
        total = np.bincount(group[used], dice[used], number)
        count = np.bincount(group[used], minlength=number)
        mean = np.divide(total, count, out=np.zeros(number), where=count > 0)
        values = values.copy()
        values[mean[group] <= (self.measure.dice_gate or 0.0)] = 0.0
        return values

    def _over_rounds(
        self, rows: units.Rows, values: NDArray[np.float64], level: Any
    ) -> tuple[units.Rows, NDArray[np.float64]]:
        import numpy as np

        rounds = rows.axes["round"]
        if not len(rows) or rounds.max() == 0:
            return rows, values
        axes = [name for name in units.UNIT_AXES[level] if name != "round"]
        first, group = rows.group(axes)
        result = np.full(len(first), np.nan)
        for g in range(len(first)):
            members = np.flatnonzero(group == g)
            ordered = values[members[np.argsort(rounds[members])]]
            result[g] = _ROUNDS[self.measure.rounds or self.profile.rounds](ordered)
        return rows.take(first), result

    def _kept(self, rows: units.Rows, summed: units.Rows, level: Any) -> NDArray[np.bool_]:
        import numpy as np

        profile = self.profile
        tp, fp, fn, _ = summed.counts.T
        keep = np.ones(len(summed), bool)
        if level == "slice" and profile.slice_set == "reference-nonempty":
            keep &= tp + fn > 0
        if level == "slice" and profile.slice_set == "union-nonempty":
            keep &= tp + fn + fp > 0
        if profile.labels != "all" and level != "dataset":
            shape = (len(rows.cases), len(rows.labels))
            in_case: NDArray[np.bool_] = np.zeros(shape, bool)
            some = rows.counts[:, 0] + rows.counts[:, 2] > 0
            in_case[rows.axes["case"][some], rows.axes["label"][some]] = True
            if profile.labels == "one-to-max":
                in_case = np.flip(np.logical_or.accumulate(np.flip(in_case, 1), axis=1), 1)
            keep &= in_case[summed.axes["case"], summed.axes["label"]]
        return keep

    def _aggregate(
        self, rows: units.Rows, values: NDArray[np.float64], missing: bool
    ) -> tuple[float, int]:
        """The means of the profile one after the other; and how many values entered the first."""
        import numpy as np

        profile = self.profile
        n = int((~np.isnan(values)).sum())
        names = [name for name in units.UNIT_AXES[profile.level] if name != "round"]
        axes = {name: rows.axes[name] for name in names}
        if missing:
            axes, values = self._with_missing(rows, axes, values)
        order = ["label"] if profile.level == "dataset" else list(profile.order)
        for step, axis in enumerate(order):
            if axis == "all":
                axes = {}
            axes.pop(axis, None)
            policy = profile.nan_policy(step)
            if not axes:
                values = self._means(np.zeros(len(values), np.int64), values, 1, policy)
                break
            keys = np.stack(list(axes.values()), axis=1)
            found, group = np.unique(keys, axis=0, return_inverse=True)
            values = self._means(group.reshape(-1), values, len(found), policy)
            axes = {name: found[:, k] for k, name in enumerate(axes)}
            if profile.decimals is not None and set(axes) <= {"case", "slice", "object"}:
                values = values.round(profile.decimals)
        value = float(values[0]) if len(values) else math.nan
        if len(values) > 1:
            raise RuntimeError(
                f"{profile.id}: order {profile.order} leaves {list(axes)} unaveraged"
            )
        return (profile.all_nan if math.isnan(value) and n == 0 else value), n

    def _with_missing(
        self, rows: units.Rows, axes: dict[str, Any], values: NDArray[np.float64]
    ) -> tuple[dict[str, Any], NDArray[np.float64]]:
        import numpy as np

        cases = {name: code for code, name in enumerate(rows.cases)}
        labels = {name: code for code, name in enumerate(rows.labels)}
        extra: dict[str, list[int]] = {"case": [], "label": [], "slice": [], "object": []}
        for case, label in self.missing:
            extra["case"].append(cases.setdefault(case, len(cases)))
            extra["label"].append(labels.setdefault(label, len(labels)))
            extra["slice"].append(-1)
            extra["object"].append(0)
        filled = np.full(len(self.missing), float(self.profile.missing))
        return (
            {name: np.r_[codes, np.asarray(extra[name], np.int64)] for name, codes in axes.items()},
            np.r_[values, filled],
        )

    def _means(
        self,
        group: NDArray[np.int64],
        values: NDArray[np.float64],
        number: int,
        policy: NanPolicy | None = None,
    ) -> NDArray[np.float64]:
        """Mean of each group (or median, of one group only). policy None: leave NaN out."""
        import numpy as np

        nan = np.isnan(values)
        means: NDArray[np.float64] = np.full(number, np.nan)
        if policy is not None and number == 1 and self.profile.average == "median":
            if not nan.all() and (policy == "omit" or not nan.any()):
                means[0] = np.median(values[~nan])
            return means
        total = np.bincount(group, np.where(nan, 0.0, values), number)
        count = np.bincount(group, ~nan, number)
        np.divide(total, count, out=means, where=count > 0)
        if policy == "poison":
            means[np.bincount(group, nan, number) > 0] = np.nan
        return means

    def _means_over(
        self, rows: units.Rows, values: NDArray[np.float64], names: tuple[str, str]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        import numpy as np

        if not len(rows):
            return np.zeros((0, 2), np.int64), np.zeros(0)
        stacked = np.stack([rows.axes[name] for name in names], axis=1)
        found, group = np.unique(stacked, axis=0, return_inverse=True)
        means = self._means(group.reshape(-1), values, len(found))
        return np.asarray(found), means


def _last(values: NDArray[np.float64]) -> float:
    return float(values[-1])


def _first(values: NDArray[np.float64]) -> float:
    return float(values[0])


def _best(values: NDArray[np.float64]) -> float:
    finite = values[values == values]
    return float(finite.max()) if len(finite) else math.nan


def _average(values: NDArray[np.float64]) -> float:
    return float(values.mean())


def _trapezoid(values: NDArray[np.float64]) -> float:
    """Over the last five rounds, not divided by their number: at most 4 (CVPR25_iter_eval.py)."""
    last = values[-5:]
    return float(((last[1:] + last[:-1]) / 2).sum())


_ROUNDS = {"last": _last, "first": _first, "best": _best, "mean": _average, "area": _trapezoid}


def _definition(entries: Sequence[dict[str, Any]], measure: Measure) -> dict[str, Any]:
    wanted = [name for name in (measure.surface, measure.surface_2d) if name]
    for entry in entries:
        if entry["definition"] in wanted:
            return entry
    raise InputError(
        f"the statistics have no surface {' or '.join(wanted)}; they have "
        f"{', '.join(entry['definition'] for entry in entries)}. Run with this surface definition."
    )


def _at_scope(table: pa.Table, level: Any, measure: Measure) -> pa.Table:
    """Slices for slice scores; whole volumes where they were stored and the score is of volumes."""
    import pyarrow.compute as pc

    scopes = set(table["scope"].to_pylist())
    if level in ("slice", "object"):
        if "volume" in scopes:
            table = table.filter(pc.not_equal(table["scope"], "volume"))
        return table
    if "volume" not in scopes or "slice" not in scopes:
        return table
    whole = {
        (row["case"], row["label"])
        for row in table.filter(pc.equal(table["scope"], "volume"))
        .group_by(["case", "label"])
        .aggregate([])
        .to_pylist()
    }
    # A case may have been predicted whole and another slice by slice: each counts once.
    keep = [
        scope != "slice" or (case, label) not in whole
        for scope, case, label in zip(
            table["scope"].to_pylist(),
            table["case"].to_pylist(),
            table["label"].to_pylist(),
            strict=True,
        )
    ]
    return table.filter(keep)


def _stacked_mean(values: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    import numpy as np

    mean: NDArray[np.float64] = np.mean(np.stack(values), axis=0)
    return values[0] if len(values) == 1 else mean


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [v for v in values if v is not None]
    return sum(defined) / len(defined) if defined else None


def with_threshold(profile: MetricProfile, threshold: float) -> MetricProfile:
    """The profile at one threshold instead of its own (for `explain`)."""
    return replace(profile, thresholds=(threshold,))
