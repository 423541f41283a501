"""npz files as the MedSAM and CVPR challenges write them, and plain npy files."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.contracts import Geometry
from reproduce.ground.reading import read_with
from reproduce.readers.masks import MaskFile
from reproduce.readers.sizes import need_room

if TYPE_CHECKING:
    from numpy.typing import NDArray

USUAL = ("segs", "gts", "mask", "masks", "seg")


def read(path: Path, key: str | None = None, like: Geometry | None = None) -> MaskFile:
    """An array (H, W) or (D, H, W), in the order of the volume it was made from.

    `spacing` beside it is not used: these files store it x, y, z beside arrays z, y, x, some the
    other way round, and nothing in them says which.
    """

    def reader(path: Path) -> NDArray[Any]:
        with path.open("rb") as stream:
            if stream.read(2) != b"PK":
                stream.seek(0)
                return _array(path, stream, "the array")
        names = names_in(path)
        wanted = key or (names[0] if len(names) == 1 else None)
        wanted = wanted or next((name for name in USUAL if name in names), None)
        if wanted not in names:
            raise InputError(
                f"{path}: no array {key or 'called ' + ', '.join(USUAL)}; it has "
                f"{', '.join(names) or 'none'}. Name the array with --key."
            )
        return arrays_of(path, [wanted])[wanted]

    values = read_with(path, "mask", reader)
    if len(values.shape) not in (2, 3):
        raise InputError(f"{path}: expected an array (H, W) or (D, H, W), got {values.shape}.")
    return MaskFile(path, Geometry(values.shape), values)


def array_of(path: Path) -> NDArray[Any]:
    """The array of an npy file. Raises `InputError` as `arrays_of` does."""

    def reader(path: Path) -> NDArray[Any]:
        with path.open("rb") as stream:
            return _array(path, stream, "the array")

    return read_with(path, "array", reader)


def names_in(path: Path) -> list[str]:
    """Names of the arrays of an npz file."""
    with zipfile.ZipFile(path) as archive:
        return [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]


def arrays_of(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Arrays of an npz file, the header of each looked at before it is opened.

    Raises `InputError` for one that is huge, empty, or holds anything but numbers.
    """
    with zipfile.ZipFile(path) as archive:
        found = {}
        for name in names:
            with archive.open(f"{name}.npy") as member:
                found[name] = _array(path, member, f"array {name}")
        return found


def _array(path: Path, stream: IO[bytes], what: str) -> NDArray[Any]:
    """The array of one npy stream, which has to be at its start."""
    import numpy as np

    npy: Any = np.lib.format  # without types
    version = npy.read_magic(stream)
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = header(stream)
    if dtype.kind not in "buif":
        kind = {"O": "Python objects (allow_pickle is never set)", "V": "records"}.get(
            dtype.kind, str(dtype)
        )
        raise InputError(f"{path}: {what} holds {kind}, expected numbers.")
    need_room(path, shape, dtype.itemsize, what)
    stream.seek(0)
    return np.asarray(npy.read_array(stream, allow_pickle=False))
