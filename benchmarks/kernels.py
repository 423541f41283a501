"""The same masks through this project's kernels and through its peers'.

Scenarios:
  masks_2d        128 pairs of masks of 1024 x 1024: Dice of each
  volume_one      256 x 256 x 128 voxels, one class: its Dice
  volume_overlap  256 x 256 x 128 voxels, eight classes: Dice of each class
  volume_surface  the same volume: NSD at 2 mm and HD95 of each class (spacing 2 x 0.8 x 0.8 mm)

Outcomes are flat lists of numbers in the same order, so that values can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scenario = Callable[[], Any]
SPACING_MM = (2.0, 0.8, 0.8)
TOLERANCE_MM = 2.0
CLASSES = 8
SIDE = 1024


def pairs_2d(count: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Real polyp masks enlarged to 1024 x 1024 (each used as often as needed) and shifted ones."""
    from PIL import Image

    from benchmarks.material import polyps

    found = []
    for _, mask in polyps(min(count, 32)):
        image = Image.fromarray(mask.astype(np.uint8)).resize(
            (SIDE, SIDE), Image.Resampling.NEAREST
        )
        found.append(np.asarray(image) > 0)
    reference = np.stack([found[i % len(found)] for i in range(count)])
    predicted = np.stack([np.roll(m, (i % 37, -i % 23), (0, 1)) for i, m in enumerate(reference)])
    return reference, predicted


def label_volumes() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Two (128, 256, 256) label volumes with eight bumpy ellipsoids of 10 to 45 voxels radius."""
    rng = np.random.default_rng(0)
    z, y, x = np.ogrid[:128, :256, :256]
    reference = np.zeros((128, 256, 256), np.uint8)
    predicted = np.zeros_like(reference)
    for label in range(1, CLASSES + 1):
        centre = rng.uniform((30, 60, 60), (98, 196, 196))
        radius = rng.uniform((10, 20, 20), (25, 45, 45))
        for volume, move in ((reference, np.zeros(3)), (predicted, rng.uniform(-3, 3, 3))):
            at = centre + move
            distance = (
                ((z - at[0]) / radius[0]) ** 2
                + ((y - at[1]) / radius[1]) ** 2
                + ((x - at[2]) / radius[2]) ** 2
            )
            bump = 0.15 * np.sin(x / 5 + move[0]) * np.sin(y / 7 + move[1]) * np.sin(z / 4 + label)
            volume[distance + bump < 1] = label
    return reference, predicted


def one_hot(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(D, H, W) labels -> (8, D, H, W) masks: what every contender is given."""
    return np.stack([labels == label for label in range(1, CLASSES + 1)])


def _material(options: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    reference, predicted = pairs_2d(options["masks"])
    true_volume, volume = label_volumes()
    return reference, predicted, one_hot(true_volume), one_hot(volume)


def copy(options: dict[str, Any]) -> dict[str, Scenario]:
    """A plain copy of both masks of every pair in one thread: what memory gives."""
    reference, predicted, true_volume, volume = _material(options)

    def both(*masks: Any) -> Callable[[], list[float]]:
        room = np.empty_like(masks[0])

        def work() -> list[float]:
            for each in masks:
                np.copyto(room, each)
            return []

        return work

    return {
        "masks_2d": both(reference, predicted),
        "volume_one": both(true_volume[:1], volume[:1]),
        "volume_overlap": both(true_volume, volume),
    }


def ours(options: dict[str, Any]) -> dict[str, Scenario]:
    """`reproduce.statistics`: confusion counts, surface histograms and the scores from them."""
    import torch

    from reproduce.statistics.counting import confusion
    from reproduce.statistics.surface import SurfaceSpec, surface_histograms

    torch.set_num_threads(options.get("threads", torch.get_num_threads()))
    reference, predicted, true_volume, volume = _material(options)
    spec = SurfaceSpec.parse("surfel/header/3d")

    def dice(truth: Any, masks: Any) -> list[float]:
        counts = confusion(
            torch.from_numpy(masks)[:, None], "label", (0.5,), torch.from_numpy(truth)
        )
        tp, fp, fn = (counts[:, 0, 0, k] for k in range(3))
        return list(map(float, 2 * tp / (2 * tp + fp + fn)))

    def surfaces() -> list[float]:
        pairs = [(t, m, spec, SPACING_MM) for t, m in zip(true_volume, volume, strict=True)]
        entries = surface_histograms(pairs, torch.get_num_threads())
        return [score for entry in entries for score in scores_of(entry)]

    return {
        "masks_2d": lambda: dice(reference, predicted),
        "volume_one": lambda: dice(true_volume[:1], volume[:1]),
        "volume_overlap": lambda: dice(true_volume, volume),
        "volume_surface": surfaces,
    }


def scores_of(entry: dict[str, Any]) -> list[float]:
    """NSD and HD95 from one histogram, as surface-distance defines them."""
    near, total, percentiles = 0.0, 0.0, []
    for side in ("reference", "predicted"):
        distance = np.asarray(entry[f"{side}_distance"])
        area = np.asarray(entry[f"{side}_area"])
        near += float(area[distance <= TOLERANCE_MM].sum())
        total += float(area.sum())
        if not len(distance):
            percentiles.append(math.inf)
            continue
        cumulated = np.cumsum(area) / area.sum()
        index = min(int(np.searchsorted(cumulated, 0.95)), len(distance) - 1)
        percentiles.append(float(distance[index]))
    return [near / total, max(percentiles)]


def monai(options: dict[str, Any]) -> dict[str, Scenario]:
    """MONAI: compute_dice, and its sub-voxel surface Dice."""
    import torch
    from monai.metrics import compute_dice, compute_surface_dice

    reference, predicted, true_volume, volume = _material(options)

    def dice(truth: Any, masks: Any) -> list[float]:
        found = compute_dice(torch.from_numpy(masks)[:, None], torch.from_numpy(truth)[:, None])
        return list(map(float, found.flatten()))

    def volumes() -> list[float]:
        found = compute_dice(torch.from_numpy(volume)[None], torch.from_numpy(true_volume)[None])
        return list(map(float, found.flatten()))

    def surfaces() -> list[float]:
        found = compute_surface_dice(
            torch.from_numpy(volume)[None],
            torch.from_numpy(true_volume)[None],
            class_thresholds=[TOLERANCE_MM] * CLASSES,
            include_background=True,
            spacing=SPACING_MM,
            use_subvoxels=True,
        )
        return [v for nsd in map(float, found.flatten()) for v in (nsd, float("nan"))]

    return {
        "masks_2d": lambda: dice(reference, predicted),
        "volume_overlap": volumes,
        "volume_surface": surfaces,
    }


def monai_float(options: dict[str, Any]) -> dict[str, Scenario]:
    """MONAI: compute_dice of float32 masks, which its own `AsDiscrete` hands to its metrics."""
    import torch
    from monai.metrics import compute_dice

    masks = [torch.from_numpy(each).float() for each in _material(options)]
    reference, predicted, true_volume, volume = masks

    def dice(truth: Any, mask: Any) -> list[float]:
        return list(map(float, compute_dice(mask, truth).flatten()))

    return {
        "masks_2d": lambda: dice(reference[:, None], predicted[:, None]),
        "volume_overlap": lambda: dice(true_volume[None], volume[None]),
    }


def torchmetrics(options: dict[str, Any]) -> dict[str, Scenario]:
    """torchmetrics: dice_score of one-hot masks."""
    import torch
    from torchmetrics.functional.segmentation import dice_score

    reference, predicted, true_volume, volume = _material(options)

    def dice(truth: Any, masks: Any) -> list[float]:
        found = dice_score(
            torch.from_numpy(masks),
            torch.from_numpy(truth),
            num_classes=truth.shape[1],
            include_background=True,
            average="none",
            input_format="one-hot",
        )
        return list(map(float, found.flatten()))

    return {
        "masks_2d": lambda: dice(reference[:, None], predicted[:, None]),
        "volume_overlap": lambda: dice(true_volume[None], volume[None]),
    }


def medpy(options: dict[str, Any]) -> dict[str, Scenario]:
    """medpy: dc. Its hd95 rests on voxel edges, which is another definition."""
    from medpy.metric.binary import dc

    reference, predicted, true_volume, volume = _material(options)

    def dice(truth: Any, masks: Any) -> list[float]:
        return [float(dc(m, t)) for m, t in zip(masks, truth, strict=True)]

    return {
        "masks_2d": lambda: dice(reference, predicted),
        "volume_one": lambda: dice(true_volume[:1], volume[:1]),
        "volume_overlap": lambda: dice(true_volume, volume),
    }


def mikan(options: dict[str, Any]) -> dict[str, Scenario]:
    """mikan-rs (Rust): Dice of one label, as many threads as it is told."""
    from mikan import ArrayEvaluator

    masks = [each.view(np.uint8) for each in _material(options)]
    reference, predicted, true_volume, volume = masks

    def dice(truth: Any, masks: Any) -> list[float]:
        return [
            float(ArrayEvaluator(t, m, (1.0, 1.0, 1.0)).labels(1).metrics("dice"))
            for t, m in zip(truth, masks, strict=True)
        ]

    return {
        "masks_2d": lambda: dice(reference[:, None], predicted[:, None]),
        "volume_one": lambda: dice(true_volume[:1], volume[:1]),
        "volume_overlap": lambda: dice(true_volume, volume),
    }


def surface_distance(options: dict[str, Any]) -> dict[str, Scenario]:
    """DeepMind's surface-distance: NSD and robust Hausdorff distance."""
    from surface_distance import (
        compute_robust_hausdorff,
        compute_surface_dice_at_tolerance,
        compute_surface_distances,
    )

    _, _, true_volume, volume = _material(options)

    def surfaces() -> list[float]:
        found = []
        for truth, mask in zip(true_volume, volume, strict=True):
            distances = compute_surface_distances(truth, mask, SPACING_MM)
            found.append(float(compute_surface_dice_at_tolerance(distances, TOLERANCE_MM)))
            found.append(float(compute_robust_hausdorff(distances, 95)))
        return found

    return {"volume_surface": surfaces}
