"""Exact distances from some voxels of a grid to the nearest of others, quick where they are close.

Two surfaces worth comparing run close to each other, so a distance transform of the whole box does
mostly work that nobody reads. Here one pass finds, for every voxel, the distance to the nearest
target in its own line along the last axis; a query voxel then looks at the neighbouring lines,
nearest first, and stops as soon as a line is farther away than what it has found. Queries that are
still open after some hundred lines ask a k-d tree.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import pi, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FAR = 1 << 28  # voxels; fits int32 together with any position
LINES = 256  # about how many neighbouring lines are looked at before the tree is asked


def nearest_distances(
    at: NDArray[np.bool_], targets: NDArray[np.bool_], spacing: tuple[float, ...]
) -> NDArray[np.float64]:
    """Distance of every voxel of `at` (in array order) to the nearest voxel of `targets`.

    at, targets  bool arrays of one shape, two or three axes;  spacing in their order
    returns      (K,) float64 for the K voxels of `at`; infinite where `targets` is empty

    The same numbers as `scipy.ndimage.distance_transform_edt(~targets, sampling=spacing)[at]`.
    """
    import numpy as np

    where = np.nonzero(at)
    if not targets.any():
        return np.full(len(where[0]), np.inf)
    offsets, squares, margins = lines_around(spacing[:-1])
    padding = [(m, m) for m in margins]
    along = np.pad(_squares_along(targets, spacing[-1]), [*padding, (0, 0)], constant_values=np.inf)
    strides = np.array(along.strides) // along.itemsize
    index = sum(
        (axis + margin) * stride
        for axis, margin, stride in zip(where, (*margins, 0), strides, strict=True)
    )
    flat = along.ravel()
    best = flat[index]
    steps = offsets @ strides[:-1]
    is_open = np.flatnonzero(best > squares[1]) if len(squares) > 1 else np.arange(len(best))
    start, size = 1, 4
    while len(is_open) and start < len(squares):
        found, lines = best[is_open], index[is_open]
        for step, square in zip(
            steps[start : start + size], squares[start : start + size], strict=True
        ):
            np.minimum(found, flat[lines + step] + square, out=found)
        best[is_open] = found
        start, size = start + size, min(2 * size, 32)
        if start < len(squares):
            is_open = is_open[found > squares[start]]
    reached = squares[-1]
    is_open = is_open[best[is_open] > reached]
    if len(is_open):
        points = np.stack([axis[is_open] for axis in where], axis=1)
        best[is_open] = np.minimum(best[is_open], _by_tree(points, targets, spacing))
    distances: NDArray[np.float64] = np.sqrt(best)
    return distances


def _squares_along(targets: NDArray[np.bool_], spacing: float) -> NDArray[np.float64]:
    """Squared distance to the nearest target in the same line along the last axis.

    Lines without a target have a number larger than any distance inside the array.
    """
    import numpy as np

    position = np.arange(targets.shape[-1], dtype=np.int32)
    left = np.where(targets, position, np.int32(-FAR))
    np.maximum.accumulate(left, axis=-1, out=left)
    right = np.where(targets, position, np.int32(FAR))[..., ::-1]
    np.minimum.accumulate(right, axis=-1, out=right)
    np.subtract(position, left, out=left)
    steps: NDArray[np.float64] = np.minimum(left, right[..., ::-1] - position).astype(np.float64)
    steps *= spacing
    steps *= steps
    return steps


@lru_cache(maxsize=32)
def lines_around(
    spacing: tuple[float, ...],
) -> tuple[NDArray[np.int64], NDArray[np.float64], tuple[int, ...]]:
    """Offsets to all neighbouring lines within a radius, nearest first, and their squared lengths.

    The third value is how far they reach along each axis.
    """
    import numpy as np

    if len(spacing) == 1:
        radius = LINES / 2 * spacing[0]
    else:
        radius = sqrt(LINES * spacing[0] * spacing[1] / pi)
    margins = tuple(int(radius / s) for s in spacing)
    offsets = np.array(list(product(*(range(-m, m + 1) for m in margins))))
    squares = ((offsets * np.asarray(spacing)) ** 2).sum(1)
    order = np.argsort(squares, kind="stable")
    order = order[squares[order] <= radius**2]
    return offsets[order], squares[order], margins


def _by_tree(
    points: NDArray[np.int64], targets: NDArray[np.bool_], spacing: tuple[float, ...]
) -> NDArray[np.float64]:
    """Squared distances of (K, ndim) voxels to the nearest target."""
    import numpy as np
    from scipy.spatial import cKDTree

    there = np.argwhere(targets)
    scale = np.asarray(spacing)
    _, nearest = cKDTree(there * scale).query(points * scale)
    return np.asarray((((points - there[nearest]) * scale) ** 2).sum(1))
