"""How much surface a 2x2(x2) neighbourhood of voxels carries (marching squares, marching cubes).

The grid of surface elements is shifted by half a voxel; the code of an element has one bit per
voxel around it. Areas follow from the triangles that marching cubes (Lorensen and Cline, 1987)
puts between the voxels; the classical table treats a neighbourhood and its complement differently
where five or six voxels are set, so those take the area of their complement. This gives the areas
of DeepMind's surface-distance for every one of the 256 codes (a test compares them).
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@cache
def _triangle_normals() -> tuple[NDArray[np.float64], ...]:
    """For each of the 256 codes the triangles' normals, (T, 3); their length is the area."""
    import numpy as np
    from skimage.measure import marching_cubes

    normals: list[NDArray[np.float64]] = []
    for code in range(256):
        bits = np.array([code >> (7 - k) & 1 for k in range(8)], float).reshape(2, 2, 2)
        if bits.sum() > 4:
            bits = 1 - bits
        if not bits.any():
            normals.append(np.zeros((0, 3)))
            continue
        # scikit-image publishes no types for this function.
        points, faces, _, _ = marching_cubes(bits, 0.5, method="lorensen")  # type: ignore[no-untyped-call]
        corners = points[faces].astype(np.float64)
        normals.append(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2)
    return tuple(normals)


@lru_cache(maxsize=256)
def element_areas(spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
    """Area (mm2, 3D) or length (mm, 2D) of the surface element of each code.

    spacing_mm  one value per axis in array order, 2 or 3 of them
    returns     (256,) or (16,) float64; bit of voxel (a, b[, c]) is 2 ** (7 - (4a + 2b + c)),
                in 2D 2 ** (3 - (2a + b))
    """
    import numpy as np

    if len(spacing_mm) == 2:
        return _lengths(spacing_mm)
    # A normal's component is an area of the plane of the two other axes.
    product = float(np.prod(spacing_mm))
    scale = product / np.asarray(spacing_mm, float)
    return np.array([np.linalg.norm(n * scale, axis=1).sum() for n in _triangle_normals()])


def _lengths(spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
    import numpy as np

    first, second = spacing_mm
    diagonal = float(np.hypot(first, second)) / 2
    lengths = np.zeros(16)
    for code in range(1, 15):
        set_ = [code >> (3 - k) & 1 for k in range(4)]  # (0,0) (0,1) (1,0) (1,1)
        if sum(set_) in (1, 3):
            lengths[code] = diagonal
        elif set_[0] == set_[1]:
            lengths[code] = second  # rows differ: the line runs along the second axis
        elif set_[0] == set_[2]:
            lengths[code] = first
        else:
            lengths[code] = 2 * diagonal
    return lengths


def neighbour_codes(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Code of every element of the shifted grid of a 2D or 3D mask; each axis one longer."""
    import numpy as np

    codes = np.pad(mask, 1).astype(np.uint8)
    for bits, axis in enumerate(reversed(range(mask.ndim))):
        along = np.moveaxis(codes, axis, 0)
        joined = along[:-1] << np.uint8(1 << bits)
        joined |= along[1:]
        codes = np.moveaxis(joined, 0, axis)
    return np.ascontiguousarray(codes)
