"""Surfaces of masks and distances between them in host memory, with NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Lists = tuple[list[float], list[float]]


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
    elements = _surfels if element == "surfel" else _edges
    there, there_area = elements(reference, spacing)
    here, here_area = elements(predicted, spacing)
    return (
        _grouped(there, there_area, here, spacing),
        _grouped(here, here_area, there, spacing),
    )


def _grouped(
    at: NDArray[np.bool_],
    area: NDArray[np.float64],
    other: NDArray[np.bool_],
    spacing: tuple[float, ...],
) -> Lists:
    import numpy as np

    from reproduce.statistics.nearest import nearest_distances

    distance = nearest_distances(at, other, spacing)
    found, inverse = np.unique(distance, return_inverse=True)
    return found.tolist(), np.bincount(inverse, area[at], len(found)).tolist()


def _surfels(
    crop: NDArray[np.bool_], spacing: tuple[float, ...]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    from reproduce.statistics.surfels import element_areas, neighbour_codes

    codes = neighbour_codes(crop)
    full = (1 << (1 << crop.ndim)) - 1
    return (codes != 0) & (codes != full), element_areas(spacing)[codes]


def _edges(
    crop: NDArray[np.bool_], spacing: tuple[float, ...]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    import numpy as np
    from scipy.ndimage import binary_erosion

    edge = crop & ~binary_erosion(crop)
    return edge, np.ones(crop.shape)


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
