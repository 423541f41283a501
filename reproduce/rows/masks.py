"""Released masks as rows: predicted against reference, counted by the core that scores runs.

Axes and affines are not interpreted: two arrays of one release belong together as they are stored,
and differ in shape where they do not.
"""

from __future__ import annotations

import io
import pickle
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from catalog.evidence import Reader
from reproduce.rows.tables import FILE, ROW

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PLANE = "plane"


def mask_rows(reader: Reader, contents: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """One row a plane (`planes`), or one for the whole: tp, fp, fn and dice.

    Two empty masks have no Dice (None): what they count is the aggregation's business.
    Raises `InputError` for a file that is not here, cannot be read, or has another shape.
    """
    declared = reader.masks
    if declared is None:
        raise InputError("a reader of masks needs `masks`: prediction and reference.")
    predicted = _array(declared.prediction, contents)
    reference = _array(declared.reference, contents)
    if set(predicted) != set(reference):
        raise InputError(
            f"{declared.prediction}: its planes are not those of {declared.reference}."
        )
    place = declared.prediction.partition(":")[0]
    rows = []
    whole = [0, 0, 0]
    for number, (name, mask) in enumerate(predicted.items(), start=1):
        truth = reference[name]
        if mask.shape != truth.shape:
            raise InputError(
                f"{declared.prediction}: shape {mask.shape}, its reference has {truth.shape}."
            )
        wanted = truth > 0 if declared.label is None else truth == declared.label
        counts = _counts(mask > 0, wanted)
        whole = [a + b for a, b in zip(whole, counts, strict=True)]
        rows.append(_row(place, name, number, counts))
    return rows if declared.planes else [_row(place, "", 1, whole)]


def _row(place: str, name: str, number: int, counts: list[int]) -> dict[str, Any]:
    tp, fp, fn = counts
    dice = 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else None
    there = {"tp": tp, "fp": fp, "fn": fn, "predicted": tp + fp, "reference": tp + fn}
    return {FILE: place, ROW: str(number), PLANE: name, "dice": dice} | there


def _counts(mask: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> list[int]:
    import torch

    from reproduce.statistics.counting import confusion

    found = confusion(
        torch.from_numpy(mask[None, None].copy()), "label", [0.5], torch.from_numpy(wanted[None])
    )
    return [int(n) for n in found[0, 0, 0, :3]]


def _array(name: str, contents: Mapping[str, bytes]) -> dict[str, NDArray[Any]]:
    """Planes by name, or the whole array under ''."""
    path, _, inside = name.partition(":")
    if path not in contents:
        raise InputError(f"{path}: this file of the source is not here.")
    if path.endswith((".nii", ".nii.gz")):
        return {"": _nifti(path, contents[path])}
    if path.endswith(".npz"):
        return _npz(path, inside, contents[path])
    raise InputError(f"{path}: expected a mask in .nii, .nii.gz or .npz.")


def _nifti(path: str, content: bytes) -> NDArray[Any]:
    import nibabel as nib
    import numpy as np

    untyped: Any = nib
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / Path(path).name
        file.write_bytes(content)
        try:
            return np.array(np.asanyarray(untyped.load(file).dataobj))
        except (untyped.filebasedimages.ImageFileError, OSError, EOFError, ValueError) as error:
            raise InputError(f"{path}: cannot be read as NIfTI: {error}") from error


class _ArraysOnly(pickle.Unpickler):
    """Rebuilds numpy arrays and scalars in plain dicts and lists, and nothing else."""

    ALLOWED = frozenset({"_reconstruct", "ndarray", "dtype", "scalar"})

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] == "numpy" and name in self.ALLOWED:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _npz(path: str, wanted: str, content: bytes) -> dict[str, NDArray[Any]]:
    """An array of an npz; a pickled dict of planes is read by a reader that admits arrays only."""
    import numpy as np

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            stream = io.BytesIO(archive.read(f"{wanted}.npy"))
        read: Any = np.lib.format
        version = read.read_magic(stream)
        header = read.read_array_header_1_0 if version == (1, 0) else read.read_array_header_2_0
        _, _, dtype = header(stream)
        if not dtype.hasobject:
            stream.seek(0)
            return {"": np.load(stream, allow_pickle=False)}
        found = _ArraysOnly(stream).load()
        if isinstance(found, np.ndarray):
            found = found.item()
        return {str(name): np.asarray(plane) for name, plane in found.items()}
    except (
        KeyError,
        zipfile.BadZipFile,
        NotImplementedError,
        ValueError,
        pickle.UnpicklingError,
        EOFError,
    ) as error:
        raise InputError(f"{path}: {wanted}: cannot be read as arrays: {error}") from error
