"""Score a statistics table as a metric profile says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from catalog.errors import InputError, UsageError
from catalog.records import Counted, Interval, Measurement
from reproduce.contracts import ProfileId
from reproduce.ground.plugins import plugins
from reproduce.scoring.interval import Draws
from reproduce.scoring.profile import MetricProfile
from reproduce.scoring.task import Task, pairs_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(slots=True)
class Scores:
    """What a profile makes of a table.

    value           the number the profile's evaluator would print, as a fraction (distances in mm);
                    None where it is undefined (NaN)
    value_complete_cases   the same with missing cases left out
    counted         over how many values the mean goes, and why the others are not in it
    n_cases         cases with statistics
    per_case        (case, label) -> value, slices and objects averaged; None: undefined
    per_label       label -> value;  per_seed  seed -> value
    interval        of the value, where it was asked for and can be had; drawn: the values of all
                    draws of patients or cases behind it, the same draws for the same cases
    std             standard deviation (n - 1) over the values of `per_case`
    missing         (case, label) without prediction
    notes           what a reader of the number should know
    """

    profile: str
    metric: str
    value: float | None
    value_complete_cases: float | None
    counted: Counted
    n_cases: int
    per_case: dict[tuple[str, str], float | None]
    per_label: dict[str, float | None]
    per_seed: dict[int, float | None]
    std: float | None
    threshold: float | None
    mask_selection: str
    interval: Interval | None = None
    drawn: NDArray[np.float64] | None = None
    missing: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def measurement(
        self,
        *,
        claim: str | None = None,
        label: str | None = None,
        subgroup: Mapping[str, str] | None = None,
    ) -> Measurement:
        """The record of these scores; claim, label and subgroup are what they were asked for."""
        return Measurement(
            metric=self.metric,
            metric_profile=self.profile,
            value=self.value,
            value_complete_cases=self.value_complete_cases,
            n_cases=self.n_cases,
            counted=self.counted,
            interval=self.interval,
            claim=claim,
            label=label,
            subgroup=dict(subgroup or {}),
            threshold=self.threshold,
            mask_selection=self.mask_selection,
            per_label=self.per_label,
            per_seed={str(seed): value for seed, value in self.per_seed.items()},
            std=self.std,
        )


def metric_profile(name: str | MetricProfile) -> MetricProfile:
    """A profile by `name/version`. Raises `UsageError` listing what there is."""
    if isinstance(name, MetricProfile):
        return name
    known = plugins("metrics")
    try:
        wanted = ProfileId.parse(name)
    except ValueError:
        raise UsageError(
            f"metric profile {name!r}: expected name/version, for instance house/1."
        ) from None
    found = known.get(wanted.name)
    if found is None or found.version != wanted.version:
        from catalog.facets import meant

        near = meant(name, [profile.id for profile in known.values()])
        listed = " `sam4mis reproduce profiles` shows them."
        raise UsageError(f"no metric profile {name!r}.{near or listed}")
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
    interval: bool = False,
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
    interval        also say how far the value would move, were the patients (or cases) drawn again

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
    counted, missing = table, set()
    if table["failure"].null_count < table.num_rows:
        failed = pc.is_valid(table["failure"])
        missing, counted = pairs_of(table.filter(failed)), table.filter(pc.invert(failed))
    present = pairs_of(counted)
    missing |= {pair for pair in expected if pair not in present and label in (None, pair[1])}
    order = label_order or sorted(set(table["label"].to_pylist()))
    patients = dict(zip(table["case"].to_pylist(), table["patient"].to_pylist(), strict=True))
    patients = dict.fromkeys(case for case, _ in missing) | patients
    draws = Draws.made(patients) if interval else None
    task = Task(
        profile, profile.measures[metric], selection, threshold, sorted(missing), list(order), draws
    )
    seeds = sorted(set(counted["seed"].to_pylist())) or [0]
    outcomes = [
        task.outcome(counted.filter(pc.equal(counted["seed"], seed)) if len(seeds) > 1 else counted)
        for seed in seeds
    ]
    first = outcomes[0]
    notes = _notes(profile, task, grid)
    if missing and task.missing_value is None and profile.missing != "omit":
        notes.append("a missing case has no distance to score: it is left out")
    cases = {pair: _mean([o.per_case.get(pair) for o in outcomes]) for pair in first.per_case}
    finite = [v for v in cases.values() if v is not None]
    drawn = [o.drawn for o in outcomes if o.drawn is not None]
    every_draw = np.mean(drawn, axis=0) if draws and drawn else None
    return Scores(
        profile=profile.id,
        metric=metric,
        value=_mean([o.value for o in outcomes]),
        value_complete_cases=_mean([o.complete for o in outcomes]),
        counted=first.counted,
        n_cases=len({case for case, _ in present}),
        per_case=cases,
        per_label={
            name: _mean([o.per_label.get(name) for o in outcomes]) for name in first.per_label
        },
        per_seed={seed: o.value for seed, o in zip(seeds, outcomes, strict=True)},
        std=float(np.std(finite, ddof=1)) if len(finite) > 1 else None,
        threshold=threshold,
        mask_selection=selection if several else "single",  # of one there is none to choose
        interval=draws.interval(every_draw) if draws and every_draw is not None else None,
        drawn=every_draw,
        missing=sorted(missing),
        notes=notes,
    )


def _notes(profile: MetricProfile, task: Task, grid: str | None) -> list[str]:
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


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [v for v in values if v is not None]
    return sum(defined) / len(defined) if defined else None
