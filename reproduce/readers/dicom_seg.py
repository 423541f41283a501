"""DICOM-SEG objects through highdicom: every segment a mask on the grid of its frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catalog.errors import InputError
from reproduce.contracts import Geometry
from reproduce.ground.reading import read_with
from reproduce.readers.grids import placed, to_ras, told_apart
from reproduce.readers.masks import MaskFile
from reproduce.readers.sizes import need_room

HALF = 0.5  # fractional segments (a probability, or a share of the voxel) are cut here


def read(path: Path, key: str | None = None, like: Geometry | None = None) -> MaskFile:
    """Segments by their label, which may overlap; fractional ones are cut at one half.

    Objects leave empty frames out: where the voxels are those of the grid `like`, segments are put
    onto it; else they stay on the axes of the file.

    Raises `InputError` for a DICOM file that is no segmentation, whose frames lie on no grid, or
    whose segments reach out of `like`.
    """

    def reader(path: Path) -> MaskFile:
        import highdicom as hd
        import pydicom

        head = pydicom.dcmread(path, stop_before_pixels=True)
        frames = int(head.get("NumberOfFrames") or 1)
        shape = (frames, int(head.get("Rows") or 0), int(head.get("Columns") or 0))
        need_room(path, shape, -(-int(head.get("BitsAllocated") or 8) // 8), "the segmentation")
        try:
            segmentation = hd.seg.segread(path)
        except ValueError as error:
            raise InputError(
                f"{path}: a DICOM file, but no segmentation ({error}). Expected a DICOM-SEG object."
            ) from None
        names = names_of(segmentation)
        grid = geometry_of(segmentation)
        if grid is None:
            return _without_positions(path, segmentation, names)
        need_room(path, (*grid.spatial_shape, len(names)), 1, "the volume of all segments")
        return _on_grid(path, segmentation, names, like)

    return read_with(path, "DICOM-SEG object", reader)


def geometry_of(image: Any) -> Any:
    """The grid that the frames of a highdicom image lie on; None: none, or they have no place."""
    try:
        return image.get_volume_geometry()
    except (AttributeError, RuntimeError, ValueError):
        return None


def _on_grid(path: Path, segmentation: Any, names: list[str], like: Geometry | None) -> MaskFile:
    import numpy as np

    wanted = _grid_of(like)
    segments, affine = {}, None
    for number, name in zip(segmentation.segment_numbers, names, strict=True):
        # One at a time, or all of them would be there as floats at once.
        found = segmentation.get_volume(
            segment_numbers=[number], combine_segments=False, rescale_fractional=True
        )
        mask = found.with_array(np.asarray(found.array[..., 0]) > HALF)
        if wanted is not None:
            try:
                moved = mask.match_geometry(wanted)
            except (RuntimeError, ValueError):
                wanted = None  # another grid: the caller says by how much
            else:
                if moved.array.sum() < mask.array.sum():
                    raise InputError(
                        f"{path}: segment {name} reaches out of the image it is meant for. Is a "
                        "part of its series missing?"
                    )
                mask = moved
        segments[name], affine = np.asarray(mask.array), mask.affine
    if wanted is not None and like is not None:
        return MaskFile(path, like, segments=segments)
    geometry = placed(next(iter(segments.values())), to_ras(affine))[1]
    return MaskFile(path, geometry, segments=segments)


def _grid_of(like: Geometry | None) -> Any:
    """A grid as highdicom has it; None where it does not know its place."""
    import highdicom as hd

    if like is None or like.affine is None or len(like.shape) != 3:
        return None
    return hd.VolumeGeometry(
        to_ras(like.affine), spatial_shape=like.shape, coordinate_system="PATIENT"
    )


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
    segments = {name: np.asarray(f / largest > HALF) for name, f in zip(names, frames, strict=True)}
    return MaskFile(path, Geometry(frames.shape[1:]), segments=segments)


def names_of(content: Any) -> list[str]:
    """Labels of the segments by number; a label used twice gets its number."""
    described = content.get("SegmentSequence") or []
    numbered = [(int(item.SegmentNumber), str(item.SegmentLabel)) for item in described]
    return told_apart(sorted(numbered))
