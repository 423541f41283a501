"""A class map beside the data makes the reference, so it is an input of a run like the masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reproduce.ground.plugins import plugin
from reproduce.planning.recipes import hash_cases

MASK = np.array([[0, 1], [1, 2]], np.uint8)


def _files(name: str, root: Path) -> None:
    """A data set of one case in the layout of a reader."""
    grey = np.zeros((2, 2), np.uint8)
    if name == "npz":
        np.savez(root / "a.npz", imgs=grey[None], gts=MASK[None], spacing=(1, 1, 1))
        return
    inner = {"folder": "", "video-folder": "v/"}.get(name)
    if inner is None:
        import nibabel

        for folder, array in (("imagesTr", grey), ("labelsTr", MASK)):
            (root / folder).mkdir()
            nibabel.save(nibabel.Nifti1Image(array[..., None], np.eye(4)), root / folder / "a.nii")
        return
    places = ("images", "masks") if name == "folder" else ("frames", "masks")
    for place, array in zip(places, (grey, MASK), strict=True):
        (root / place / inner).mkdir(parents=True)
        Image.fromarray(array).save(root / place / inner / "a.png")


@pytest.mark.parametrize("name", ["folder", "npz", "video-folder", "volumes"])
def test_another_class_map_is_another_input(name: str, tmp_path: Path) -> None:
    """Finished shards of the map before were taken for those of the corrected one."""
    _files(name, tmp_path)
    reader = plugin("datasets", name)
    split = next(iter(reader.splits))
    seen = []
    for named in ('{"1": "organ", "2": "lesion"}', '{"1": "lesion", "2": "organ"}'):
        (tmp_path / "labels.json").write_text(named)
        (case,) = reader.cases(tmp_path, split, {})
        masks = reader.load(case, {}).labels
        seen.append((hash_cases([case])[0].files, int(masks["organ"].sum())))
    assert seen[0][1] != seen[1][1]
    assert seen[0][0] != seen[1][0]
    (given,) = reader.cases(tmp_path, split, {"labels": {1: "organ", 2: "lesion"}})
    assert "classes" not in given.files  # the option is an input by itself


@pytest.mark.parametrize("name", ["folder", "npz", "video-folder", "volumes"])
def test_numbers_of_one_name_are_one_class_in_every_reader(name: str, tmp_path: Path) -> None:
    """The last number took the class: 1 of 3 pixels. Segments of DICOM: test_dicom.py."""
    _files(name, tmp_path)
    reader = plugin("datasets", name)
    options = {"labels": {1: "whole", 2: "whole"}}
    (case,) = reader.cases(tmp_path, next(iter(reader.splits)), options)
    masks = reader.load(case, options).labels
    assert {label: int(mask.sum()) for label, mask in masks.items()} == {"whole": 3}
