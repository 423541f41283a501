"""`detailed/1` against other programs, on random and on hostile masks."""

from __future__ import annotations

import math
import warnings
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.morphology import skeletonize
from test_metrics_parity import SPACING, Mask, Pair, empties, masks_2d, masks_3d, same, value

from reproduce.metrics.detailed import PLUGIN
from reproduce.scoring.needs import needs_of

PROFILE = PLUGIN.id


def ours(metric: str, pair: Pair) -> float:
    axes = pair[0].ndim
    needs = needs_of(PLUGIN, {metric}, {axes})
    options: dict[str, Any] = {"components": needs.components, "spacing": SPACING[3 - axes :]}
    if needs.surfaces:
        options["surface"] = list(needs.surfaces)
    return value(PROFILE, metric, pair, **options)


PAIRS = [*masks_2d(), *masks_3d()]


def test_counts_give_what_means_and_correlations_of_pixels_give() -> None:
    """The MCC is Pearson's correlation of the two masks."""
    for reference, predicted in PAIRS:
        pair = (reference, predicted)
        same(ours("sensitivity", pair), predicted[reference].mean(), 1e-12)
        same(ours("precision", pair), reference[predicted].mean(), 1e-12)
        if not reference.all():
            same(ours("specificity", pair), (~predicted)[~reference].mean(), 1e-12)
        if not reference.all() and not predicted.all():
            correlation = np.corrcoef(reference.ravel(), predicted.ravel())[0, 1]
            same(ours("mcc", pair), float(correlation), 1e-9)


@pytest.mark.slow  # for the seconds that MONAI takes to be imported
@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("sensitivity", "sensitivity"),
        ("specificity", "specificity"),
        ("precision", "precision"),
        ("mcc", "matthews correlation coefficient"),
    ],
)
def test_counts_give_what_monai_gives(metric: str, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from monai.metrics.confusion_matrix import (
            compute_confusion_matrix_metric,
            get_confusion_matrix,
        )
    for reference, predicted in PAIRS:
        one, two = (
            torch.from_numpy(m.astype(np.float64))[None, None] for m in (predicted, reference)
        )
        matrix = get_confusion_matrix(one, two)
        theirs = float(compute_confusion_matrix_metric(name, matrix))
        mine = ours(metric, (reference, predicted))
        if math.isnan(theirs):  # everything is foreground: 0 / 0
            assert math.isnan(mine) or mine == 0
            continue
        same(mine, theirs, 1e-6)


def test_volume_similarity_is_that_of_taha_and_hanbury() -> None:
    for reference, predicted in PAIRS:
        one, two = int(reference.sum()), int(predicted.sum())
        same(
            ours("volume-similarity", (reference, predicted)),
            1 - abs(one - two) / (one + two),
            1e-12,
        )


def edge(mask: Mask) -> Mask:
    return np.asarray(mask & ~ndimage.binary_erosion(mask))


def distances(mask: Mask, other: Mask) -> np.ndarray:
    """From each edge voxel of a mask to the nearest of the other's edge, in mm."""
    field = ndimage.distance_transform_edt(~edge(other), sampling=SPACING[3 - mask.ndim :])
    return np.asarray(field[edge(mask)])


def test_mean_and_median_distances_of_each_direction() -> None:
    for reference, predicted in PAIRS:
        there, here = distances(reference, predicted), distances(predicted, reference)
        pair = (reference, predicted)
        same(ours("asd-reference", pair), there.mean(), 1e-5)
        same(ours("asd-predicted", pair), here.mean(), 1e-5)
        same(ours("msd-reference", pair), float(np.median(there)), 1e-5)
        same(ours("msd-predicted", pair), float(np.median(here)), 1e-5)
        same(ours("masd", pair), (there.mean() + here.mean()) / 2, 1e-5)
        same(ours("assd", pair), np.r_[there, here].mean(), 1e-5)


def test_centre_lines_are_those_of_cldice() -> None:
    """jocpae/clDice cldice_metric/cldice.py: cl_score, clDice."""

    def score(of: Mask, skeleton: Mask) -> float:
        return float(np.sum(of * skeleton) / np.sum(skeleton))

    for reference, predicted in PAIRS:
        precision = score(reference, skeletonize(predicted) > 0)
        sensitivity = score(predicted, skeletonize(reference) > 0)
        total = precision + sensitivity
        theirs = 2 * precision * sensitivity / total if total else 0.0
        same(ours("cldice", (reference, predicted)), theirs, 1e-12)


def test_bands_are_those_of_boundary_iou() -> None:
    """bowenc0221/boundary-iou-api boundary_iou/utils/boundary_utils.py: mask_to_boundary."""

    def boundary(mask: np.ndarray) -> np.ndarray:
        height, width = mask.shape
        dilation = max(1, round(0.02 * np.sqrt(height**2 + width**2)))
        padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        eroded = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=dilation)
        return np.asarray(mask - eroded[1:-1, 1:-1])

    rng = np.random.default_rng(3)
    large = [ndimage.gaussian_filter(rng.random((240, 310)), 9) > 0.5 for _ in range(2)]
    for reference, predicted in [*masks_2d(), (large[0], large[1]), (large[0], ~large[0])]:
        one, two = boundary(reference.astype(np.uint8)), boundary(predicted.astype(np.uint8))
        theirs = ((one * two) > 0).sum() / ((one + two) > 0).sum()
        same(ours("boundary-iou", (reference, predicted)), float(theirs), 1e-12)


def test_lesions_are_found_where_any_pixel_of_them_is() -> None:
    for reference, predicted in [*masks_2d()[3:], *masks_3d()]:
        around = np.ones((3,) * reference.ndim)
        lesions, number = ndimage.label(reference, around)
        islands, islands_number = ndimage.label(predicted, around)
        right = sum(bool(predicted[lesions == n].any()) for n in range(1, number + 1))
        wrong = sum(not reference[islands == n].any() for n in range(1, islands_number + 1))
        theirs = 2 * right / (2 * right + (number - right) + wrong)
        same(ours("lesion-f1", (reference, predicted)), theirs, 1e-12)
        pair = (reference, predicted)
        same(ours("lesion-f1-iou", pair), value("panoptica/1", "rq", pair, components="full"), 0)


@pytest.mark.parametrize("shape", [(8, 9), (4, 5, 6)])
def test_empty_masks_count_what_the_profile_says(shape: tuple[int, ...]) -> None:
    pixels = math.prod(shape)
    nan = math.nan
    expected = {
        "sensitivity": (nan, nan, 0),
        "specificity": (1, 1 - 1 / pixels, 1),
        "precision": (nan, 0, nan),
        "mcc": (nan, 0, 0),
        "volume-similarity": (nan, 0, 0),
        "lesion-f1": (nan, 0, 0),
        "lesion-f1-iou": (nan, 0, 0),
        "cldice": (nan, 0, 0),
        **dict.fromkeys(("asd-reference", "msd-predicted", "masd", "assd"), (nan, nan, nan)),
    }
    for metric, values in expected.items():
        for pair, theirs in zip(empties(shape).values(), values, strict=True):
            same(ours(metric, pair), theirs, 1e-12)
