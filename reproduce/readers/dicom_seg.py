"""DICOM-SEG objects through highdicom: every segment a mask on the grid of its frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catalog.errors import InputError
from reproduce.readers.masks import Geometry, MaskFile, oriented
from reproduce.reading import read_with


def read(path: Path, key: str | None = None) -> MaskFile:
    """Segments by their label, axes (superior, anterior, right) as far as they go; fractional
    segments are cut at one half.

    Raises `InputError` for a DICOM file that is no segmentation, or whose frames lie on no grid.
    """

    def reader(path: Path) -> MaskFile:
        import highdicom as hd
        import numpy as np

        try:
            segmentation = hd.seg.segread(path)
        except ValueError as error:
            raise InputError(
                f"{path}: a DICOM file, but no segmentation ({error}). Expected a DICOM-SEG object."
            ) from None
        names = _names(segmentation)
        if segmentation.get_volume_geometry() is None:
            return _without_positions(path, segmentation, names)
        volume = segmentation.get_volume(combine_segments=False, rescale_fractional=True)
        array = np.asarray(volume.array)
        # highdicom positions are in the patient's left, posterior, superior directions
        affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(volume.affine, np.float64)
        spacing = tuple(float(s) for s in volume.spacing)
        found = Geometry(array.shape[:3], spacing, affine)
        turned = {
            name: oriented(array[..., index] > 0.5, found) for index, name in enumerate(names)
        }
        geometry = next(iter(turned.values()))[1]
        segments = {name: mask for name, (mask, _) in turned.items()}
        return MaskFile(path, geometry, segments=segments)

    return read_with(path, "DICOM-SEG object", reader)


def _without_positions(path: Path, segmentation: Any, names: list[str]) -> MaskFile:
    """A radiograph's segments: one frame each, no place in the patient."""
    import numpy as np

    frames = segmentation.pixel_array
    frames = frames[None] if frames.ndim == 2 else frames
    if len(frames) != len(names):
        raise InputError(
            f"{path}: {len(frames)} frames of {len(names)} segments lie on no common grid. Export "
            "the segments as NIfTI on the image's grid instead."
        )
    largest = float(getattr(segmentation, "MaximumFractionalValue", 1))
    segments = {name: np.asarray(f / largest > 0.5) for name, f in zip(names, frames, strict=True)}
    return MaskFile(path, Geometry(frames.shape[1:]), segments=segments)


def _names(segmentation: object) -> list[str]:
    """Labels of the segments by number; a label used twice gets its number."""
    import highdicom as hd

    assert isinstance(segmentation, hd.seg.Segmentation)
    numbers = list(segmentation.segment_numbers)
    labels = [str(segmentation.get_segment_description(n).segment_label) for n in numbers]
    return [
        label if labels.count(label) == 1 else f"{label} {number}"
        for number, label in zip(numbers, labels, strict=True)
    ]
