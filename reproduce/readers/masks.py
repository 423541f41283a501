"""What all readers return, which of them reads a file, and how two grids differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Differences below these are the noise of writing and reading a header.
SPACING_NOISE_MM = 1e-3
AFFINE_NOISE_MM = 1e-2


@dataclass(frozen=True, slots=True)
class Geometry:
    """The grid of a mask.

    shape       (H, W), or (D, H, W) with slices along the first axis
    spacing_mm  one value per axis in array order, or None where the file has none
    affine      4x4, array index (d, h, w, 1) -> position in mm (right, anterior, superior), or None
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...] | None = None
    affine: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class MaskFile:
    """A mask as stored.

    values    label numbers or probabilities, of `geometry.shape`; None where `segments` holds them
    segments  name -> bool array, for formats that name overlapping segments (DICOM-SEG)
    """

    path: Path
    geometry: Geometry
    values: NDArray[Any] | None = None
    segments: dict[str, NDArray[np.bool_]] = field(default_factory=dict)


READERS = {
    ".nii": "nifti",
    ".nii.gz": "nifti",
    ".npz": "numpy_file",
    ".npy": "numpy_file",
    ".dcm": "dicom_seg",
    ".seg": "dicom_seg",
    ".png": "picture",
    ".gif": "picture",
    ".tif": "picture",
    ".tiff": "picture",
    ".bmp": "picture",
    ".jpg": "picture",
    ".jpeg": "picture",
}


def suffix_of(path: Path) -> str | None:
    """The suffix that says which reader reads a file; None: none does."""
    name = path.name.lower()
    return next((s for s in sorted(READERS, key=len, reverse=True) if name.endswith(s)), None)


def read_mask(path: Path, key: str | None = None) -> MaskFile:
    """Read a mask file of any known format.

    key  which array of an npz; None: the only one, or `segs`, `gts`, `mask`, `masks`, `seg`

    Raises `InputError` for an unknown suffix, a damaged file, or NaN in it.
    """
    import numpy as np

    suffix = suffix_of(path)
    if suffix is None:
        raise InputError(f"{path}: no reader for this file; known: {', '.join(sorted(READERS))}.")
    module = import_module(f"reproduce.readers.{READERS[suffix]}")
    found: MaskFile = module.read(path, key)
    values = found.values
    if values is not None and values.dtype.kind == "f" and np.isnan(values).any():
        count = int(np.isnan(values).sum())
        raise InputError(
            f"{path}: {count} of {values.size} values are NaN. A mask needs a value everywhere; "
            "write 0 where there is nothing."
        )
    if values is not None and values.dtype.kind not in "buif":
        raise InputError(f"{path}: expected numbers, got {values.dtype}.")
    return found


def oriented(values: NDArray[Any], geometry: Geometry) -> tuple[NDArray[Any], Geometry]:
    """A volume flipped and turned to the closest (superior, anterior, right) axes.

    Two files of one grid stored in different orientations become the same array.
    """
    import nibabel
    import numpy as np

    assert geometry.affine is not None
    assert geometry.spacing_mm is not None
    orientations: Any = nibabel.orientations
    stored = orientations.io_orientation(geometry.affine)
    wanted = np.array([[2, 1], [1, 1], [0, 1]])
    turn = orientations.ornt_transform(stored, wanted)
    turned = np.ascontiguousarray(orientations.apply_orientation(values, turn))
    affine = geometry.affine @ orientations.inv_ornt_aff(turn, values.shape)
    spacing = tuple(float(s) for s in np.linalg.norm(affine[:3, :3], axis=0))
    return turned, Geometry(turned.shape, spacing, affine)


def difference(predicted: Geometry, reference: Geometry) -> str | None:
    """How two grids differ, in words with numbers; None: they are the same.

    Spacing and affine are compared only where both files have one.
    """
    import numpy as np

    parts = []
    if predicted.shape != reference.shape:
        parts.append(f"shape {_times(predicted.shape)} instead of {_times(reference.shape)}")
    if predicted.spacing_mm and reference.spacing_mm and not parts:
        off = np.subtract(predicted.spacing_mm, reference.spacing_mm)
        if np.abs(off).max() > SPACING_NOISE_MM:
            parts.append(
                f"spacing {_list(predicted.spacing_mm)} mm instead of "
                f"{_list(reference.spacing_mm)} mm"
            )
    if predicted.affine is not None and reference.affine is not None:
        # Compared at the corners of the grid: that is how far voxels end up from where they belong.
        corners = np.array(list(np.ndindex(2, 2, 2)), float)
        ends = corners * (np.array(reference.shape) - 1)
        points = np.c_[ends, np.ones(8)]
        moved = (points @ predicted.affine.T - points @ reference.affine.T)[:, :3]
        worst = float(np.linalg.norm(moved, axis=1).max())
        if worst > AFFINE_NOISE_MM:
            shift = (predicted.affine - reference.affine)[:3, 3]
            parts.append(
                f"positions differ by up to {worst:.3g} mm (origin by {_list(shift)} mm, "
                "right, anterior, superior)"
            )
    return "; ".join(parts) or None


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _list(values: Any) -> str:
    return " x ".join(f"{float(v):g}" for v in values)
