"""NIfTI files: volumes with axes (superior, anterior, right), slices as pictures."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.contracts import Geometry
from reproduce.ground.reading import read_with
from reproduce.readers.grids import placed
from reproduce.readers.masks import MaskFile
from reproduce.readers.sizes import need_room

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read(path: Path, key: str | None = None, like: Geometry | None = None) -> MaskFile:
    """A mask as stored: the third axis first, then rows along the second, columns along the first
    (what SimpleITK makes of it). Two axes are a third of length 1."""
    values, geometry = read_with(path, "mask", lambda path: stored(path, "mask"))
    return MaskFile(path, geometry, values)


def stored(path: Path, what: str) -> tuple[NDArray[Any], Geometry]:
    """The array (D, H, W) as stored, scaled as its header says, and its grid; `what` it is.

    Raises `InputError` for a file that holds several volumes, colours or complex numbers, and for
    positions that span no grid.
    """
    import nibabel as nib
    import numpy as np

    untyped: Any = nib
    with path.open("rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else path.open("rb") as stream:
        second = stream.read(8)[4:7] == b"n+2"
        image_class = untyped.Nifti2Image if second else untyped.Nifti1Image
        stream.seek(0)
        header = image_class.header_class.from_fileobj(stream)
        shape, dtype = header.get_data_shape(), header.get_data_dtype()
        scaled = header.get_slope_inter() not in ((None, None), (1.0, 0.0))
        need_room(path, shape, 8 if scaled else dtype.itemsize, what)
        if dtype.kind not in "buif":
            raise InputError(
                f"{path}: {what} holds {'colours' if dtype.kind == 'V' else dtype}, expected one "
                "number a voxel."
            )
        stream.seek(0)
        image = image_class.from_stream(stream)
        values = np.asanyarray(image.dataobj)
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim == 2:
        values = values[..., None]
    if values.ndim != 3:
        raise InputError(
            f"{path}: expected 3 axes, got {'x'.join(map(str, values.shape))}. Write each volume "
            "into a file of its own."
        )
    affine = np.asarray(image.affine, np.float64)
    spans = np.isfinite(affine).all() and np.linalg.det(affine[:3, :3])
    if not spans or np.isnan(untyped.io_orientation(affine)).any():
        raise InputError(f"{path}: the positions in its header span no grid:\n{affine}")
    return placed(np.ascontiguousarray(values.transpose(2, 1, 0)), affine[:, [2, 1, 0, 3]])
