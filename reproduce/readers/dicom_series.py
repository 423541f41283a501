"""Image series in DICOM: slices put in order by where they lie, never by name or number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.contracts import Geometry
from reproduce.ground.reading import read_with
from reproduce.readers.dicom_seg import geometry_of
from reproduce.readers.grids import placed, to_ras, upright
from reproduce.readers.sizes import need_room

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNEVEN = 0.01  # by how much of it a step from slice to slice may differ; positions are rounded
SHEAR = 1e-3  # sine of the angle between the way of the slices and their normal
ANGLE = 1e-4  # of direction cosines
HEAD = (
    *("Rows", "Columns", "PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient"),
    *("NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "SpacingBetweenSlices"),
    *("SliceThickness", "RescaleSlope", "RescaleIntercept", "BitsAllocated"),
)

LENGTHS = {"PixelSpacing": 2, "ImageOrientationPatient": 6, "ImagePositionPatient": 3}


def read_series(paths: Sequence[Path]) -> tuple[NDArray[Any], Geometry]:
    """The volume (D, H, W) of one series in its unit (rescaled), and its grid; axes closest to
    (superior, anterior, right), a single slice as stored.

    Raises `InputError` for what is no volume: slices that are missing, there twice, turned,
    sheared (a tilted gantry), of other sizes, without a place, or in colours.
    """
    heads = [read_with(path, "DICOM file", _head) for path in paths]
    if len(paths) == 1 and int(heads[0].get("NumberOfFrames") or 1) > 1:
        return upright(*_frames(paths[0], heads[0]))
    ordered, step_mm = read_with(paths[0], "DICOM series", lambda _: _in_order(list(paths), heads))
    first = ordered[0][1]
    need_room(paths[0], (len(ordered), int(first.Rows), int(first.Columns)), 4, "the series")
    values = _pixels([path for path, _ in ordered])
    return upright(*placed(values, to_ras(_affine(first, step_mm))))


def read_picture(path: Path) -> tuple[NDArray[Any], tuple[float, float] | None]:
    """A radiograph or photograph, which has no place: (H, W) in its unit (rescaled; more is
    brighter), or (H, W, 3) bytes, and its spacing (rows, columns) in mm where the file has one.

    Raises `InputError` for a clip.
    """
    import pydicom.pixels

    pixels: Any = pydicom.pixels  # exports less than it documents
    head = read_with(path, "DICOM file", _head)
    if (frames := int(head.get("NumberOfFrames") or 1)) > 1:
        raise InputError(
            f"{path}: a clip of {frames} frames, none of which has a place. Save its frames as "
            "pictures in a folder of their own, and give --video."
        )
    mm = head.get("PixelSpacing")
    spacing = None if mm is None else (float(mm[0]), float(mm[1]))
    if int(head.get("SamplesPerPixel") or 1) > 1:
        return read_with(path, "DICOM picture", pixels.pixel_array), spacing
    values = _pixels([path])[0]
    if head.get("PhotometricInterpretation") == "MONOCHROME1":
        values = values - values.min()  # GDCM has turned it round, to below 0
    return values, spacing


def in_order(paths: Sequence[Path]) -> list[Path]:
    """The files of a series in the order of the planes that `read_series` puts together, before
    its axes are turned. Raises `InputError` as that does."""
    heads = [read_with(path, "DICOM file", _head) for path in paths]
    if len(paths) == 1:
        return list(paths)
    return [path for path, _ in _in_order(list(paths), heads)[0]]


def _head(path: Path) -> Any:
    """The part of a header that says where a slice lies; what is there but empty is left out."""
    import numpy as np
    import pydicom

    head = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(HEAD))
    for name, count in LENGTHS.items():
        if not head.get(name):
            head.pop(name, None)
            continue
        numbers = np.atleast_1d(np.asarray(head.get(name), float))
        if numbers.shape != (count,) or not np.isfinite(numbers).all():
            raise InputError(
                f"{path}: {name} is {numbers.tolist()}, expected {count} numbers: the file is "
                "damaged. Get it again."
            )
    return head


def _in_order(paths: list[Path], heads: list[Any]) -> tuple[list[tuple[Path, Any]], float]:
    """Files by their place along the normal of the slices, and the step in mm."""
    import numpy as np

    for path, head in zip(paths, heads, strict=True):
        _need_slice(path, head, paths[0], heads[0])
    cosines = np.asarray(heads[0].ImageOrientationPatient, float)
    normal = np.cross(cosines[:3], cosines[3:])
    places = np.array([head.ImagePositionPatient for head in heads], float)
    along = places @ normal
    order = np.argsort(along, kind="stable")
    ordered = [(paths[i], heads[i]) for i in order]
    if len(paths) == 1:
        named = heads[0].get("SpacingBetweenSlices") or heads[0].get("SliceThickness") or 1.0
        return ordered, float(named)
    steps = np.diff(along[order])
    step = float(np.median(steps))
    noise = UNEVEN * max(step, float(steps.max()))
    for index, own in enumerate(steps):
        one, two = ordered[index][0], ordered[index + 1][0].name
        if own <= noise:
            raise InputError(
                f"{one} and {two} lie at the same place: a slice that is there twice, or several "
                "times, echoes or phases of one series. Keep one of them in the folder."
            )
        if abs(own - step) > noise:
            raise InputError(
                f"{one}: the next slice, {two}, lies {own:g} mm further, others {step:g} mm: "
                "slices are missing between them, or the series is spaced unevenly. Get the whole "
                "series, or resample it yourself and say so."
            )
    way = places[order[-1]] - places[order[0]]
    aside = float(np.linalg.norm(way - (way @ normal) * normal) / np.linalg.norm(way))
    if aside > SHEAR:
        raise InputError(
            f"{paths[0].parent}: its slices are shifted against each other (a tilted gantry, "
            f"{np.degrees(np.arcsin(aside)):.1f} degrees): they span no grid. Resample the series "
            "yourself and say so."
        )
    return ordered, float((along.max() - along.min()) / (len(paths) - 1))


def _need_slice(path: Path, head: Any, first_path: Path, first: Any) -> None:
    """Raise `InputError` unless a file is one grey slice that lies parallel to the first."""
    import numpy as np

    lacks = [
        name
        for name in ("Rows", "Columns", "ImagePositionPatient", "ImageOrientationPatient")
        if head.get(name) is None
    ] + ["PixelSpacing"] * (head.get("PixelSpacing") is None)
    if lacks:
        raise InputError(
            f"{path}: it has no {', '.join(lacks)}, so nothing says where its pixels lie, and "
            "slices are never put together by names or numbers. Get the series again as the "
            "scanner wrote it; or, if you know order and spacing yourself, write it as one NIfTI "
            "or NRRD volume and give that. A single picture can be given as PNG or TIFF."
        )
    frames = int(head.get("NumberOfFrames") or 1)
    if frames > 1:
        raise InputError(f"{path}: {frames} frames in one of several files of its series.")
    if int(head.get("SamplesPerPixel") or 1) > 1:
        raise InputError(f"{path}: colours ({head.PhotometricInterpretation}), expected grey.")
    if (head.Rows, head.Columns) != (first.Rows, first.Columns):
        raise InputError(
            f"{path}: {head.Rows}x{head.Columns} pixels, {first_path.name} of the same series has "
            f"{first.Rows}x{first.Columns}. Leave scouts out of the folder."
        )
    for name, noise in (("ImageOrientationPatient", ANGLE), ("PixelSpacing", 1e-4)):
        mine, other = (np.asarray(h.get(name), float) for h in (head, first))
        if np.abs(mine - other).max() > noise:
            raise InputError(
                f"{path}: its {name} is {mine.tolist()}, that of {first_path.name} in the same "
                f"series {other.tolist()}. Leave scouts out of the folder."
            )


def _affine(first: Any, step_mm: float) -> NDArray[np.float64]:
    """Index (d, h, w, 1) -> position in mm (left, posterior, superior), from the first slice."""
    import numpy as np

    cosines = np.asarray(first.ImageOrientationPatient, float)
    rows_mm, columns_mm = map(float, first.PixelSpacing)
    affine = np.eye(4)
    affine[:3, 0] = np.cross(cosines[:3], cosines[3:]) * step_mm
    affine[:3, 1] = cosines[3:] * rows_mm  # down the column: from row to row
    affine[:3, 2] = cosines[:3] * columns_mm
    affine[:3, 3] = np.asarray(first.ImagePositionPatient, float)
    return affine


def _pixels(paths: Sequence[Path]) -> NDArray[Any]:
    """Slices one by one in the unit of the series, as the smallest type that holds them.

    SimpleITK decodes every compression that series come in; slopes may differ from slice to slice.
    """
    import numpy as np
    import SimpleITK

    sitk: Any = SimpleITK  # without types

    def one(path: Path) -> NDArray[Any]:
        image = sitk.ReadImage(str(path), imageIO="GDCMImageIO")
        if image.GetNumberOfComponentsPerPixel() > 1:
            raise InputError(f"{path}: several values a pixel, expected one.")
        return np.asarray(sitk.GetArrayFromImage(image)).reshape(image.GetSize()[1::-1])

    whole: NDArray[Any] | None = None
    for index, path in enumerate(paths):
        plane = read_with(path, "DICOM slice", one)
        if plane.dtype == np.float64:
            plane = plane.astype(np.float32)
        if whole is None:
            whole = np.zeros((len(paths), *plane.shape), plane.dtype)
        kind = np.promote_types(whole.dtype, plane.dtype)
        if kind != whole.dtype:
            whole = whole.astype(kind)
        whole[index] = plane
    assert whole is not None
    return whole


def _frames(path: Path, head: Any) -> tuple[NDArray[Any], Geometry]:
    """A file of many frames (enhanced CT or MR), each with its own place, through highdicom."""

    def reader(path: Path) -> tuple[NDArray[Any], Geometry]:
        import highdicom as hd
        import numpy as np

        need_room(path, (int(head.NumberOfFrames), int(head.Rows), int(head.Columns)), 4, "it")
        image = hd.imread(path)
        if geometry_of(image) is None:
            raise InputError(
                f"{path}: its {int(head.NumberOfFrames)} frames lie on no regular grid (missing, "
                "repeated, or without a place). Export one volume as NIfTI and say how."
            )
        volume = image.get_volume(dtype=np.float32)
        return placed(np.asarray(volume.array), to_ras(volume.affine))

    return read_with(path, "DICOM image", reader)
