"""Masks drawn for a folder of images: prompts are made of them, or answers are counted by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from catalog.errors import InputError
from reproduce.contracts import Geometry, Sample
from reproduce.predictions.pairing import Pairing, pair
from reproduce.predictions.truths import ONLY
from reproduce.readers import ClassMap, MaskFile, difference, read_mask
from reproduce.readers.classes import Labelled, declared_in, found_in
from reproduce.readers.rules import one_class


class MaskFolder:
    """A folder of masks that pair with images by name; nnU-Net's labels are one.

    Classes are what labels.json or dataset.json in the folder (or the one it lies in) says, else
    segments by their label; without any, one class where every file has one object, else every
    number.
    """

    def __init__(self, folder: Path, ids: Sequence[str]) -> None:
        self.folder = folder
        self.pairing: Pairing = pair(folder, ids, None, lambda _: "the images", "")
        self.names: ClassMap | None = declared_in(folder) or declared_in(folder.parent)
        if self.names is None:
            self.names = self._found()

    def _found(self) -> ClassMap | None:
        """Classes that the files hold; None: one object each, without a name. A file that cannot be
        read is told when its case is."""
        readable, single = [], True
        for path in self.pairing.files.values():
            try:
                found = read_mask(path)
            except InputError:
                continue
            readable.append(path)
            single = single and not found.segments and _is_one(found)
        return None if single else found_in(readable)

    @property
    def labels(self) -> list[str]:
        """Classes in the order of their numbers."""
        return [ONLY] if self.names is None else list(self.names.classes)

    def file(self, case: str) -> Path | None:
        """The mask of a case; None: it has none."""
        return self.pairing.files.get(case)

    def onto(self, sample: Sample) -> Sample:
        """The sample with its masks. Raises `InputError` where there is none, or it lies on another
        grid."""
        path = self.file(sample.case.id)
        if path is None:
            raise InputError(f"no mask of it in {self.folder}.")
        shape = sample.shape[1:] if sample.is_image else sample.shape
        grid = sample.geometry or Geometry(shape, sample.spacing_mm)
        found = read_mask(path, like=grid)
        if found.geometry.shape != grid.shape and (1, *found.geometry.shape) == grid.shape:
            found = found.moved(grid, lambda array: array.reshape(grid.shape))
        if off := difference(found.geometry, grid):
            raise InputError(f"{path}: the mask does not lie on the grid of its image: {off}.")
        read = Labelled({ONLY: one_class(found)}) if self.names is None else self.names.read(found)
        masks = {name: mask.reshape(sample.shape) for name, mask in read.masks.items()}
        valid = None if read.valid is None else read.valid.reshape(sample.shape)
        return replace(sample, labels=masks, valid=valid)


def _is_one(found: MaskFile) -> bool:
    try:
        one_class(found)
    except InputError:
        return False
    return True
