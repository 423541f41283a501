"""Masks in npz files as the MedSAM and CVPR challenges write them, and in plain npy files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catalog.errors import InputError
from reproduce.readers.masks import Geometry, MaskFile
from reproduce.reading import read_with

USUAL = ("segs", "gts", "mask", "masks", "seg")


def read(path: Path, key: str | None = None) -> MaskFile:
    """An array (H, W) or (D, H, W).

    `spacing` beside it is not used: these files store it x, y, z beside arrays z, y, x, some the
    other way round, and nothing in them says which.
    """

    def reader(path: Path) -> MaskFile:
        import numpy as np

        with path.open("rb") as stream:
            loaded: Any = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return MaskFile(path, Geometry(loaded.shape), loaded)
            names = list(loaded.files)
            wanted = key or (names[0] if len(names) == 1 else None)
            wanted = wanted or next((name for name in USUAL if name in names), None)
            if wanted not in names:
                raise InputError(
                    f"{path}: no array {key or 'called ' + ', '.join(USUAL)}; it has "
                    f"{', '.join(names)}. Name the array with --key."
                )
            values = loaded[wanted]
        return MaskFile(path, Geometry(values.shape), values)

    found = read_with(path, "mask", reader)
    if len(found.geometry.shape) not in (2, 3):
        raise InputError(
            f"{path}: expected an array (H, W) or (D, H, W), got {found.geometry.shape}."
        )
    return found
