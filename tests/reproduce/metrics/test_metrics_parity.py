"""Metric profiles against the evaluators they stand for, on random and on hostile masks."""

from __future__ import annotations

import math
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from recorded import Recorded

from reproduce.scoring import score
from reproduce.statistics import StatisticsBuilder

Mask = NDArray[np.bool_]
Pair = tuple[Mask, Mask]  # reference, prediction

SPACING = (2.5, 0.8, 1.1)


def _ball(shape: Sequence[int], centre: Sequence[float], radius: float) -> Mask:
    grid = np.indices(shape).astype(float)
    squares = sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True))
    return np.asarray(squares <= radius**2)


def masks_2d() -> list[Pair]:
    """Random and hostile pairs, none of them empty."""
    rng = np.random.default_rng(7)
    found: list[Pair] = [
        (rng.random((23, 31)) < density, rng.random((23, 31)) < density)
        for density in (0.02, 0.3, 0.7)
    ]
    one = np.zeros((23, 31), bool)
    one[0, 0] = True
    other = np.zeros((23, 31), bool)
    other[22, 30] = True
    full = np.ones((23, 31), bool)
    found += [(one, one), (one, other), (full, one), (full, full)]
    found.append((_ball((23, 31), (11, 12), 7), _ball((23, 31), (12, 14), 6)))
    ring = _ball((23, 31), (11, 15), 9) & ~_ball((23, 31), (11, 15), 5)
    found.append((ring, np.roll(ring, 2, 0)))
    line = np.zeros((23, 31), bool)
    line[5] = True
    found.append((line, np.roll(line, 1, 0)))
    return found


def masks_3d() -> list[Pair]:
    rng = np.random.default_rng(8)
    shape = (9, 14, 13)
    found: list[Pair] = [(rng.random(shape) < d, rng.random(shape) < d) for d in (0.05, 0.4)]
    found.append((_ball(shape, (4, 6, 6), 3.5), _ball(shape, (5, 7, 6), 3.2)))
    corner = np.zeros(shape, bool)
    corner[0, 0, 0] = True
    far = np.zeros(shape, bool)
    far[-1, -1, -1] = True
    slab = np.zeros(shape, bool)
    slab[3:5] = True
    found += [(corner, far), (slab, np.roll(slab, 2, 0)), (np.ones(shape, bool), slab)]
    return found


def empties(shape: tuple[int, ...]) -> dict[str, Pair]:
    some = np.zeros(shape, bool)
    some[tuple(n // 2 for n in shape)] = True
    none = np.zeros(shape, bool)
    return {"both": (none, none), "reference": (none, some), "predicted": (some, none)}


def table(pairs: Sequence[Pair], label: str = "x", **options: Any) -> Any:
    """Statistics of pairs of masks, one case each; 3D masks as volumes."""
    spacing = options.pop("spacing", None)
    builder = StatisticsBuilder(**options)
    for index, (reference, predicted) in enumerate(pairs):
        builder.add(
            case=f"c{index:03d}",
            labels=[label],
            scores=torch.from_numpy(predicted)[None, None],
            kind="label",
            reference=torch.from_numpy(reference)[None],
            spacing_mm=spacing,
        )
    return builder.table()


def value(profile: str, metric: str, pair: Pair, **options: Any) -> float:
    found = score(table([pair], **options), profile, metric).value
    return math.nan if found is None else found


def same(ours: float, theirs: float, tolerance: float = 0.0) -> None:
    if math.isnan(theirs):
        assert math.isnan(ours)
    else:
        assert ours == pytest.approx(theirs, abs=tolerance, rel=0)


# ------------------------------------------------------------------------------ surface-distance


def _deepmind(pair: Pair, spacing: Sequence[float]) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import surface_distance

        # The package asks NumPy 2 for a name it no longer has, only where a mask is empty.
        return dict(surface_distance.compute_surface_distances(*pair, spacing))


@pytest.mark.parametrize("dims", [2, 3])
def test_surfel_histograms_equal_deepmind(dims: int) -> None:
    from surface_distance import metrics as deepmind

    pairs, spacing = (masks_2d(), (0.7, 1.9)) if dims == 2 else (masks_3d(), SPACING)
    name = f"surfel/header/{dims}d"
    for pair in pairs:
        theirs = _deepmind(pair, spacing)
        (row,) = [
            r
            for r in table([pair], surface=[name], spacing=spacing).to_pylist()
            if r["scope"] in ("image", "volume")
        ]
        (ours,) = row["surfaces"]
        for way, area in (
            ("reference", theirs["surfel_areas_gt"]),
            ("predicted", theirs["surfel_areas_pred"]),
        ):
            distance = theirs[f"distances_{'gt_to_pred' if way == 'reference' else 'pred_to_gt'}"]
            distinct, inverse = np.unique(distance, return_inverse=True)
            assert ours[f"{way}_distance"] == pytest.approx(distinct, abs=1e-12)
            summed = np.bincount(inverse, area, len(distinct))
            assert ours[f"{way}_area"] == pytest.approx(summed, rel=1e-12)
        options = {"surface": [name], "spacing": spacing}
        if dims == 3:
            tolerance = 2.0
            same(
                value("house/1", "nsd", pair, **options),
                float(deepmind.compute_surface_dice_at_tolerance(theirs, tolerance)),
                1e-12,
            )
            same(
                value("house/1", "hd95", pair, **options),
                float(deepmind.compute_robust_hausdorff(theirs, 95)),
                1e-12,
            )


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 1.3, 2.2), (5.0, 0.8, 0.8)])
def test_areas_of_all_256_neighbourhoods_equal_deepmind(spacing: tuple[float, ...]) -> None:
    from surface_distance import lookup_tables

    from reproduce.statistics.surfels import element_areas

    theirs = lookup_tables.create_table_neighbour_code_to_surface_area(spacing)
    assert element_areas(spacing) == pytest.approx(theirs, abs=1e-9)
    flat = lookup_tables.create_table_neighbour_code_to_contour_length(spacing[:2])
    assert element_areas(spacing[:2]) == pytest.approx(flat, abs=1e-9)


def test_promise_is_their_surface_dice_within_five_mm() -> None:
    from surface_distance import metrics as deepmind

    thick = (2.5, 0.8, 1.1)
    pairs = masks_3d()
    for pair in pairs:
        theirs = deepmind.compute_surface_dice_at_tolerance(_deepmind(pair, thick), 5)
        options = {"surface": ["surfel/header/3d"], "spacing": thick}
        same(value("promise/1", "nsd", pair, **options), float(theirs), 1e-9)


# ------------------------------------------------------------------------------------------ medpy


def medpy_dice_and_surface(module: Any, profile: str) -> None:
    for pair in masks_2d() + masks_3d():
        reference, predicted = pair
        options: dict[str, Any] = {}
        same(value(profile, "dice", pair), module.dc(predicted, reference))
        same(value(profile, "iou", pair), module.jc(predicted, reference))
        spacing = SPACING[3 - reference.ndim :]
        options = {"surface": [f"edge/header/{reference.ndim}d"], "spacing": spacing}
        same(
            value(profile, "hd95", pair, **options),
            float(module.hd95(predicted, reference, voxelspacing=spacing)),
            1e-12,
        )
        same(
            value(profile, "assd", pair, **options),
            float(module.assd(predicted, reference, voxelspacing=spacing)),
            1e-12,
        )
    for pair in empties((6, 7)).values():
        same(value(profile, "dice", pair), module.dc(pair[1], pair[0]))


def test_medpy_0_5() -> None:
    from medpy.metric import binary

    medpy_dice_and_surface(binary, "medpy-0.5/1")


def test_medpy_0_4() -> None:
    medpy_dice_and_surface(Recorded("medpy 0.4.0"), "medpy-0.4/1")


def test_transunet_never_asks_medpy_about_empty_masks() -> None:
    from medpy.metric import binary

    for pair in masks_2d() + masks_3d():
        reference, predicted = pair
        name = f"edge/unit/{reference.ndim}d"
        same(value("transunet/1", "dice", pair), binary.dc(predicted, reference))
        same(
            value("transunet/1", "hd95", pair, surface=[name]),
            float(binary.hd95(predicted, reference)),
            1e-12,
        )


# ------------------------------------------------------------------------------------------ MONAI


def _cases_and_labels() -> list[list[Pair]]:
    """Cases x labels, with all kinds of empty masks among them."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(6):
        row = []
        for _ in range(3):
            there, here = rng.random(2) < 0.7
            reference = (rng.random((12, 11)) < 0.3) & bool(there)
            predicted = (rng.random((12, 11)) < 0.3) & bool(here)
            row.append((reference, predicted))
        found.append(row)
    found.append([empties((12, 11))["both"]] * 3)
    return found


def _labelled_table(cases: list[list[Pair]], **options: Any) -> Any:
    builder = StatisticsBuilder(**options)
    for index, row in enumerate(cases):
        builder.add(
            case=f"c{index}",
            labels=[f"l{k}" for k in range(len(row))],
            scores=torch.from_numpy(np.stack([p for _, p in row]))[:, None],
            kind="label",
            reference=torch.from_numpy(np.stack([r for r, _ in row])),
        )
    return builder.table()


def _stack(cases: list[list[Pair]], which: int) -> torch.Tensor:
    return torch.from_numpy(np.stack([[pair[which] for pair in row] for row in cases])).float()


@pytest.mark.parametrize(
    ("profile", "reduction"), [("monai/1", "mean"), ("monai-mean-batch/1", "mean_batch")]
)
@pytest.mark.parametrize("metric", ["dice", "iou"])
def test_monai_overlap(profile: str, reduction: str, metric: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from monai.metrics import DiceMetric, MeanIoU

    cases = _cases_and_labels()
    for chosen in (cases, cases[:1], cases[-1:]):
        theirs = (DiceMetric if metric == "dice" else MeanIoU)(reduction=reduction)
        theirs(_stack(chosen, 1), _stack(chosen, 0))
        result = theirs.aggregate()
        expected = float(torch.as_tensor(result).float().mean())
        if reduction == "mean_batch":
            # MONAI returns 0 for a class that is NaN everywhere; so does no mean of ours.
            per_class = score(_labelled_table(chosen), profile, metric).per_label
            ours = [0.0 if v is None else v for v in per_class.values()]
            assert ours == pytest.approx(torch.as_tensor(result).tolist(), abs=1e-6)
        else:
            same(score(_labelled_table(chosen), profile, metric).value or 0.0, expected, 1e-6)


def test_monai_surfaces() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from monai.metrics import compute_hausdorff_distance, compute_surface_dice

    pairs = [*masks_2d(), *masks_3d(), *empties((8, 9)).values()]
    for pair in pairs:
        reference, predicted = (torch.from_numpy(m)[None, None].float() for m in pair)
        options = {"surface": [f"edge/unit/{pair[0].ndim}d"]}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nsd = compute_surface_dice(predicted, reference, [1.0], include_background=True)
            hd95 = compute_hausdorff_distance(
                predicted, reference, include_background=True, percentile=95
            )
        same(
            value("monai/1", "nsd", pair, **options)
            if pair[0].any() or pair[1].any()
            else math.nan,
            float(nsd),
            1e-6,
        )
        theirs = float(hd95)
        ours = value("monai/1", "hd95", pair, **options)
        if pair[0].any() and pair[1].any():
            same(ours, theirs, 1e-5)
        else:
            assert not math.isfinite(theirs)


# ----------------------------------------------------------------------- torchmetrics, panoptica


def test_torchmetrics() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchmetrics.segmentation import DiceScore

    cases = _cases_and_labels()
    for chosen in (cases, cases[:1], cases[-1:]):
        theirs = DiceScore(
            num_classes=3, average="macro", aggregation_level="samplewise", input_format="one-hot"
        )
        theirs.update(_stack(chosen, 1).int(), _stack(chosen, 0).int())
        found = score(_labelled_table(chosen), "torchmetrics/1").value
        same(math.nan if found is None else found, float(theirs.compute()), 1e-6)


def test_panoptica() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from panoptica import (
            ConnectedComponentsInstanceApproximator,
            InputType,
            NaiveThresholdMatching,
            Panoptica_Evaluator,
        )
    for reference, predicted in masks_2d()[3:] + masks_3d()[2:]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            evaluator = Panoptica_Evaluator(
                expected_input=InputType.SEMANTIC,
                instance_approximator=ConnectedComponentsInstanceApproximator(),
                instance_matcher=NaiveThresholdMatching(),
                verbose=False,
            )
            theirs = evaluator.evaluate(predicted.astype(np.uint8), reference.astype(np.uint8))
            theirs = theirs["ungrouped"] if isinstance(theirs, dict) else theirs
        for metric in ("pq", "sq", "rq"):
            expected = float(getattr(theirs, metric))
            ours = value("panoptica/1", metric, (reference, predicted), components="full")
            if metric == "sq" and math.isnan(expected):
                assert ours == 0.0  # no match: panoptica leaves SQ open, PQ is 0 either way
                continue
            same(ours, expected, 1e-9)


# -------------------------------------------------------------- MetricsReloaded and PySODMetrics


@pytest.mark.slow
def test_metricsreloaded() -> None:
    """Needs a checkout: SAM4MIS_METRICSRELOADED names the folder that holds the package."""
    folder = os.environ.get("SAM4MIS_METRICSRELOADED")
    if folder is None:
        pytest.skip("SAM4MIS_METRICSRELOADED does not name a checkout of MetricsReloaded")
    sys.path.insert(0, folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from MetricsReloaded.metrics.pairwise_measures import (  # type: ignore[import-not-found]
                BinaryPairwiseMeasures,
            )
    finally:
        sys.path.remove(folder)
    for pair in [*masks_2d(), *masks_3d(), *empties((8, 9)).values()]:
        reference, predicted = pair
        spacing = SPACING[3 - reference.ndim :]
        options = {"surface": [f"edge/header/{reference.ndim}d"], "spacing": spacing}
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            theirs = BinaryPairwiseMeasures(
                predicted.astype(float), reference.astype(float), pixdim=list(spacing)
            )
            same(value("metricsreloaded/1", "dice", pair), float(theirs.dsc()), 1e-12)
            same(
                value("metricsreloaded/1", "iou", pair),
                float(theirs.intersection_over_union()),
                1e-12,
            )
            if reference.any() == predicted.any():
                same(
                    value("metricsreloaded/1", "nsd", pair, **options),
                    float(theirs.normalised_surface_distance()),
                    1e-9,
                )
                same(
                    value("metricsreloaded/1", "hd95", pair, **options),
                    float(theirs.measured_hausdorff_distance_perc()),
                    1e-9,
                )


def grey_tables(maps: list[tuple[Mask, NDArray[np.uint8]]]) -> Any:
    builder = StatisticsBuilder(score_bins=255)
    for index, (reference, grey) in enumerate(maps):
        builder.add(
            case=f"c{index}",
            labels=["x"],
            scores=torch.from_numpy(grey.astype(np.float64) / 255)[None, None],
            kind="probability",
            reference=torch.from_numpy(reference)[None],
        )
    return builder.table()


def grey_maps() -> list[tuple[Mask, NDArray[np.uint8]]]:
    rng = np.random.default_rng(5)
    maps = []
    for _ in range(5):
        grey = rng.integers(0, 256, (17, 19)).astype(np.uint8)
        grey[0, :2] = (0, 255)  # stretched already: the evaluator's own stretch changes nothing
        maps.append((rng.random((17, 19)) < 0.3, grey))
    return maps


def _mean_over_grey_values(maps: list[tuple[Mask, NDArray[np.uint8]]], dice: bool) -> float:
    means = []
    for reference, grey in maps:
        values = []
        for k in range(256):
            p = grey >= k
            joint, total = int((p & reference).sum()), int(p.sum() + reference.sum())
            values.append(2 * joint / total if dice else joint / (total - joint))
        means.append(np.mean(values))
    return float(np.mean(means))


@pytest.mark.parametrize("metric", ["dice", "iou"])
def test_sam2_unet_is_the_mean_over_grey_values(metric: str) -> None:
    maps = grey_maps()
    found = score(grey_tables(maps), "sam2-unet/1", metric).value
    assert found == pytest.approx(_mean_over_grey_values(maps, metric == "dice"), abs=1e-12)


def test_sam2_unet_equals_pysodmetrics() -> None:
    maps = grey_maps()
    theirs = Recorded("pysodmetrics 1.4.3").mean_of_dynamic_dice
    expected = theirs(*(array for pair in maps for array in pair))
    assert score(grey_tables(maps), "sam2-unet/1").value == pytest.approx(expected, abs=1e-12)


# ------------------------------------------------------------------ evaluators written out by hand


def _medical_sam_adapter(pair: Pair) -> float:
    reference, predicted = (m.astype(np.float64) for m in pair)
    return (2 * (reference * predicted).sum() + 1e-4) / (reference.sum() + predicted.sum() + 1e-4)


def _sam_med2d(pair: Pair) -> float:
    joint, total = (pair[0] & pair[1]).sum(), pair[0].sum() + pair[1].sum()
    return round((2.0 * joint + 1e-7) / (total + 1e-7), 4)


def _totalsegmentator(pair: Pair) -> float:
    if not pair[0].any():
        return math.nan
    return 2.0 * float((pair[0] & pair[1]).sum()) / float(pair[0].sum() + pair[1].sum() + 1e-6)


@pytest.mark.parametrize(
    ("profile", "formula"),
    [
        ("medical-sam-adapter/1", _medical_sam_adapter),
        ("sam-med2d/1", _sam_med2d),
        ("totalsegmentator/1", _totalsegmentator),
    ],
)
def test_formulas_written_out(profile: str, formula: Callable[[Pair], float]) -> None:
    for pair in [*masks_2d(), *empties((5, 6)).values()]:
        same(value(profile, "dice", pair), formula(pair), 1e-12)
