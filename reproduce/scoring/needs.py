"""What the statistics must hold so that a metric profile can be scored: for runs and for files."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any, Literal

from reproduce.scoring.profile import Measure, MetricProfile, ReferenceFilter

AUC_BINS = 5000
PANOPTIC_KINDS = ("pq", "sq", "rq", "lesion-f1")


@dataclass(frozen=True, slots=True)
class Needs:
    """What is counted, and how the reference is prepared; the defaults are what Dice at one
    threshold takes.

    thresholds  probabilities besides the one asked for;  score_bins  of score histograms, 0: none
    surfaces    definitions (`reproduce.statistics.surface`), sorted
    components  connectivity of component statistics, `told`: of objects that data and model tell
                apart; None: none
    objects     several regions of one label: one mask, or one row each
    background  the background is a class of its own
    """

    thresholds: tuple[float, ...] = ()
    score_bins: int = 0
    surfaces: tuple[str, ...] = ()
    components: Literal["full", "told"] | None = None
    reference_filter: ReferenceFilter | None = None
    objects: Literal["union", "separate"] = "union"
    background: bool = False

    @property
    def rule(self) -> dict[str, Any] | None:
        """The filter of references as plain data, as runs record it; None where it changes
        nothing."""
        rule = self.reference_filter
        if rule is None or rule == ReferenceFilter():
            return None
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(rule).items()}


def needs_of(profile: MetricProfile, metrics: Collection[str], axes: Collection[int]) -> Needs:
    """What `metrics` of a profile need.

    metrics  names of measures, or their kinds (`dice` is `dice` and `dice_auc` of cvpr25)
    axes     how many axes masks have: 2 for images, 3 for whole volumes
    """
    measures = [
        measure
        for name, measure in profile.measures.items()
        if name in metrics or measure.kind in metrics
    ]
    kinds = {measure.kind for measure in measures}
    found = {surface_of(measure, n) for measure in measures for n in axes}
    return Needs(
        thresholds=() if profile.score_bins else profile.thresholds or (),
        score_bins=max(profile.score_bins, AUC_BINS if "auc" in kinds else 0),
        surfaces=tuple(sorted(name for name in found if name)),
        components=profile.parts if kinds & set(PANOPTIC_KINDS) else None,
        reference_filter=profile.reference_filter,
        objects="separate" if profile.level == "object" else "union",
        background=profile.background,
    )


def surface_of(measure: Measure, axes: int) -> str | None:
    """The surface a measure takes for masks of 2 or 3 axes; None: it takes none there."""
    return measure.surface_2d if axes == 2 else measure.surface
