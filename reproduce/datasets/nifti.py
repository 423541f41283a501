"""Volumes as NIfTI in nnU-Net's layout: `imagesTr/<case>[_0000].nii.gz`, `labelsTr/<case>.nii.gz`.

Arrays are brought to RAS+ axes and then reversed: the first axis runs from feet to head, the second
from back to front, the third from left to right; spacing follows that order. Intensities are mapped
to uint8, because that is what 2D models see: `window` [low, high], else the 0.5 and 99.5
percentiles of the voxels above zero (MedSAM's rule for MR, pre_CT_MR.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from catalog.errors import InputError, UsageError
from reproduce.contracts import Case, Sample
from reproduce.readers.intensities import to_uint8

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARTS = {"train": ("imagesTr", "labelsTr"), "test": ("imagesTs", "labelsTs")}
SUFFIXES = (".nii.gz", ".nii")


class Nifti:
    """Plugin `nifti`. Options: `labels` (class number -> name, else dataset.json, else numbers),
    `window` [low, high], `channel` (default 0, the file that ends in _0000)."""

    name = "nifti"
    version = 1
    title = "NIfTI volumes (nnU-Net layout)"
    licence = "the data's own"
    access = "Arrange the volumes as imagesTr/ and labelsTr/ and pass the folder with --data."
    homepage: str | None = None
    modalities: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    dimensionality: Literal["2d", "3d"] = "3d"
    splits: Mapping[str, str] = {"train": "imagesTr, labelsTr", "test": "imagesTs, labelsTs"}
    may_show_images = False

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by name. Raises `InputError` naming labels without an image."""
        from reproduce.reading import files_of, need_folder

        if split not in PARTS:
            raise UsageError(f"nifti has no split {split!r}; known: {', '.join(PARTS)}")
        folders = [root / name for name in PARTS[split]]
        for folder in folders:
            need_folder(folder, self.title, self.access)
        images, labels = (files_of(folder, SUFFIXES) for folder in folders)
        channel = f"_{int(options.get('channel', 0)):04d}"
        found, without = [], []
        for name, path in labels.items():
            image = images.get(name + channel) or images.get(name)
            if image is None:
                without.append(name)
                continue
            found.append(Case(id=name, files={"image": image, "label": path}, meta={"root": root}))
        if without:
            raise InputError(
                f"{root}: {len(without)} labels without an image: {', '.join(without[:5])}."
            )
        return found

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """uint8 volume (D, H, W), masks by class, spacing in mm in that order."""
        import numpy as np

        from reproduce.reading import same_size

        image, spacing = _volume(case.files["image"])
        classes, label_spacing = _volume(case.files["label"])
        same_size(image.shape, classes.shape, case.files["image"], case.files["label"])
        if not np.allclose(spacing, label_spacing, rtol=1e-3):
            raise InputError(
                f"{case.files['label']}: spacing {label_spacing} mm, its image has {spacing} mm. "
                "They do not lie on one grid."
            )
        numbers = sorted({round(float(v)) for v in np.unique(classes)} - {0})
        names = {int(k): str(v) for k, v in (options.get("labels") or _declared(case)).items()}
        names = names or {number: str(number) for number in numbers}
        if unknown := sorted(set(numbers) - set(names)):
            raise InputError(
                f"{case.files['label']}: class numbers {unknown} have no name; known: {names}."
            )
        return Sample(
            case=case,
            image=to_uint8(image, options.get("window")),
            labels={name: np.asarray(classes == number) for number, name in names.items()},
            spacing_mm=spacing,
        )


def _volume(path: Path) -> tuple[NDArray[Any], tuple[float, ...]]:
    """Array and spacing with axes (superior, anterior, right)."""
    from reproduce.reading import read_with

    def reader(path: Path) -> tuple[NDArray[Any], tuple[float, ...]]:
        import nibabel
        import numpy as np

        image: Any = nibabel.as_closest_canonical(nibabel.load(path))  # type: ignore[no-untyped-call]  # nibabel has no types
        array = np.asarray(image.dataobj)
        if array.ndim != 3:
            raise InputError(f"{path}: expected a volume with three axes, got {array.shape}.")
        spacing = tuple(float(v) for v in image.header.get_zooms()[:3][::-1])
        return np.ascontiguousarray(array.transpose(2, 1, 0)), spacing

    return read_with(path, "volume", reader)


def _declared(case: Case) -> dict[Any, Any]:
    """Class names of nnU-Net's dataset.json, {} where there is none. v2: name -> number."""
    import json

    path = Path(case.meta["root"]) / "dataset.json"
    if not path.is_file():
        return {}
    labels = json.loads(path.read_text("utf-8")).get("labels", {})
    if all(isinstance(value, int) for value in labels.values()):
        labels = {number: name for name, number in labels.items()}
    return {number: name for number, name in labels.items() if int(number) != 0}


PLUGIN = Nifti()
