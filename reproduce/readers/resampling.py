"""Bringing a mask to another grid, only where somebody asked for it by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.contracts import Geometry
from reproduce.readers.masks import MaskFile

if TYPE_CHECKING:
    from numpy.typing import NDArray


def resampled(found: MaskFile, reference: Geometry) -> MaskFile:
    """Nearest neighbour onto `reference`; voxels outside the prediction's grid are 0.

    By position where both grids have one; else the field of view is taken to be the same, and
    pixel centres are scaled (which needs the same number of axes).
    """
    if len(found.geometry.shape) != len(reference.shape):
        raise InputError(
            f"{found.path}: {len(found.geometry.shape)} axes cannot be resampled to "
            f"{len(reference.shape)}."
        )
    return found.moved(reference, lambda array: _one(array, found.geometry, reference))


def _one(array: NDArray[Any], source: Geometry, target: Geometry) -> NDArray[Any]:
    import numpy as np
    from scipy.ndimage import affine_transform

    if source.affine is not None and target.affine is not None:
        step = np.linalg.inv(source.affine) @ target.affine
        matrix, offset = step[:3, :3], step[:3, 3]
    else:
        scale = np.array(source.shape) / np.array(target.shape)
        matrix, offset = np.diag(scale), (scale - 1) / 2
    moved = affine_transform(
        array.astype(np.uint8) if array.dtype == bool else array,
        matrix,
        offset,
        output_shape=target.shape,
        order=0,
        # a voxel reaches half a step beyond its centre, also at the border of the grid
        mode="grid-constant" if source.affine is not None else "nearest",
    )
    return np.asarray(moved, array.dtype)
