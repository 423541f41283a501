"""`score` on files whose values, axes or scales mean something else than they seem to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catalog.errors import InputError, UsageError
from reproduce.predictions import Request, score_predictions

Array = NDArray[Any]

# 109 pixels in both, 31 in one of them: Dice 218 / 249 = 0.8755. No symmetry: a turn would show.
TRUTH = np.zeros((16, 20), np.uint8)
TRUTH.flat[7:136] = 1
PREDICTED = np.zeros((16, 20), np.uint8)
PREDICTED.flat[27:147] = 1
DICE = 218 / 249


def png(path: Path, values: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(values)).save(path)


def nifti(path: Path, values: Array, affine: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, affine), path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set of one picture, whose mask is stored as 0 and 1."""
    png(tmp_path / "data" / "images" / "a.png", np.zeros((16, 20, 3), np.uint8))
    png(tmp_path / "data" / "masks" / "a.png", TRUTH)
    return tmp_path


def dice(folder: Path, **changes: Any) -> float | None:
    request = Request(folder / "pred", "folder", folder / "data", **changes)
    return score_predictions(request)[0].measurements[0].value


def test_the_example_is_what_it_says() -> None:
    both = int((TRUTH & PREDICTED).sum())
    assert (both, int(TRUTH.sum() + PREDICTED.sum())) == (109, 249)


@pytest.mark.parametrize("white", [1, 255])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_masks_of_zero_and_one_are_masks(white: int, kind: str, folder: Path) -> None:
    png(folder / "pred" / "a.png", PREDICTED.astype(kind) * np.dtype(kind).type(white))
    assert dice(folder) == pytest.approx(DICE)


@pytest.mark.parametrize("axes", [2, 3])
@pytest.mark.parametrize("spacing", [1.0, 999.0])
def test_a_nifti_slice_against_a_picture(axes: int, spacing: float, folder: Path) -> None:
    """As SimpleITK and nnU-Net write it: 0.0 until now, for it was turned by 180 degrees."""
    stored = PREDICTED.T if axes == 2 else PREDICTED.T[..., None]
    nifti(folder / "pred" / "a.nii.gz", stored, np.diag([-1.0, -1.0, spacing, 1.0]))
    assert dice(folder) == pytest.approx(DICE)


def test_a_picture_against_a_nifti_slice(tmp_path: Path) -> None:
    affine = np.diag([-1.0, -1.0, 999.0, 1.0])
    for part in ("imagesTr/a_0000", "labelsTr/a"):
        nifti(tmp_path / "data" / f"{part}.nii.gz", TRUTH.T[..., None], affine)
    png(tmp_path / "pred" / "a.png", PREDICTED)
    request = Request(tmp_path / "pred", "volumes", tmp_path / "data")
    assert score_predictions(request)[0].measurements[0].value == pytest.approx(DICE)


@pytest.mark.parametrize(
    ("dtype", "certain"), [("i2", 100), ("i2", 1000), ("u1", 100), ("u1", 1), ("u1", 255)]
)
def test_probability_maps_of_every_scale(dtype: str, certain: int, folder: Path) -> None:
    """Divided by the largest number of their type until now, which left nothing above one half."""
    path = folder / "pred" / "a.npy"
    path.parent.mkdir()
    np.save(path, PREDICTED.astype(dtype) * np.dtype(dtype).type(certain))
    result, _ = score_predictions(
        Request(folder / "pred", "folder", folder / "data", kind="probability")
    )
    assert result.measurements[0].value == pytest.approx(DICE)
    assert result.protocol["scale"] == certain


def test_a_scale_is_asked_for_where_nothing_tells_it(folder: Path) -> None:
    path = folder / "pred" / "a.npy"
    path.parent.mkdir()
    np.save(path, (PREDICTED * 87).astype(np.uint8))
    with pytest.raises(InputError, match=r"largest value .* is 87, .*--scale 100"):
        dice(folder, kind="probability")
    assert dice(folder, kind="probability", scale=100.0) == pytest.approx(DICE)
    assert dice(folder, kind="probability", scale=255.0) == 0
    with pytest.raises(InputError, match=r"a\.npy: expected probabilities from 0 to 1, got 0 to 8"):
        dice(folder, kind="probability", scale=1.0)


def test_numbers_of_one_class_are_put_together(tmp_path: Path) -> None:
    """59 of 118 and 30 wrong: the union has Dice 118 / 148 = 0.7973; the last number alone less."""
    truth, predicted = np.zeros((10, 12), np.uint8), np.zeros((10, 12), np.uint8)
    truth.flat[:74], predicted.flat[15:89] = 1, 1
    truth.flat[40:74], predicted.flat[60:89] = 2, 2
    png(tmp_path / "data" / "images" / "a.png", np.zeros((10, 12, 3), np.uint8))
    png(tmp_path / "data" / "masks" / "a.png", truth)
    png(tmp_path / "pred" / "a.png", predicted)
    whole = {1: "whole", 2: "whole"}
    found = dice(tmp_path, options={"labels": whole}, labels=whole)
    assert found == pytest.approx(118 / 148)
    (tmp_path / "data" / "labels.json").write_text('{"1": "whole", "2": "whole"}')
    assert dice(tmp_path, labels=whole) == pytest.approx(118 / 148)


def nnunet(root: Path, labels: object, *cases: tuple[Array, Array]) -> Request:
    """An nnU-Net folder and predictions of it."""
    for number, (truth, predicted) in enumerate(cases):
        name, affine = f"case_{number}", np.diag([0.8, 0.8, 5.0, 1.0])
        nifti(root / "data" / "imagesTr" / f"{name}_0000.nii.gz", truth, affine)
        nifti(root / "data" / "labelsTr" / f"{name}.nii.gz", truth, affine)
        nifti(root / "pred" / f"{name}.nii.gz", predicted, affine)
    if labels is not None:
        (root / "data" / "dataset.json").write_text(json.dumps({"labels": labels}))
    return Request(root / "pred", "volumes", root / "data")


def volume(*values: int) -> Array:
    return np.array(values, np.uint8).reshape(len(values), 1, 1).repeat(2, 2)


def test_a_label_file_without_the_structure_is_an_empty_reference(tmp_path: Path) -> None:
    """Nothing names the classes: an internal error until now."""
    request = nnunet(
        tmp_path,
        None,
        (volume(0, 1, 1), volume(0, 1, 1)),
        (volume(0, 0, 0), volume(0, 0, 0)),
    )
    result, table = score_predictions(request)
    assert result.measurements[0].value == 1.0
    assert sorted(row["case"] for row in table.to_pylist() if row["scope"] != "slice") == [
        "case_0",
        "case_1",
    ]


def test_an_ignored_region_is_left_out(tmp_path: Path) -> None:
    """Voxels labelled `ignore` were false positives."""
    labels = {"background": 0, "organ": 1, "ignore": 2}
    request = nnunet(tmp_path, labels, (volume(0, 1, 1, 2, 2), volume(0, 1, 1, 1, 1)))
    result, _ = score_predictions(request)
    assert result.measurements[0].value == 1.0


def test_regions_of_nnunet_are_scored(tmp_path: Path) -> None:
    """O is 1 and 2: 3 of 3 and one too many; H is 2: 1 of 2."""
    labels = {"background": 0, "O": [1, 2], "H": 2}
    request = nnunet(tmp_path, labels, (volume(0, 1, 2, 2, 0), volume(1, 1, 1, 2, 0)))
    (case,) = {score.case for score in _scores(request)}
    assert case == "case_0"
    assert {score.label: score.dice for score in _scores(request)} == {
        "O": pytest.approx(6 / 7),
        "H": pytest.approx(2 / 3),
    }


def _scores(request: Request) -> Any:
    return score_predictions(request)[0].cases


def test_names_beside_the_predictions_come_first(tmp_path: Path) -> None:
    """The method has its own numbers; classes it names otherwise are asked for."""
    labels = {"background": 0, "liver": 1, "spleen": 2}
    request = nnunet(tmp_path, labels, (volume(0, 1, 2), volume(0, 2, 1)))
    beside = tmp_path / "pred" / "dataset.json"
    beside.write_text('{"labels": {"background": 0, "liver": 2, "spleen": 1}}')
    assert {score.dice for score in _scores(request)} == {1.0}
    beside.write_text('{"labels": {"background": 0, "foie": 2, "rate": 1}}')
    with pytest.raises(UsageError, match="say which number is which"):
        _scores(request)
    swapped = {2: "liver", 1: "spleen"}
    assert {score.dice for score in _scores(replace(request, labels=swapped))} == {1.0}


# A volume that no flip leaves as it is, in the order that SimpleITK gives (z, y, x).
BODY = np.zeros((3, 5, 6), np.uint8)
BODY[1:, 1:3, 1:3] = 1
LEFT_AND_BACK = np.diag([-1.0, -1.0, 2.5, 1.0])  # as SimpleITK and most scanners store volumes


def test_an_array_has_the_order_of_the_file_it_belongs_to(tmp_path: Path) -> None:
    """An npz written from a volume that is stored to the left and back was read as if it were not,
    and so turned by 180 degrees."""
    nifti(tmp_path / "truth" / "a.nii.gz", BODY.T, LEFT_AND_BACK)
    (tmp_path / "pred").mkdir()
    np.savez(tmp_path / "pred" / "a.npz", segs=BODY)
    request = Request(tmp_path / "pred", references=tmp_path / "truth")
    assert score_predictions(request)[0].measurements[0].value == 1.0
    for part in ("imagesTr/a_0000", "labelsTr/a"):
        nifti(tmp_path / "data" / f"{part}.nii.gz", BODY.T, LEFT_AND_BACK)
    request = Request(tmp_path / "pred", "volumes", tmp_path / "data")
    assert score_predictions(request)[0].measurements[0].value == 1.0


def test_a_volume_against_an_array(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    np.savez(tmp_path / "data" / "a.npz", imgs=BODY, gts=BODY, spacing=[1.0, 1.0, 2.5])
    nifti(tmp_path / "pred" / "a.nii.gz", BODY.T, LEFT_AND_BACK)
    request = Request(tmp_path / "pred", "npz", tmp_path / "data")
    assert score_predictions(request)[0].measurements[0].value == 1.0
