"""Volumes of scanners: images, and the label files that lie on them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.contracts import Case, Geometry, Sample
from reproduce.ground.reading import read_with
from reproduce.ground.sniffing import sniff
from reproduce.readers.classes import ClassMap
from reproduce.readers.grids import difference, upright
from reproduce.readers.intensities import as_taken
from reproduce.readers.masks import READERS, read_mask, reader_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES = (".nii.gz", ".nii", ".seg.nrrd", ".nrrd", ".nhdr", ".mha", ".mhd")


def read_volume(path: Path, what: str, turn: bool = True) -> tuple[NDArray[Any], Geometry]:
    """The array (D, H, W) of a NIfTI, NRRD or MetaImage file and its grid; `what` it is, for
    messages; without `turn` as stored, the third axis first.

    A volume is flipped and its axes exchanged to the closest (superior, anterior, right), so that
    two files of one grid stored in different orientations are the same. A file of one slice is a
    picture, as SimpleITK and nnU-Net write them, and stays as stored.
    """
    module = import_module(f"reproduce.readers.{reader_of(path, what, 'nifti', 'itk_file')}")
    values, grid = read_with(path, what, lambda path: module.stored(path, what))
    return upright(values, grid) if turn else (values, grid)


def files_with(role: str, path: Path) -> dict[str, Path]:
    """A file under its role, and under `<role>:data` the one beside it that holds its voxels."""
    found = {role: path}
    if READERS.get(read_with(path, role, sniff)) == "itk_file":
        from reproduce.readers.itk_file import data_file

        if beside := data_file(path):
            found[f"{role}:data"] = beside
    return found


def labelled(
    case: Case,
    image: NDArray[Any],
    grid: Geometry,
    options: Mapping[str, Any],
    names: ClassMap,
) -> Sample:
    """The sample of an image and the label file of its case (role `label`) on the image's grid.

    Raises `InputError` where the two do not lie on one grid, with the difference.
    """
    path = case.files["label"]
    found = read_mask(path, like=grid)
    if off := difference(found.geometry, grid):
        of = case.files.get("image")
        raise InputError(
            f"{path}: the label does not lie on the grid of its image "
            f"{of.name if of else 'series'}: {off}. Masks are never moved silently: resample it "
            "yourself and say so."
        )
    read = names.read(found)
    values = as_taken(image, options, case.files.get("image", path))
    return Sample.of_volume(case, values, read.masks, read.valid, grid.spacing_mm, grid)
