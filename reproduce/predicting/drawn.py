"""Masks drawn for a folder of images: prompts are made of them, or answers are counted by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from catalog.errors import InputError
from reproduce.contracts import Case, Geometry, Sample
from reproduce.ground.reading import sha256_of
from reproduce.predictions.pairing import Pairing, pair
from reproduce.predictions.truths import ONLY
from reproduce.readers import ClassMap, MaskFile, difference, read_mask
from reproduce.readers.classes import Labelled, declared_in, found_in
from reproduce.readers.rules import one_class


class MaskFolder:
    """A folder of masks that pair with images by name; nnU-Net's labels are one. Of a video each
    frame has its own, in a folder that is called as that of the frames; some may have none.

    Classes are what labels.json or dataset.json in the folder (or the one it lies in) says, else
    segments by their label; without any, one class where every file has one object, else every
    number.
    """

    def __init__(self, folder: Path, cases: Sequence[Case]) -> None:
        self.folder = folder
        self.parts: dict[str, list[str]] = {
            case.id: [
                f"{case.id}/{frame}" if (folder / case.id).is_dir() else frame
                for frame in case.meta["frames"]
            ]
            if case.meta["kind"] == "video"
            else [case.id]
            for case in cases
        }
        parts = [part for of in self.parts.values() for part in of]
        self.pairing: Pairing = pair(folder, parts, None, lambda _: "the images", "")
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

    def has(self, case: str) -> bool:
        """Whether a case has a mask."""
        return any(part in self.pairing.files for part in self.parts[case])

    def mark(self, case: str) -> str:
        """The hashes of a case's masks; "": it has none."""
        files = map(self.pairing.files.get, self.parts[case])
        return " ".join("none" if path is None else sha256_of(path) for path in files)

    def onto(self, sample: Sample) -> Sample:
        """The sample with its masks; frames without one are no part of what is scored. Raises
        `InputError` where there is none, or it lies on another grid."""
        case = sample.case.id
        if not self.has(case):
            raise InputError(f"no mask of it in {self.folder}.")
        if sample.case.meta["kind"] == "video":
            return self._frames(sample)
        shape = sample.shape[1:] if sample.is_image else sample.shape
        grid = sample.geometry or Geometry(shape, sample.spacing_mm)
        read = self._read(self.pairing.files[case], grid)
        masks = {name: mask.reshape(sample.shape) for name, mask in read.masks.items()}
        valid = None if read.valid is None else read.valid.reshape(sample.shape)
        return replace(sample, labels=masks, valid=valid)

    def _frames(self, sample: Sample) -> Sample:
        import numpy as np

        masks = {name: np.zeros(sample.shape, np.bool_) for name in self.labels}
        valid = np.zeros(sample.shape, np.bool_)
        for index, part in enumerate(self.parts[sample.case.id]):
            if (path := self.pairing.files.get(part)) is not None:
                read = self._read(path, Geometry(sample.shape[1:], None))
                valid[index] = True if read.valid is None else read.valid
                for name, mask in read.masks.items():
                    masks[name][index] = mask
        return replace(sample, labels=masks, valid=None if valid.all() else valid)

    def _read(self, path: Path, grid: Geometry) -> Labelled:
        found = read_mask(path, like=grid)
        if found.geometry.shape != grid.shape and _flat(found.geometry) == _flat(grid):
            found = found.moved(grid, lambda array: array.reshape(grid.shape))
        if off := difference(found.geometry, grid):
            raise InputError(f"{path}: the mask does not lie on the grid of its image: {off}.")
        return Labelled({ONLY: one_class(found)}) if self.names is None else self.names.read(found)


def _flat(grid: Geometry) -> tuple[int, ...]:
    """The sides of a picture, also where it is a volume of one plane."""
    return grid.shape[1:] if len(grid.shape) == 3 and grid.shape[0] == 1 else grid.shape


def _is_one(found: MaskFile) -> bool:
    try:
        one_class(found)
    except InputError:
        return False
    return True
