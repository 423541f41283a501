"""One scoring of one seed: units, their values, rounds, and the means one after the other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from catalog.records import Counted
from reproduce.scoring import units
from reproduce.scoring.interval import Draws
from reproduce.scoring.means import Means, grouped_mean
from reproduce.scoring.needs import PANOPTIC_KINDS
from reproduce.scoring.parsed import Parsed
from reproduce.scoring.profile import COUNT_KINDS, LENGTH_KINDS, Measure, MetricProfile
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

WITHOUT_PREDICTION = "without a prediction"


@dataclass(slots=True)
class Outcome:
    value: float | None
    complete: float | None
    counted: Counted
    per_case: dict[tuple[str, str], float | None]
    per_label: dict[str, float | None]
    drawn: NDArray[np.float64] | None  # values of all draws of cases


@dataclass(slots=True)
class Task:
    profile: MetricProfile
    measure: Measure
    selection: str
    threshold: float | None
    missing: list[tuple[str, str]]
    label_order: list[str]
    draws: Draws | None = None

    @property
    def missing_value(self) -> float | None:
        """What a case without prediction counts; None: nothing, it is left out."""
        if self.profile.missing == "omit" or self.measure.kind in LENGTH_KINDS:
            return None
        return float(self.profile.missing)

    def outcome(self, table: pa.Table) -> Outcome:
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
        parsed = Parsed(_at_scope(table, profile.level, self.measure), labels)
        if parsed.hard:
            thresholds = thresholds[:1]
        per_threshold = [self._values(parsed, t, profile.level) for t in thresholds]
        rows, _, not_counted = per_threshold[0]
        values = _stacked_mean([v for _, v, _ in per_threshold])
        finest = []
        if profile.level == "dataset":
            finest = [self._values(parsed, t, "case") for t in thresholds]
            case_rows, case_values = finest[0][0], _stacked_mean([v for _, v, _ in finest])
        else:
            case_rows, case_values = rows, values
        per_case: dict[tuple[str, str], float | None] = {}
        pairs, means = self._means_over(case_rows, case_values, ("case", "label"))
        for (case, label), mean in zip(pairs, means, strict=True):
            per_case[case_rows.cases[case], case_rows.labels[label]] = _defined(mean)
        complete = self._aggregate(rows, values, missing=False)
        value = complete
        if self._missing_counts:
            value = self._aggregate(rows, values, missing=True)
        per_label = {}
        for index, name in enumerate(rows.labels):
            where = rows.axes["label"] == index
            if where.any():
                per_label[name] = _defined(self._aggregate(rows.take(where), values[where], False))
        for pair in self.missing:
            value_of = self.missing_value
            per_case[pair] = None if value_of is None else _defined(value_of)
        assert isinstance(values, np.ndarray)
        counted = self._counted(rows, values, not_counted, len(parsed.rows.cases))
        drawn = self._drawn(rows, values, [part for part, _, _ in finest])
        return Outcome(_defined(value), _defined(complete), counted, per_case, per_label, drawn)

    @property
    def _missing_counts(self) -> bool:
        """Whether cases without a prediction enter the mean."""
        return (
            bool(self.missing)
            and self.profile.level != "dataset"
            and self.missing_value is not None
        )

    def _counted(
        self, rows: units.Rows, values: NDArray[np.float64], not_counted: units.Rows, cases: int
    ) -> Counted:
        """Over how many values the mean goes, and why units are not in it: the profile does not
        count them, or they have no number."""
        import numpy as np

        if self.profile.level == "dataset":
            gone = len({case for case, _ in self.missing})
            left_out = Counter({WITHOUT_PREDICTION: gone} if gone else {})
            return Counted(of="pooled case", averaged=cases, left_out=dict(left_out))
        undefined = np.isnan(values)
        left_out = why_empty(not_counted) + why_empty(rows.take(undefined))
        averaged, missing = int((~undefined).sum()), 0
        if self._missing_counts and not math.isnan(self.missing_value or 0.0):
            missing = len(self.missing)
        elif self.missing:
            left_out[WITHOUT_PREDICTION] = len(self.missing)
        level = self.profile.level
        one: str = "object" if level == "instance" else level
        if len(self.label_order) > 1 and level in ("case", "slice"):
            one = "mask" if level == "case" else "slice mask"
        return Counted(
            of=one,
            averaged=averaged + missing,
            missing=missing,
            left_out=dict(left_out.most_common()),
        )

    def _values(
        self, parsed: Parsed, threshold: float | None, level: Any
    ) -> tuple[units.Rows, NDArray[np.float64], units.Rows]:
        """Units (without the axis round) and their values at one threshold; then the units that
        the profile does not count."""
        measure, profile = self.measure, self.profile
        table = parsed.table
        rows = parsed.with_histograms() if measure.kind == "auc" else parsed.at(threshold)
        rows = units.select(rows, self.selection)
        if profile.background:
            rows = units.with_background(rows)
        summed = rows.summed(units.UNIT_AXES[level])
        if measure.kind == "auc":
            values = self._auc(table, rows, level)
        elif measure.kind in COUNT_KINDS:
            values = overlap_values(measure, summed.counts)
        else:
            values = self._shapes(table, rows, summed, level)
        if measure.dice_gate is not None:
            values = self._gated(rows, summed, values)
        if measure.decimals is not None:
            values = values.round(measure.decimals)
        summed, values = self._over_rounds(summed, values, level)
        keep = self._kept(rows, summed, level)
        return summed.take(keep), values[keep], summed.take(~keep)

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
                self._need_parts(entries[index])
                values[index] = panoptic_value(measure, entries[index])
                continue
            entry = _definition(entries[index], measure)
            values[index] = surface_value(measure, entry)
        return with_empty_values(measure, values, no_reference, no_prediction)

    def _need_parts(self, entry: Mapping[str, Any]) -> None:
        """Raise `InputError` where components were counted and objects are wanted, or the other
        way round."""
        told = entry["connectivity"] == 0
        if told == (self.profile.parts == "told"):
            return
        stored, wanted = "objects that data and model tell apart", "connected components"
        if not told:
            stored, wanted = wanted, stored
        raise InputError(
            f"the statistics hold {stored}, and {self.profile.id} matches {wanted} for "
            f"{self.measure.kind}. Run for this profile."
        )

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
        how = self.measure.rounds or self.profile.rounds
        if not len(rows) or rounds.max() == 0:
            if how == "area":
                raise InputError(
                    "an area under click rounds needs several rounds, and the statistics have one."
                )
            return rows, values
        axes = [name for name in units.UNIT_AXES[level] if name != "round"]
        first, group = rows.group(axes)
        result = np.full(len(first), np.nan)
        last = first.copy()
        for g in range(len(first)):
            members = np.flatnonzero(group == g)
            members = members[np.argsort(rounds[members])]
            result[g] = _ROUNDS[how](values[members])
            last[g] = members[-1]
        return rows.take(last), result

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

    def _aggregate(self, rows: units.Rows, values: NDArray[np.float64], missing: bool) -> float:
        """The means of the profile one after the other."""
        axes, cases = self._unit_axes(rows), list(rows.cases)
        if missing:
            axes, values = self._with_missing(rows, axes, values)
            cases = self._with_missing_cases(cases)
        return self._means(axes, cases).of(values)

    def _means(self, axes: dict[str, NDArray[np.int64]], cases: Sequence[str]) -> Means:
        """The order of the profile over units with these axes; `cases` by their code."""
        if "folder" in self.profile.order:
            import numpy as np

            folders = [case.rpartition("/")[0] for case in cases]
            codes = {folder: code for code, folder in enumerate(sorted(set(folders)))}
            of_case = np.array([codes[folder] for folder in folders], np.int64)
            axes = {**axes, "folder": of_case[axes["case"]]}
        return Means(self.profile, axes)

    def _with_missing_cases(self, cases: list[str]) -> list[str]:
        return list(dict.fromkeys([*cases, *(case for case, _ in self.missing)]))

    def _unit_axes(self, rows: units.Rows) -> dict[str, NDArray[np.int64]]:
        names = units.UNIT_AXES[self.profile.level]
        return {name: rows.axes[name] for name in names if name != "round"}

    def _drawn(
        self, rows: units.Rows, values: NDArray[np.float64], finest: Sequence[units.Rows]
    ) -> NDArray[np.float64] | None:
        """The score of every draw of cases; None: it cannot be had from what is summed.

        finest  level dataset: counts by case and label at each threshold
        """

        if self.draws is None:
            return None
        if self.profile.level == "dataset":
            return self._drawn_pools(rows, finest) if self.measure.kind in COUNT_KINDS else None
        axes, cases = self._unit_axes(rows), list(rows.cases)
        if self._missing_counts:
            axes, values = self._with_missing(rows, axes, values)
            cases = self._with_missing_cases(cases)
        means = self._means(axes, cases)
        return means.drawn(values, self.draws.weights(cases)[:, axes["case"]])

    def _drawn_pools(self, rows: units.Rows, finest: Sequence[units.Rows]) -> NDArray[np.float64]:
        import numpy as np

        assert self.draws is not None
        means = Means(self.profile, self._unit_axes(rows))
        found = []
        weights = self.draws.weights(finest[0].cases)
        for drawn in weights:
            pools = []
            for part in finest:
                often = drawn[part.axes["case"]][:, None] * part.counts
                summed = [np.bincount(part.axes["label"], often[:, k]) for k in range(4)]
                counts = np.stack(summed, axis=1, dtype=np.float64)[rows.axes["label"]]
                pools.append(overlap_values(self.measure, counts))
            found.append(means.of(_stacked_mean(pools)))
        return np.array(found)

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
        filled = np.full(len(self.missing), self.missing_value)
        return (
            {name: np.r_[codes, np.asarray(extra[name], np.int64)] for name, codes in axes.items()},
            np.r_[values, filled],
        )

    def _means_over(
        self, rows: units.Rows, values: NDArray[np.float64], names: tuple[str, str]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        import numpy as np

        if not len(rows):
            return np.zeros((0, 2), np.int64), np.zeros(0)
        stacked = np.stack([rows.axes[name] for name in names], axis=1)
        found, group = np.unique(stacked, axis=0, return_inverse=True)
        return np.asarray(found), grouped_mean(group.reshape(-1), values, len(found))


def why_empty(rows: units.Rows) -> Counter[str]:
    """Which masks of units without a number are empty -> how many of them."""
    tp, fp, fn, _ = rows.counts.T
    no_reference, no_prediction = tp + fn == 0, tp + fp == 0
    found = {
        "reference and prediction empty": no_reference & no_prediction,
        "reference empty": no_reference & ~no_prediction,
        "nothing predicted": ~no_reference & no_prediction,
        "undefined": ~no_reference & ~no_prediction,
    }
    return Counter({why: int(where.sum()) for why, where in found.items() if where.any()})


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
    whole = pairs_of(table.filter(pc.equal(table["scope"], "volume")))
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


def pairs_of(table: pa.Table) -> set[tuple[str, str]]:
    """(case, label) of all rows. (Arrow's own grouping starts threads and is slower here.)"""
    return set(zip(table["case"].to_pylist(), table["label"].to_pylist(), strict=True))
