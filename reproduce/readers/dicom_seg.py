"""DICOM-SEG objects through highdicom: every segment a mask on the grid of its frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catalog.errors import InputError
from reproduce.ground.reading import read_with
from reproduce.readers.grids import Geometry, placed
from reproduce.readers.masks import MaskFile
from reproduce.readers.sizes import need_room


def read(path: Path, key: str | None = None) -> MaskFile:
    """Segments by their label, on the axes of the file; fractional segments are cut at one half.

    Raises `InputError` for a DICOM file that is no segmentation, or whose frames lie on no grid.
    """

    def reader(path: Path) -> MaskFile:
        import highdicom as hd
        import numpy as np

        need_pixels([path])
        try:
            segmentation = hd.seg.segread(path)
        except ValueError as error:
            raise InputError(
                f"{path}: a DICOM file, but no segmentation ({error}). Expected a DICOM-SEG object."
            ) from None
        names = names_of(segmentation)
        grid = segmentation.get_volume_geometry()
        if grid is None:
            return _without_positions(path, segmentation, names)
        need_room(path, (*grid.spatial_shape, len(names)), 1, "the volume of all segments")
        volume = segmentation.get_volume(combine_segments=False, rescale_fractional=True)
        array = np.asarray(volume.array)
        geometry = placed(array[..., 0], to_ras(volume.affine))[1]
        segments = {name: array[..., index] > 0.5 for index, name in enumerate(names)}
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


def need_pixels(paths: Sequence[Path]) -> None:
    """Raise `InputError` where the pixels that DICOM files of one series declare are too many."""
    import pydicom

    first = pydicom.dcmread(paths[0], stop_before_pixels=True)
    frames = int(first.get("NumberOfFrames") or 1) * len(paths)
    shape = (frames, int(first.get("Rows") or 0), int(first.get("Columns") or 0))
    need_room(paths[0], shape, -(-int(first.get("BitsAllocated") or 8) // 8), "the series")


def to_ras(affine: Any) -> Any:
    """From DICOM's positions (left, posterior, superior) to (right, anterior, superior)."""
    import numpy as np

    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(affine, np.float64)


def names_of(segmentation: object) -> list[str]:
    """Labels of the segments by number; a label used twice gets its number."""
    import highdicom as hd

    assert isinstance(segmentation, hd.seg.Segmentation)
    numbers = list(segmentation.segment_numbers)
    labels = [str(segmentation.get_segment_description(n).segment_label) for n in numbers]
    return [
        label if labels.count(label) == 1 else f"{label} {number}"
        for number, label in zip(numbers, labels, strict=True)
    ]
