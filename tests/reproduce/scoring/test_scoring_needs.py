"""What a metric profile needs of the statistics: one function, for runs and for files."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from catalog.registry import Registry
from reproduce.ground.plugins import plugins
from reproduce.planning.recipes import Request, find_claims, recipe
from reproduce.scoring import MetricProfile, metric_profile, score
from reproduce.scoring.needs import Needs, needs_of, surface_of
from reproduce.statistics import StatisticsBuilder

# The NSD of TotalSegmentator is of volumes only, the maps of SAM2-UNet are pictures.
CASES = [
    (profile.id, axes)
    for profile in plugins("metrics").values()
    for axes in (2, 3)
    if (profile.name, axes) not in (("totalsegmentator", 2), ("sam2-unet", 3))
    and (profile.parts == "full" or axes == 2)  # objects are told apart on images
]


def _table(profile: MetricProfile, axes: int) -> Any:
    """Two cases with a square (cube) as probabilities 0.2, 0.6 and 0.95, counted as needed."""
    needs = needs_of(profile, profile.measures, {axes})
    builder = StatisticsBuilder(
        thresholds=(0.5, *needs.thresholds),
        score_bins=needs.score_bins,
        surface=needs.surfaces or False,
        components=needs.components,
    )
    shape = (6, 20, 18)[-axes:]
    for case in ("one", "two"):
        reference = torch.zeros(1, *shape, dtype=torch.bool)
        reference[..., 4:12, 5:11] = True
        scores = torch.full((1, 1, *shape), 0.2)
        scores[..., 6:14, 5:11] = 0.6
        scores[..., 8:11, 5:11] = 0.95
        told: dict[str, Any] = {}
        if needs.components == "told":
            told["reference_objects"] = reference.int()
            told["predicted_objects"] = (scores > 0.5).int()
        for round_ in range(5 if profile.name == "cvpr25" else 1):
            builder.add(
                case=case,
                labels=["a"],
                scores=scores,
                kind="probability",
                reference=reference,
                spacing_mm=(2.0, 1.0, 1.0)[-axes:],
                round=round_,
                **told,
            )
    return builder.table()


@pytest.mark.parametrize(("name", "axes"), CASES)
def test_what_a_profile_needs_is_enough_for_all_its_measures(name: str, axes: int) -> None:
    profile = metric_profile(name)
    table = _table(profile, axes)
    for metric, measure in profile.measures.items():
        if (measure.surface or measure.surface_2d) and surface_of(measure, axes) is None:
            continue  # of images alone
        found = score(table, profile, metric, mask_selection=profile.selection or "first")
        assert found.value is not None, metric
        assert math.isfinite(found.value)


def test_needs_by_hand() -> None:
    def of(name: str, *metrics: str, axes: int = 2) -> Needs:
        return needs_of(metric_profile(name), metrics, {axes})

    assert of("house/1", "dice") == Needs()
    assert of("house/1", "hd95", "nsd").surfaces == ("surfel/header/2d",)
    assert of("house/1", "hd95", axes=3).surfaces == ("surfel/header/3d",)
    assert of("house/1", "auc").score_bins == 5000
    assert of("panoptica/1", "pq").components == "full"
    assert of("panoptica/1", "dice").components is None
    assert of("pannuke/1", "pq").components == "told"
    assert of("medical-sam-adapter/1", "dice").thresholds == (0.1, 0.3, 0.5, 0.7, 0.9)
    assert (of("sam2-unet/1", "dice").thresholds, of("sam2-unet/1", "dice").score_bins) == ((), 255)
    kept = of("medsam/1", "dice").reference_filter
    assert kept is not None
    assert kept.min_voxels_3d == 1000
    assert of("mmsegmentation/1", "dice").background


def test_thresholds_that_come_from_histograms_are_their_edges() -> None:
    for profile in plugins("metrics").values():
        if profile.score_bins:
            edges = [threshold * profile.score_bins for threshold in profile.thresholds]
            assert edges == pytest.approx([round(edge) for edge in edges], abs=1e-9)


def test_a_run_counts_all_that_its_claim_is_scored_by(root: Path) -> None:
    """A claim of the self-test under other profiles: what the plan says will be counted."""
    ((project, claim),) = find_claims(Registry.load(root), "selftest/phantom-dice")
    claim.protocol.metric_profile.value = "medical-sam-adapter/1"
    assert recipe(project, claim, Request()).protocol.thresholds == [0.1, 0.3, 0.5, 0.7, 0.9]
    claim.protocol.metric_profile.value, claim.metric = "panoptica/1", "pq"
    assert recipe(project, claim, Request()).protocol.components == "full"
