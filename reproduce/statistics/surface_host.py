"""Surfaces of masks and distances between them in host memory, with NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Lists = tuple[list[float], list[float]]
Surface = tuple["NDArray[np.intp]", "NDArray[np.float64]"]


def measure(
    reference: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    element: str,
    spacing: tuple[float, ...],
) -> tuple[Lists, Lists]:
    """Distances from each surface to the other, sorted and distinct, with the area at each.

    reference, predicted  bool arrays of one shape, two or three axes;  spacing in their order
    element               surfel | edge
    returns               (distances, areas) of the reference's surface, then of the predicted one
    """
    import numpy as np

    elements = _surfels if element == "surfel" else _edges
    shape, there = elements(reference, spacing)
    if np.array_equal(reference, predicted):
        same = ([0.0], [float(np.bincount(np.zeros(len(there[0]), np.intp), there[1])[0])])
        return same, same
    _, here = elements(predicted, spacing)
    return _grouped(there, here, shape, spacing), _grouped(here, there, shape, spacing)


def _grouped(
    surface: Surface, other: Surface, shape: tuple[int, ...], spacing: tuple[float, ...]
) -> Lists:
    import numpy as np

    from reproduce.statistics.nearest import nearest_distances

    distance = nearest_distances(surface[0], other[0], shape, spacing)
    found, inverse = np.unique(distance, return_inverse=True)
    return found.tolist(), np.bincount(inverse, surface[1], len(found)).tolist()


def _surfels(
    crop: NDArray[np.bool_], spacing: tuple[float, ...]
) -> tuple[tuple[int, ...], Surface]:
    """The shape of the shifted grid, where in it elements lie (flat) and the area of each."""
    import numpy as np

    from reproduce.statistics.surfels import element_areas, neighbour_codes

    codes = neighbour_codes(crop)
    flat = codes.reshape(-1)
    full = (1 << (1 << crop.ndim)) - 1
    # 0 becomes the largest number, so that one comparison finds what is neither empty nor full
    places = np.flatnonzero(flat - np.uint8(1) < full - 1)
    return codes.shape, (places, element_areas(spacing)[flat[places]])


def _edges(crop: NDArray[np.bool_], spacing: tuple[float, ...]) -> tuple[tuple[int, ...], Surface]:
    """The crop's shape, where voxels lie that an erosion removes (flat), and 1 for each."""
    import numpy as np

    inside = crop.copy()
    for axis, length in enumerate(crop.shape):
        along, kept = np.moveaxis(crop, axis, 0), np.moveaxis(inside, axis, 0)
        kept[1:] &= along[: length - 1]
        kept[:-1] &= along[1:]
        kept[[0, -1]] = False
    places = np.flatnonzero(crop & ~inside)
    return crop.shape, (places, np.ones(len(places)))


def bounding_box(*masks: NDArray[np.bool_]) -> tuple[slice, ...] | None:
    """The smallest box that holds all masks of one shape, or None where all are empty.

    One pass over the arrays finds the lines that hold anything; the last axis is then looked at
    inside the box of those.
    """
    import numpy as np

    lines = np.logical_or.reduce([mask.any(-1) for mask in masks])
    box: list[slice] = []
    for axis in range(lines.ndim):
        where = np.flatnonzero(lines.any(axis=tuple(a for a in range(lines.ndim) if a != axis)))
        if not len(where):
            return None
        box.append(slice(int(where[0]), int(where[-1]) + 1))
    part = tuple(box)
    along = tuple(range(lines.ndim))
    where = np.flatnonzero(np.logical_or.reduce([mask[part].any(along) for mask in masks]))
    return (*part, slice(int(where[0]), int(where[-1]) + 1))
