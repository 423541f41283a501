"""What all readers return, and which of them reads a file: its first bytes say, not its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.contracts import Geometry
from reproduce.ground.reading import read_with
from reproduce.ground.sniffing import sniff
from reproduce.readers.grids import oriented, upright

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class MaskFile:
    """A mask as stored; what its values mean is decided by `rules` and `classes`.

    values    label numbers or probabilities, of `geometry.shape`; None where `segments` holds them
    segments  name -> bool array, for formats that name segments (DICOM-SEG, RTSTRUCT, .seg.nrrd);
              they may overlap
    shown     grey values 0-255 that a picture shows where they are not the stored ones: the greys
              of its palette, or of 2 and 4 bits a pixel; None: the stored ones
    lossy     compressed so that values are only near what was written (JPEG)
    """

    path: Path
    geometry: Geometry
    values: NDArray[Any] | None = None
    segments: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    shown: NDArray[np.uint8] | None = None
    lossy: bool = False

    @property
    def first(self) -> NDArray[Any]:
        """The stored values, or the first segment."""
        return next(iter(self.segments.values())) if self.values is None else self.values

    def moved(self, geometry: Geometry, move: Callable[[NDArray[Any]], NDArray[Any]]) -> MaskFile:
        """The same mask on another grid; `move` brings one array there."""
        return replace(
            self,
            geometry=geometry,
            values=None if self.values is None else move(self.values),
            segments={name: move(mask) for name, mask in self.segments.items()},
            shown=None if self.shown is None else move(self.shown),
        )


# what a file is by its first bytes -> the module that reads it
READERS = {
    "a PNG picture": "picture",
    "a JPEG picture": "picture",
    "a GIF picture": "picture",
    "a TIFF picture": "picture",
    "a BMP picture": "picture",
    "a NIfTI volume": "nifti",
    "a NumPy array": "numpy_file",
    "a zip archive": "numpy_file",
    "torch": "numpy_file",  # a zip that was cut short looks like it
    "a DICOM file": "dicom_seg",
    "a DICOM structure set": "rtstruct",
    "an NRRD volume": "itk_file",
    "a MetaImage volume": "itk_file",
}
NAMES = {
    "picture": "a picture",
    "nifti": "NIfTI",
    "numpy_file": "npz or npy",
    "dicom_seg": "DICOM-SEG",
    "rtstruct": "RTSTRUCT",
    "itk_file": "NRRD or MHA",
}
SUFFIXES = (
    *(".nii.gz", ".nii", ".npz", ".npy", ".dcm", ".seg"),
    *(".seg.nrrd", ".nrrd", ".nhdr", ".mha", ".mhd"),
    *(".png", ".gif", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg"),
)


def suffix_of(path: Path) -> str | None:
    """The suffix by which a file is taken for a mask; None: it is not."""
    name = path.name.lower()
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None)


def read_mask(path: Path, key: str | None = None, like: Geometry | None = None) -> MaskFile:
    """Read a mask file of any known format.

    key   which array of an npz; None: the only one, or `segs`, `gts`, `mask`, `masks`, `seg`
    like  the grid it is meant for, to whose axes it is turned; None: a volume that knows its place
          is turned to (superior, anterior, right)

    Raises `InputError` for an unknown suffix, a file of another kind, a damaged or a huge one, and
    for values that are no finite numbers.
    """
    import numpy as np

    if suffix_of(path) is None:
        raise InputError(f"{path}: no reader for this file; known: {', '.join(sorted(SUFFIXES))}.")
    module = import_module(f"reproduce.readers.{reader_of(path, 'mask', *NAMES)}")
    found: MaskFile = module.read(path, key, like)
    values = found.first
    if values.dtype.kind not in "buif":
        raise InputError(f"{path}: expected numbers, got {values.dtype}.")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise InputError(
            f"{path}: {count} of {values.size} values are NaN or infinite. A mask needs a value "
            "everywhere; write 0 where there is nothing."
        )
    return _turned(found, like)


def reader_of(path: Path, what: str, *expected: str) -> str:
    """The module that reads a file, by its first bytes. Raises `InputError` for one that is not
    among those expected, saying what it is."""
    kind = read_with(path, what, sniff)
    reader = READERS.get(kind)
    if reader not in expected:
        raise InputError(
            f"{path}: {what} cannot be read: this is {kind}, expected "
            f"{' or '.join(NAMES[name] for name in expected)}. Get this one file again and repeat "
            "the command."
        )
    return reader


def _turned(found: MaskFile, like: Geometry | None) -> MaskFile:
    """A mask on the axes it is meant for.

    A file that knows its place is turned to the axes of `like`; against a grid without a place it
    stays as stored, and so does what has no place against a grid that was not turned. Where that
    grid was turned, what has no place is turned with it: arrays are written in the order of the
    file they belong to.
    """
    mine = found.geometry.affine
    if like is None:
        geometry = upright(found.first, found.geometry)[1]
        return found.moved(geometry, lambda array: upright(array, found.geometry)[0])
    source = like.stored if mine is None else mine
    if like.affine is None or source is None or len(found.geometry.shape) < 3:
        return found
    geometry = oriented(found.first, source, like.affine)[1]
    if mine is None:
        geometry = Geometry(geometry.shape)
    return found.moved(geometry, lambda array: oriented(array, source, like.affine)[0])
