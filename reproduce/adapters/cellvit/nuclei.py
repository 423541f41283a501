"""Nuclei told apart: maps of distances cut along their steps (`post_proc_cellvit.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Magnification -> pixels of the smallest marker, side of Sobel's kernel.
SIZES = {40: (10, 21), 20: (3, 11)}
SMALLEST = 10  # pixels of an island of nuclei
STEP, CORNERS = 0.4, 3


def numbered(
    nuclei: NDArray[np.bool_], distances: NDArray[np.float32], magnification: int
) -> NDArray[np.int32]:
    """(H, W) number of each pixel's nucleus, from 1, 0 outside of nuclei.

    distances  (2, H, W) from a nucleus' centre along x and along y, as the network gives them

    Where the distances jump, one nucleus ends and the next begins: what lies off the jumps marks
    them, and a watershed gives the rest of the pixels to the markers.
    """
    import cv2
    from scipy.ndimage import binary_fill_holes, label
    from skimage.segmentation import watershed

    least, kernel = SIZES[magnification]
    mask = (_without_small(label(nuclei)[0], SMALLEST) > 0).astype(np.int32)
    steps = np.maximum(
        _steps(distances[0], (1, 0), kernel), _steps(distances[1], (0, 1), kernel)
    ) - (1 - mask)
    steps[steps < 0] = 0
    basins = -cv2.GaussianBlur((1.0 - steps) * mask, (3, 3), 0)
    inner = np.maximum(mask - (steps >= STEP), 0)
    filled: Any = binary_fill_holes(inner).astype(np.uint8)
    opened = cv2.morphologyEx(
        filled, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    )
    markers = _without_small(label(opened)[0], least)
    found: NDArray[np.int32] = watershed(basins, markers=markers, mask=mask)  # type: ignore[no-untyped-call]  # skimage has no types
    return found


def _steps(distance: NDArray[np.float32], along: tuple[int, int], kernel: int) -> NDArray[Any]:
    """1 where a map of distances falls most along an axis, 0 where it rises most."""
    import cv2

    slope = cv2.Sobel(_stretched(distance), cv2.CV_64F, *along, ksize=kernel)
    return 1 - _stretched(slope)


def _stretched(values: NDArray[Any]) -> NDArray[np.float32]:
    """To 0-1, as OpenCV rounds it."""
    import cv2

    of_cv: Any = cv2
    found: NDArray[np.float32] = of_cv.normalize(
        values, None, alpha=0, beta=1, norm_type=cv2.NORM_MINMAX, dtype=cv2.CV_32F
    )
    return found


def _without_small(numbers: NDArray[Any], least: int) -> NDArray[Any]:
    """Numbered regions without those of fewer pixels."""
    sizes = np.bincount(numbers.ravel())
    return np.where(sizes[numbers] < least, 0, numbers)


def typed(
    numbers: NDArray[np.int32], types: NDArray[np.integer[Any]]
) -> Iterator[tuple[int, int, tuple[slice, slice], NDArray[np.bool_]]]:
    """(number, type, place, its pixels there) of each nucleus that counts.

    types  (H, W): 0 background, then the types

    Its type is the one that most of its pixels have; background only where they have no other, and
    such a nucleus is none. A nucleus whose outline has fewer than three corners is none either.
    """
    import cv2
    from scipy.ndimage import find_objects

    for number, place in enumerate(find_objects(numbers), start=1):
        if place is None:
            continue
        mask = numbers[place] == number
        outlines, _ = cv2.findContours(
            mask.astype(np.uint8), cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE
        )
        if len(outlines[0]) < CORNERS:
            continue
        pixels = np.bincount(types[place][mask])
        kinds = sorted(np.flatnonzero(pixels), key=lambda kind: -pixels[kind])
        kind = int(kinds[1] if kinds[0] == 0 and len(kinds) > 1 else kinds[0])
        if kind:
            yield number, kind, place, mask
