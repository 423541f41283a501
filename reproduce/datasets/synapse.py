"""Synapse multi-organ CT as TransUNet preprocessed it: one HDF5 file a volume.

`test_vol_h5/case0008.npy.h5` ... (12 volumes), each with `image` (D, H, W) float, windowed to
[-125, 275] HU and scaled to 0-1, and `label` (D, H, W) with class numbers 0-8 (0 background).
The files hold no spacing. Read as `datasets/dataset_synapse.py` of hitachinsk/SAMed reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError
from reproduce.contracts import Case, Dataset, Sample

# lists/lists_Synapse/test_vol.txt of hitachinsk/SAMed @ e3518404
TEST = (1, 2, 3, 4, 8, 22, 25, 29, 32, 35, 36, 38)

# Class numbers 1-8: test.py of the same commit, class_to_name
LABELS = (
    "spleen",
    "right kidney",
    "left kidney",
    "gallbladder",
    "liver",
    "stomach",
    "aorta",
    "pancreas",
)


class Synapse(Dataset):
    """Plugin `synapse`. The images stay floating: eight bits would change what SAMed sees."""

    name = "synapse"
    version = 1
    title = "Synapse multi-organ CT (BTCV), preprocessed by TransUNet"
    licence = "BTCV: registration at Synapse (syn3193805); not redistributed here"
    access = (
        "Register for syn3193805 at Synapse, get the test set that the README of hitachinsk/SAMed "
        "links on Google Drive (test_vol_h5 with 12 files case00xx.npy.h5), and pass the folder "
        "with --data."
    )
    homepage: str | None = "https://www.synapse.org/#!Synapse:syn3193805"
    modalities = ("ct",)
    labels = LABELS
    dimensionality: Literal["2d", "3d"] = "3d"
    splits: Mapping[str, str] = {
        "test": (
            "12 volumes: lists/lists_Synapse/test_vol.txt of hitachinsk/SAMed @ e3518404, "
            "the split of TransUNet"
        )
    }
    may_show_images = False

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """The 12 volumes. `root` is `test_vol_h5` or the folder it lies in. Raises `InputError`
        naming every file that is missing."""
        from reproduce.ground.reading import need_folder

        self.need_split(split)
        need_folder(root, self.title, self.access)
        inner = root / "test_vol_h5"
        folder = inner if inner.is_dir() else root
        found = [
            Case(
                id=f"case{number:04d}",
                files={"volume": folder / f"case{number:04d}.npy.h5"},
                patient=f"{number:04d}",
            )
            for number in TEST
        ]
        missing = [case.files["volume"].name for case in found if not _there(case)]
        if missing:
            raise InputError(
                f"{folder}: {len(missing)} of {len(TEST)} volumes of the Synapse test set are "
                f"missing: {', '.join(missing)}. {self.access}"
            )
        return found

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Volume as stored, one mask per organ; no spacing, so distances are in voxels.

        Raises `InputError` for a file without `image` and `label`, for images that are not 0-1 and
        for class numbers beyond 8: such a file was prepared in another way."""
        import numpy as np

        from reproduce.ground.reading import read_with, same_size

        path = case.files["volume"]
        image, classes = read_with(path, "volume", _arrays)
        same_size(image.shape, classes.shape, path, path)
        if image.ndim != 3:
            raise InputError(f"{path}: expected a volume (D, H, W), got {image.shape}.")
        low, high = float(image.min()), float(image.max())
        if not np.issubdtype(image.dtype, np.floating) or not (low >= 0 and high <= 1):
            raise InputError(
                f"{path}: expected image as floats from 0 to 1 (-125 to 275 HU), got "
                f"{image.dtype} from {low:g} to {high:g}. {self.access}"
            )
        numbers = np.unique(classes)
        odd = [float(number) for number in numbers if number not in range(len(LABELS) + 1)]
        if odd:
            raise InputError(
                f"{path}: expected class numbers 0 to 8, got {', '.join(f'{n:g}' for n in odd)} "
                "too: these are not the labels that TransUNet's preparation leaves. "
                f"{self.access}"
            )
        masks = {name: classes == number for number, name in enumerate(LABELS, 1)}
        return Sample.of_volume(case, image, masks)


def _there(case: Case) -> bool:
    return case.files["volume"].is_file()


def _arrays(path: Path) -> tuple[Any, Any]:
    """`image` and `label` of one file, as stored."""
    import h5py

    from reproduce.readers.sizes import need_room

    with h5py.File(path, "r") as content:
        missing = sorted({"image", "label"} - set(content))
        if missing:
            raise InputError(
                f"{path}: expected image and label, got {', '.join(sorted(content)) or 'nothing'}."
            )
        for name in ("image", "label"):
            shape, dtype = content[name].shape, content[name].dtype
            need_room(path, shape, dtype.itemsize, name)
            if dtype.kind not in "buif":
                raise InputError(f"{path}: {name} holds {dtype}, expected numbers.")
        return content["image"][:], content["label"][:]


PLUGIN = Synapse()
