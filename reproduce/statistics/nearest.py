"""Exact distances from some voxels of a grid to the nearest of others, whichever way is least work.

Two surfaces worth comparing run close to each other, so a distance transform of the whole box does
mostly work that nobody reads: a query voxel looks at the targets in its own line along the last
axis, then at the neighbouring lines, nearest first, and stops as soon as a line is farther away
than what it has found. Where surfaces lie apart that becomes many lines for every voxel. The lines
still to look at are known from what has been found so far; when another way would cost less, the
voxels that are still open go that way: a k-d tree where they and the targets are few for the box
(`by_tree`), else a distance transform of the box (`by_transform`). Which way a voxel went depends
on the masks alone, and every way sums the same squares in the same order.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from math import inf, pi, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Places = NDArray[np.intp]

FAR = 1 << 28  # voxels; fits int32 together with any position
LINES = 1024  # about how many neighbouring lines there are to look at
# What a step of each way takes, in nanoseconds of one thread; only their ratios matter
# (`benchmarks/NOTES.md`).
ROW_NS = 3_000  # a row of an image, once for all lines
LINE_NS = 2  # one line looked at for one voxel
BOX_NS = {2: 22, 3: 45}  # a voxel of the box transformed, by the number of axes
TARGET_NS = 160  # a target put into a tree
QUERY_NS = {2: 300, 3: 1_000}  # a voxel asked in a tree, and what it costs for every target:
FAR_NS = 0.2  # far from all of them, many are about as near


def nearest_distances(
    queries: Places, targets: Places, shape: tuple[int, ...], spacing: tuple[float, ...]
) -> NDArray[np.float64]:
    """Distance of every query voxel to the nearest target.

    queries, targets  (K,), (M,) flat indices into an array of `shape`, two or three axes
    spacing           of each axis, in their order
    returns           (K,) float64; infinite where there is no target

    The same numbers as `scipy.ndimage.distance_transform_edt` gives for the array whose targets
    are zero, with `sampling=spacing`.
    """
    import numpy as np

    if not len(targets):
        return np.full(len(queries), np.inf)
    background = np.ones(shape, np.bool_)
    background.reshape(-1)[targets] = False
    squares = np.zeros(len(queries))
    apart = np.flatnonzero(background.reshape(-1)[queries])
    if len(apart):
        few = len(shape) == 2 and _tree_ns(len(apart), len(targets), 2) < ROW_NS * shape[-1]
        way = by_tree if few else by_lines
        squares[apart] = way(queries[apart], targets, background, spacing)
    return np.sqrt(squares, out=squares)


def by_lines(
    queries: Places, targets: Places, background: NDArray[np.bool_], spacing: tuple[float, ...]
) -> NDArray[np.float64]:
    """Squared distances of (K,) queries, line by line as long as no other way costs less."""
    import numpy as np

    shape = background.shape
    offsets, squares, margins = lines_around(spacing[:-1])
    steps, strides = _steps_along(targets, shape, margins)
    length = shape[-1]
    # the last entry stands for a line without any target
    table = np.append((np.arange(length) * spacing[-1]) ** 2, np.inf)
    index = _moved(queries, shape, margins, strides)
    jumps = offsets @ strides[:-1]
    best: NDArray[np.float64] = table[steps[index]]
    is_open = np.flatnonzero(best > squares[1]) if len(squares) > 1 else np.arange(len(best))
    start, size = 1, 4
    while len(is_open) and start < len(squares):
        if start > 8 and _costly(best[is_open], squares, start, len(targets), background):
            break
        found, lines = best[is_open], index[is_open]
        for jump, square in zip(
            jumps[start : start + size], squares[start : start + size], strict=True
        ):
            np.minimum(found, table[steps[lines + jump]] + square, out=found)
        best[is_open] = found
        start, size = start + size, min(2 * size, 32)
        if start < len(squares):
            is_open = is_open[found > squares[start]]
    if start >= len(squares):
        is_open = is_open[best[is_open] > squares[-1]]
    if len(is_open):
        rest, reach = queries[is_open], float(best[is_open].max())
        if _tree_ns(len(rest), len(targets), len(shape)) < _box_ns(background):
            best[is_open] = by_tree(rest, targets, background, spacing)
        else:
            best[is_open] = by_transform(rest, targets, background, spacing, sqrt(reach))
    return best


def _costly(
    best: NDArray[np.float64],
    squares: NDArray[np.float64],
    start: int,
    targets: int,
    background: NDArray[np.bool_],
) -> bool:
    """Whether another way would be less work than the lines that these voxels might look at."""
    import numpy as np

    lines = int(np.searchsorted(squares, best).sum()) - start * len(best)
    other = min(_tree_ns(len(best), targets, background.ndim), _box_ns(background))
    beyond = np.count_nonzero(best > squares[-1])  # these go another way in any case
    if start > 24 and 2 * beyond > len(best):
        return 5 * lines * LINE_NS > other
    return lines * LINE_NS > other


def _tree_ns(queries: int, targets: int, axes: int) -> float:
    return targets * TARGET_NS + queries * (QUERY_NS[axes] + targets * FAR_NS)


def _box_ns(background: NDArray[np.bool_]) -> int:
    return background.size * BOX_NS[background.ndim]


def by_transform(
    queries: Places,
    targets: Places,
    background: NDArray[np.bool_],
    spacing: tuple[float, ...],
    reach: float = inf,
) -> NDArray[np.float64]:
    """Squared distances of (K,) queries from the nearest target of every voxel of their box.

    reach  no query is farther from its target, so that the box goes so far around them
    """
    import numpy as np
    from scipy.ndimage import distance_transform_edt

    here = np.unravel_index(queries, background.shape)
    box: list[slice] = []
    for axis, step, length in zip(here, spacing, background.shape, strict=True):
        far = int(min(reach / step, length)) + 1
        box.append(slice(max(0, int(axis.min()) - far), int(axis.max()) + far + 1))
    part = background[tuple(box)]
    inside = tuple(axis - side.start for axis, side in zip(here, box, strict=True))
    nearest = distance_transform_edt(
        part, sampling=spacing, return_distances=False, return_indices=True
    )
    return _squares(inside, [axis[inside] for axis in nearest], spacing)


def by_tree(
    queries: Places, targets: Places, background: NDArray[np.bool_], spacing: tuple[float, ...]
) -> NDArray[np.float64]:
    """Squared distances of (K,) queries, each asked in a k-d tree of the targets."""
    import numpy as np
    from scipy.spatial import cKDTree

    here = np.unravel_index(queries, background.shape)
    there = np.unravel_index(targets, background.shape)
    tree = cKDTree(np.stack(there, axis=1) * np.asarray(spacing))
    _, nearest = tree.query(np.stack(here, axis=1) * np.asarray(spacing))
    return _squares(here, [axis[nearest] for axis in there], spacing)


def _squares(
    here: tuple[Places, ...], there: list[NDArray[np.integer]], spacing: tuple[float, ...]
) -> NDArray[np.float64]:
    import numpy as np

    total = np.zeros(len(here[0]))
    for one, other, step in zip(here, there, spacing, strict=True):
        total += ((one - other) * step) ** 2
    return total


def _steps_along(
    targets: Places, shape: tuple[int, ...], margins: tuple[int, ...]
) -> tuple[NDArray[np.unsignedinteger], NDArray[np.intp]]:
    """Voxels to the nearest target in the same line along the last axis, the axis' length for none.

    The array has margins around the other axes, so that every neighbouring line exists, and holds
    the last axis first: a step along it is one pass over a plane. Returns it flat, with its strides
    in the order of `shape`.
    """
    import numpy as np

    length = shape[-1]
    kind = next(k for k in (np.uint8, np.uint16, np.uint32) if length < np.iinfo(k).max)
    plane = tuple(n + 2 * margin for n, margin in zip(shape[:-1], margins, strict=True))
    steps = np.full((length, *plane), length, kind)
    strides = np.array([*steps.strides[1:], steps.strides[0]], np.intp) // steps.itemsize
    steps.reshape(-1)[_moved(targets, shape, margins, strides)] = 0
    room = np.empty(plane, kind)
    for order in (range(1, length), range(length - 2, -1, -1)):
        before = order.start - order.step
        for at in order:
            np.add(steps[before], 1, out=room)
            np.minimum(steps[at], room, out=steps[at])
            before = at
    return steps.reshape(-1), strides


def _moved(
    places: Places, shape: tuple[int, ...], margins: tuple[int, ...], strides: NDArray[np.intp]
) -> Places:
    """Flat indices into the array of `_steps_along`."""
    import numpy as np

    parts = zip(np.unravel_index(places, shape), (*margins, 0), strides, strict=True)
    return sum(((axis + margin) * stride for axis, margin, stride in parts), np.zeros(1, np.intp))


@lru_cache(maxsize=32)
def lines_around(
    spacing: tuple[float, ...], lines: int = LINES
) -> tuple[NDArray[np.int64], NDArray[np.float64], tuple[int, ...]]:
    """Offsets to about so many neighbouring lines, nearest first, and their squared lengths.

    The third value is how far they reach along each axis.
    """
    import numpy as np

    if len(spacing) == 1:
        radius = lines / 2 * spacing[0]
    else:
        radius = sqrt(lines * spacing[0] * spacing[1] / pi)
    margins = tuple(int(radius / s) for s in spacing)
    offsets = np.array(list(product(*(range(-m, m + 1) for m in margins))))
    squares = ((offsets * np.asarray(spacing)) ** 2).sum(1)
    order = np.argsort(squares, kind="stable")
    order = order[squares[order] <= radius**2]
    return offsets[order], squares[order], margins
