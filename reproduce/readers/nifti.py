"""Masks in NIfTI files, with axes (superior, anterior, right) like the data set plugin `nifti`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reproduce.readers.masks import Geometry, MaskFile
from reproduce.reading import read_with


def read(path: Path, key: str | None = None) -> MaskFile:
    """A NIfTI file, scaled as its header says; one slice is (1, H, W).

    The array is flipped and its axes exchanged to the closest right, anterior, superior order, so
    that two files of one grid stored in different orientations are the same.
    """

    def reader(path: Path) -> MaskFile:
        import nibabel as nib
        import numpy as np

        untyped: Any = nib
        image = untyped.as_closest_canonical(untyped.load(path))
        stored = np.asanyarray(image.dataobj)
        while stored.ndim > 3 and stored.shape[-1] == 1:
            stored = stored[..., 0]
        if stored.ndim == 2:
            stored = stored[..., None]
        if stored.ndim != 3:
            raise ValueError(f"expected 3 axes, got shape {stored.shape}")
        turned = np.asarray(image.affine, np.float64)[:, [2, 1, 0, 3]]
        spacing = tuple(float(s) for s in np.linalg.norm(turned[:3, :3], axis=0))
        values = np.ascontiguousarray(stored.transpose(2, 1, 0))
        return MaskFile(path, Geometry(values.shape, spacing, turned), values)

    return read_with(path, "mask", reader)
