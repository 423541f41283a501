"""Volumes as npz: the layout of MedSAM's and the CVPR challenges' files.

One file a case with `imgs` (D, H, W) uint8, `gts` (D, H, W) class numbers (0 background) and
`spacing` in mm as (x, y, z), the reverse of the array's axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError
from reproduce.contracts import Case, Dataset, Sample


class Npz(Dataset):
    """Plugin `npz`. Options: `labels` (a class map, see `reproduce.readers.classes`; else
    labels.json or dataset.json beside the files, else every class number of the files is a class of
    that name), `window` [low, high] of images of more than eight bits."""

    name = "npz"
    version = 2
    title = "npz volumes (MedSAM, CVPR challenges)"
    licence = "the data's own"
    access = "Put files with imgs, gts and spacing into one folder and pass it with --data."
    homepage: str | None = None
    modalities: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    dimensionality: Literal["2d", "3d"] = "3d"
    splits: Mapping[str, str] = {"all": "every .npz file of the folder"}
    may_show_images = False
    options: Mapping[str, str] = {
        "labels": "a class map (`reproduce.readers.classes`)",
        "window": "[low, high]: the values that become black and white",
        "values": "uint8, or stored: numbers as in the file",
    }
    keeps_values = True

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """One case per file, by name."""
        from reproduce.ground.reading import files_of, need_folder
        from reproduce.readers.classes import map_files

        self.need_split(split)
        need_folder(root, self.title, self.access)
        files = files_of(root, (".npz",))
        if not files:
            raise InputError(f"{root}: no .npz file there. {self.access}")
        meta = {"files": tuple(files.values())}
        names = map_files(options.get("labels"), root)
        return [
            Case(id=name, files={"volume": path, **names}, meta=meta)
            for name, path in files.items()
        ]

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Volume, masks by class, spacing in array order (z, y, x)."""
        from reproduce.ground.reading import read_with, same_size
        from reproduce.readers import class_map, read_mask
        from reproduce.readers.classes import found_in
        from reproduce.readers.intensities import as_taken, picture_bits
        from reproduce.readers.numpy_file import arrays_of, names_in

        path = case.files["volume"]

        def reader(path: Path) -> dict[str, Any]:
            there = names_in(path)
            if not {"imgs", "gts"} <= set(there):
                raise InputError(f"{path}: expected imgs and gts, got {', '.join(there) or '-'}.")
            return arrays_of(path, [n for n in ("imgs", "spacing") if n in there])

        content = read_with(path, "volume", reader)
        image, found = content["imgs"], read_mask(path, "gts")
        shape = found.geometry.shape
        same_size(image.shape[: len(shape)], shape, path, path)
        window = options.get("window")
        if options.get("values") == "stored":
            image = as_taken(image, options, path)
        elif image.dtype.kind != "u" or image.dtype.itemsize > 1:
            image = picture_bits(image, window, path)
        names = class_map(options.get("labels"), path.parent)
        read = (names or found_in(case.meta["files"], "gts")).read(found)
        return Sample.of_volume(
            case,
            image,
            read.masks,
            read.valid,
            spacing_mm=_spacing(path, content.get("spacing"), len(shape)),
        )


def _spacing(path: Path, stored: Any, axes: int) -> tuple[float, ...] | None:
    """Spacing in array order. Raises `InputError` for anything but one length above 0 an axis."""
    import numpy as np

    if stored is None:
        return None
    if stored.shape != (axes,) or not (np.isfinite(stored) & (stored > 0)).all():
        raise InputError(
            f"{path}: spacing: expected {axes} lengths above 0 (x, y, z in mm), got "
            f"{stored.tolist()}."
        )
    return tuple(float(v) for v in stored[::-1])


PLUGIN = Npz()
