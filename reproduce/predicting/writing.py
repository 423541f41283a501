"""Masks on the grid of the file that they are of: PNG, NIfTI, npz, DICOM SEG.

Class numbers are those of `labels.json` beside the files. Every file says what it is not for.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.files import write_whole
from reproduce.contracts import Sample
from reproduce.predicting import NOTICE
from reproduce.predicting.images import kind_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from reproduce.predicting.taken import Painter

#: Colours of the classes, told apart by most eyes (Okabe and Ito's, black left out), then repeated.
COLOURS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)


def colour(number: int) -> tuple[int, int, int]:
    """Of a class by its number, from 1."""
    return COLOURS[(number - 1) % len(COLOURS)]


def write_masks(
    folder: Path,
    painter: Painter,
    numbers: dict[str, int],
    nifti: bool,
    keep_patient: bool,
    made_by: Mapping[str, str],
) -> tuple[str | None, int]:
    """Write the masks of a case below a folder; the file's (or the video's folder's) name there,
    None where nothing could be written, and how many pixels two classes claim (a DICOM SEG keeps
    them in both).

    nifti         volumes of DICOM series as NIfTI
    keep_patient  identifying fields of DICOM go into the file
    made_by       what made it: name, version, of the model

    Raises `InputError` where the disk is full.
    """
    sample, case = painter.sample, painter.sample.case
    kind = kind_of(case)
    if kind == "dicom" and not nifti:
        from reproduce.predicting.seg import write_seg

        name = f"{case.id}.seg.dcm"
        there = write_seg(folder / name, painter, numbers, keep_patient, made_by)
        return (name if there else None), 0
    values, twice = painter.numbered(numbers)
    if kind == "video":
        for frame, plane in zip(case.meta["frames"], values, strict=True):
            write_whole(folder / case.id / f"{frame}.png", png(plane))
        return case.id, twice
    if kind == "array" and not sample.is_image:
        buffer = io.BytesIO()
        _np().savez_compressed(buffer, segs=values, notice=NOTICE)
        write_whole(folder / f"{case.id}.npz", buffer.getvalue())
        return f"{case.id}.npz", twice
    if kind in ("picture", "array"):
        write_whole(folder / f"{case.id}.png", png(values[0]))
        return f"{case.id}.png", twice
    _nifti(folder / f"{case.id}.nii.gz", sample, values)
    return f"{case.id}.nii.gz", twice


def _np() -> Any:
    import numpy

    return numpy


def png(values: NDArray[np.unsignedinteger[Any]]) -> bytes:
    """Class numbers with a palette of the classes' colours; more than 255 classes as 16 bits."""
    from PIL import Image, PngImagePlugin

    picture = Image.fromarray(values)
    if values.dtype.itemsize == 1:
        picture = picture.convert("P")
        picture.putpalette([0, 0, 0] + [c for n in range(1, 256) for c in colour(n)])
    about = PngImagePlugin.PngInfo()
    about.add_text("Comment", NOTICE)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", pnginfo=about, optimize=True)
    return buffer.getvalue()


def as_stored(sample: Sample, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """An array (D, H, W) on the sample's grid turned back to the axes of its file, and the affine
    that it has there; of a grid without a place, one of its spacing."""
    import numpy as np

    from reproduce.readers.grids import oriented

    geometry = sample.geometry
    if geometry is None or geometry.affine is None:
        return values, np.diag([*(s or 1.0 for s in sample.spacing), 1.0])[[2, 1, 0, 3]]
    if geometry.stored is None:
        return values, geometry.affine
    return oriented(values, geometry.affine, geometry.stored)[0], geometry.stored


def _nifti(path: Path, sample: Sample, values: NDArray[np.uint8]) -> None:
    """In the order of the file's axes and with its affine."""
    import nibabel
    import numpy as np

    turned, affine = as_stored(sample, values)
    untyped: Any = nibabel
    image = untyped.Nifti1Image(
        np.ascontiguousarray(turned.transpose(2, 1, 0)), affine[:, [2, 1, 0, 3]]
    )
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = NOTICE
    image.set_qform(image.affine, code=1)
    image.set_sform(image.affine, code=1)
    # without a name and a time in it, the same mask is the same file
    write_whole(path, gzip.compress(image.to_bytes(), 6, mtime=0))
