"""NRRD and MetaImage (MHA, MHD) files through SimpleITK, and what their headers leave unsaid."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.contracts import Geometry
from reproduce.ground.reading import read_with
from reproduce.ground.sniffing import sniff
from reproduce.readers.grids import placed, to_ras, told_apart
from reproduce.readers.masks import MaskFile
from reproduce.readers.sizes import need_room

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADER_BYTES = 1 << 20  # a header is text of a few hundred bytes, of thousands with many segments
NRRD = "an NRRD volume"
DATA = ("ElementDataFile", "data file", "datafile")  # where the voxels of a header lie
PLACES = ("TransformMatrix", "Rotation", "Orientation", "space directions")
STEPS = ("ElementSpacing", "ElementSize", "spacings", *PLACES[-1:])


def read(path: Path, key: str | None = None, like: Geometry | None = None) -> MaskFile:
    """A mask as stored, the third axis first; named segments as 3D Slicer writes them (.seg.nrrd),
    which may overlap."""

    def reader(path: Path) -> MaskFile:
        values, geometry, header = _read(path, "mask", layers="Segment0_ID" in header_of(path))
        if "Segment0_ID" not in header:
            return MaskFile(path, geometry, values)
        return MaskFile(path, geometry, segments=_segments(path, values, header))

    return read_with(path, "mask", reader)


def stored(path: Path, what: str) -> tuple[NDArray[Any], Geometry]:
    """The array (D, H, W) as stored and its grid; `what` it is, for messages.

    Raises `InputError` for several values a voxel, several volumes, or positions of no grid.
    """
    return _read(path, what, layers=False)[:2]


def header_of(path: Path) -> dict[str, str]:
    """The fields of a header as text.

    Raises `InputError` where there is no end to it.
    """
    return _header(path)[0]


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Fields and bytes of a header."""
    with path.open("rb") as stream:
        head = stream.read(HEADER_BYTES)
    fields: dict[str, str] = {}
    size = 0
    for line in head.splitlines(keepends=True):
        size += len(line)
        text = line.strip().decode("utf-8", "replace")
        name, sign, value = _field(text)
        if sign:
            fields[name] = value
        if name == "ElementDataFile" or (not text and fields):
            return fields, size
    if len(head) == HEADER_BYTES:
        raise InputError(f"{path}: its header has no end: the file is damaged. Get it again.")
    return fields, size


def data_file(path: Path) -> Path | None:
    """The file beside a header that holds its voxels (MHD, NHDR); None: they follow the header.

    Raises `InputError` for voxels in several files, and for a file elsewhere than beside it.
    """
    header = read_with(path, "header", header_of)
    named = next((header[name] for name in DATA if name in header), "LOCAL")
    if named.upper() == "LOCAL":
        return None
    if named.upper().startswith("LIST") or "%" in named:
        raise InputError(
            f"{path}: its voxels lie in several files ({named}). Save it as one .mha or .nrrd."
        )
    beside = path.parent / named
    if Path(named).is_absolute() or ".." in Path(named).parts:
        raise InputError(f"{path}: its voxels lie elsewhere ({named}); they belong beside it.")
    if not beside.is_file():
        raise InputError(f"{path}: its voxels are missing. Expected {beside}.")
    return beside


def _need_whole(path: Path) -> None:
    """Raise `InputError` where compressed voxels are damaged: SimpleITK takes what comes out."""
    header, size = _header(path)
    packed = header.get("encoding", "") in ("gzip", "gz")
    if not packed and header.get("CompressedData", "").lower() != "true":
        return
    holds = data_file(path)
    unpacked = zlib.decompressobj(wbits=47)  # either kind of frame, each with its check sum
    try:
        with (holds or path).open("rb") as stream:
            stream.seek(0 if holds else size)
            while (piece := stream.read(1 << 20)) and not unpacked.eof:
                while piece:
                    unpacked.decompress(piece, 1 << 22)
                    piece = unpacked.unconsumed_tail
        whole = unpacked.eof
    except zlib.error:
        whole = False
    if not whole:
        raise InputError(
            f"{holds or path}: its compressed voxels are damaged or cut short. Get this one file "
            "again and repeat the command."
        )


def _field(line: str) -> tuple[str, str, str]:
    """Name, sign and value of a line of either kind of header; no sign: it has none.

    >>> _field("Segment0_Name:=liver"), _field("NDims = 3"), _field("# a comment: no field")
    (('Segment0_Name', ':=', 'liver'), ('NDims', '=', '3'), ('', '', ''))
    """
    found = None if line.startswith("#") else re.match(r"([\w ]+?) *(:=|: |=) *(.*)", line)
    return (found[1], found[2].strip(), found[3].strip()) if found else ("", "", "")


def _read(path: Path, what: str, layers: bool) -> tuple[NDArray[Any], Geometry, Mapping[str, str]]:
    """Array, grid and header; `layers`: several values a voxel are allowed."""
    import numpy as np
    import SimpleITK

    sitk: Any = SimpleITK  # without types
    header = header_of(path)
    data_file(path)
    reader = sitk.ImageFileReader()
    reader.SetImageIO("NrrdImageIO" if sniff(path) == NRRD else "MetaImageIO")
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    size, values_each = reader.GetSize(), reader.GetNumberOfComponents()
    kind = sitk.GetPixelIDValueAsString(reader.GetPixelID())
    bits = re.search(r"(\d+)-bit", kind)
    need_room(path, (values_each, *size[::-1]), int(bits[1]) // 8 if bits else 16, what)
    if "complex" in kind or (values_each > 1 and not layers):
        raise InputError(f"{path}: {what} holds {kind}, expected one number a voxel.")
    if len([n for n in size if n > 1]) > 3 or any(n > 1 for n in size[3:]):
        raise InputError(
            f"{path}: expected 3 axes, got {'x'.join(map(str, size))}. Write each volume into a "
            "file of its own."
        )
    _need_whole(path)
    image = reader.Execute()
    axes = min(len(size), 3)
    direction = np.eye(3)
    direction[:axes, :axes] = np.reshape(image.GetDirection(), (len(size), -1))[:axes, :axes]
    spacing, origin = np.ones(3), np.zeros(3)
    spacing[:axes], origin[:axes] = image.GetSpacing()[:axes], image.GetOrigin()[:axes]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = direction * spacing, origin
    if not np.isfinite(affine).all() or abs(np.linalg.det(direction)) < 0.5 or spacing.min() <= 0:
        raise InputError(f"{path}: the positions in its header span no grid:\n{affine}")
    values = sitk.GetArrayFromImage(image)
    values = values.reshape(*([1] * (3 - axes)), *size[:axes][::-1], *values.shape[len(size) :])
    return values, _grid(values, affine, header), header


def _grid(values: NDArray[Any], affine: NDArray[Any], header: Mapping[str, str]) -> Geometry:
    """What a header says of its grid: SimpleITK fills in 1 mm and the axes of the patient where it
    says nothing."""
    shape = values.shape[:3]
    full = placed(values[..., 0] if values.ndim > 3 else values, to_ras(affine)[:, [2, 1, 0, 3]])[1]
    if any(name in header for name in PLACES) and ("space" in header or "NDims" in header):
        return full
    known = any(name in header for name in STEPS)
    return Geometry(shape, full.spacing_mm if known else None)


def _segments(path: Path, values: NDArray[Any], header: Mapping[str, str]) -> dict[str, Any]:
    """3D Slicer's segments: a number in one of several layers each."""
    layers = values if values.ndim == 4 else values[..., None]
    named, masks = [], []
    for number in range(10_000):
        prefix = f"Segment{number}_"
        if f"{prefix}ID" not in header:
            break
        layer = int(header.get(f"{prefix}Layer", "0"))
        value = int(header.get(f"{prefix}LabelValue", "1"))
        if layer >= layers.shape[-1]:
            raise InputError(f"{path}: segment {number} lies in layer {layer}, which is not there.")
        named.append((number + 1, header.get(f"{prefix}Name", header[f"{prefix}ID"])))
        masks.append(layers[..., layer] == value)
    return dict(zip(told_apart(named), masks, strict=True))
