"""`reproduce score`: pairing, geometry, labels, formats; the second observer of DRIVE."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.records import Result
from reproduce.contracts import Geometry
from reproduce.predictions import Request, score_predictions, write_result
from reproduce.readers import difference, read_mask
from reproduce.statistics import read_statistics

Mask = NDArray[Any]


def _png(path: Path, values: Mask) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set of three images with classes 1 and 2, and perfect predictions of it."""
    rng = np.random.default_rng(0)
    for name in ("one", "two", "three"):
        mask = np.zeros((24, 20), np.uint8)
        mask[2:10, 3:9] = 1
        mask[12:20, 5:15] = 2
        _png(tmp_path / "data" / "images" / f"{name}.png", rng.integers(0, 255, (24, 20, 3)))
        _png(tmp_path / "data" / "masks" / f"{name}.png", mask)
        _png(tmp_path / "pred" / f"{name}.png", mask)
    (tmp_path / "data" / "labels.json").write_text(json.dumps({"1": "liver", "2": "spleen"}))
    return tmp_path


def _request(folder: Path, **changes: Any) -> Request:
    given: dict[str, Any] = {
        "predictions": folder / "pred",
        "dataset": "folder",
        "data": folder / "data",
        "labels": {1: "liver", 2: "spleen"},
    }
    return Request(**{**given, **changes})


def _dice(request: Request) -> float | None:
    return score_predictions(request)[0].measurements[0].value


# ------------------------------------------------------------------------------------ real material


def test_second_observer_of_drive(real: Path, tmp_path: Path) -> None:
    drive = real / "drive"
    request = Request(drive / "test" / "2nd_manual", "drive", drive, split="test")
    result, table = score_predictions(request)
    dice = result.measurements[0]
    assert dice.value == pytest.approx(0.7881, abs=0.00005)
    assert (dice.n_cases, result.status, result.kind) == (20, "complete", "recomputed")
    kept = write_result(tmp_path, result, table)
    read = msgspec.json.decode((kept / "result.json").read_bytes(), type=Result)
    assert read.statistics is not None
    assert read_statistics(kept / read.statistics.file).num_rows == 20
    before = (kept / "result.json").read_bytes()
    write_result(tmp_path, result, table)  # append-only: nothing is written over
    assert (kept / "result.json").read_bytes() == before


def test_a_challenge_npz_scores_itself_perfectly(challenge_npz: Path) -> None:
    path = next(challenge_npz.glob("*.npz"))
    mask = read_mask(path, "gts")
    assert mask.values is not None
    assert mask.geometry.shape == mask.values.shape
    with pytest.raises(InputError, match="no array nothing; it has"):
        read_mask(path, "nothing")


def test_nifti_axes_are_slices_first(nifti: Path) -> None:
    (path,) = (nifti / "labelsTr").iterdir()
    mask = read_mask(path)
    assert mask.geometry.shape == {"made": (12, 40, 48)}.get(path.name[:4], (104, 160, 160))
    assert mask.geometry.spacing_mm == pytest.approx((1.5, 1.5, 1.5))


def test_dicom_seg_gives_named_segments(real: Path) -> None:
    mask = read_mask(real / "dicom_seg" / "seg_image_ct_binary_overlap.dcm")
    assert {name: int(m.sum()) for name, m in mask.segments.items()} == {
        "first segment": 64,
        "second segment": 16,
    }
    assert mask.geometry.spacing_mm == pytest.approx((1.25, 0.488281, 0.488281))
    with pytest.raises(InputError, match="no segmentation"):
        read_mask(real / "dicom_seg" / "ct_image.dcm")


# ----------------------------------------------------------------------------------------- pairing


def test_perfect_predictions_score_one(folder: Path) -> None:
    result, _ = score_predictions(_request(folder))
    assert result.measurements[0].value == 1.0
    assert result.measurements[0].per_label == {"liver": 1.0, "spleen": 1.0}


def test_order_does_not_matter_names_do(folder: Path) -> None:
    wrong = folder / "pred" / "three.png"
    _png(wrong, np.zeros((24, 20)))
    (row,) = {
        score.case
        for score in score_predictions(_request(folder))[0].cases
        if score.dice == 0 and score.label == "liver"
    }
    assert row == "three"


def test_longer_names_pair_by_whole_parts(folder: Path) -> None:
    for name in ("one", "two", "three"):
        (folder / "pred" / f"{name}.png").rename(folder / "pred" / f"case_{name}_pred.png")
    assert _dice(_request(folder)) == 1.0
    assert _dice(_request(folder, pattern="case_{case}_pred.png")) == 1.0
    with pytest.raises(InputError, match=r"3 of 3 files do not pair.*case_one_pred\.png"):
        _dice(_request(folder, pattern="{case}.png"))
    with pytest.raises(UsageError, match=r"expected \{case\}"):
        _dice(_request(folder, pattern="x.png"))


def test_what_does_not_pair_is_named(folder: Path) -> None:
    shutil.copy(folder / "pred" / "one.png", folder / "pred" / "four.png")
    with pytest.raises(InputError, match=r"four\.png belongs to no case"):
        _dice(_request(folder))
    (folder / "pred" / "four.png").rename(folder / "pred" / "one_b.png")
    with pytest.raises(InputError, match=r"one_b\.png and one\.png are both case one"):
        _dice(_request(folder))
    (folder / "pred" / "one_b.png").rename(folder / "pred" / "one_two.png")
    with pytest.raises(InputError, match=r"one_two\.png fits 2 cases"):
        _dice(_request(folder))


def test_a_missing_case_is_an_error_or_counts_zero_by_name(folder: Path) -> None:
    (folder / "pred" / "two.png").unlink()
    with pytest.raises(InputError, match=r"1 of 3 cases have no file: two"):
        _dice(_request(folder))
    result, _ = score_predictions(_request(folder, allow_missing=True))
    assert result.measurements[0].value == pytest.approx(2 / 3)
    assert result.measurements[0].value_complete_cases == 1.0
    assert (result.status, result.checks[0].passed) == ("partial", False)


def test_an_empty_or_absent_folder(folder: Path) -> None:
    for path in (folder / "pred").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="no mask in it"):
        _dice(_request(folder))
    with pytest.raises(PrerequisiteError, match="no such folder"):
        _dice(_request(folder, predictions=folder / "nowhere"))


# ------------------------------------------------------------------------------ geometry and values


def test_another_size_is_an_error_with_the_difference(folder: Path) -> None:
    with Image.open(folder / "pred" / "one.png") as image:
        image.resize((40, 48), Image.Resampling.NEAREST).save(folder / "pred" / "one.png")
    with pytest.raises(InputError, match=r"one\.png: .*shape 48x40 instead of 24x20"):
        _dice(_request(folder))
    assert _dice(_request(folder, resample="nearest")) == 1.0


def test_values_outside_the_map(folder: Path) -> None:
    assert _dice(_request(folder, labels={})) == 1.0  # labels.json says it
    with pytest.raises(InputError, match=r"label numbers \[2\] are not in the map"):
        _dice(_request(folder, labels={1: "liver"}))
    with pytest.raises(InputError, match="classes kidney are not in the reference"):
        _dice(_request(folder, labels={1: "liver", 2: "kidney"}))


def _npz(folder: Path, values: Mask) -> None:
    for path in (folder / "pred").iterdir():
        path.unlink()
    for name in ("one", "two", "three"):
        np.savez(folder / "pred" / f"{name}.npz", segs=values)


def test_floats_and_nan_where_labels_are_due(folder: Path) -> None:
    values = np.zeros((24, 20))
    values[2:10, 3:9] = 1
    values[12:20, 5:15] = 2
    _npz(folder, values)
    assert _dice(_request(folder)) == 1.0  # whole numbers stored as floats are labels
    values[0, 0] = 0.25
    _npz(folder, values)
    with pytest.raises(InputError, match=r"expected label numbers, found 0\.25"):
        _dice(_request(folder))
    values[0, 0] = np.nan
    _npz(folder, values)
    with pytest.raises(InputError, match="1 of 480 values are NaN"):
        _dice(_request(folder))


def test_a_damaged_file_is_named(folder: Path) -> None:
    whole = (folder / "pred" / "one.png").read_bytes()
    (folder / "pred" / "one.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"one\.png: mask cannot be read"):
        _dice(_request(folder))


def test_probabilities_need_one_class_and_a_threshold(folder: Path) -> None:
    (folder / "data" / "labels.json").unlink()
    for name in ("one", "two", "three"):
        mask = np.zeros((24, 20), np.uint8)
        mask[2:10, 3:9] = 1
        _png(folder / "data" / "masks" / f"{name}.png", mask)
        _png(folder / "pred" / f"{name}.png", mask * 200 + 20)
    soft = _request(folder, labels={}, kind="probability")
    assert _dice(soft) == 1.0
    low = _request(folder, labels={}, kind="probability", threshold=0.05)
    assert _dice(low) == pytest.approx(2 * 48 / (48 + 480))


def _nifti(path: Path, values: Mask, affine: Mask) -> None:
    import nibabel

    untyped: Any = nibabel
    path.parent.mkdir(parents=True, exist_ok=True)
    untyped.save(untyped.Nifti1Image(values, affine), path)


def test_geometry_differences_say_by_how_much(tmp_path: Path) -> None:
    values = np.zeros((6, 5, 4), np.uint8)  # x, y, z as NIfTI stores them
    values[1:4, 2:4, 1:3] = 1
    affine = np.diag([0.8, 0.8, 5.0, 1.0])
    _nifti(tmp_path / "a.nii.gz", values, affine)
    reference = read_mask(tmp_path / "a.nii.gz").geometry
    assert reference.shape == (4, 5, 6)
    assert reference.spacing_mm == pytest.approx((5.0, 0.8, 0.8))
    assert difference(reference, reference) is None

    moved = affine.copy()
    moved[0, 3] = 7.5
    _nifti(tmp_path / "b.nii.gz", values, moved)
    off = difference(read_mask(tmp_path / "b.nii.gz").geometry, reference)
    assert off is not None
    assert "positions differ by up to 7.5 mm (origin by 7.5 x 0 x 0 mm" in off

    _nifti(tmp_path / "c.nii.gz", values, np.diag([0.8, 0.8, 2.5, 1.0]))
    off = difference(read_mask(tmp_path / "c.nii.gz").geometry, reference)
    assert off is not None
    assert "spacing 2.5 x 0.8 x 0.8 mm instead of 5 x 0.8 x 0.8 mm" in off


def test_the_same_grid_in_another_orientation_is_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    values = (rng.random((6, 5, 4)) < 0.3).astype(np.uint8)
    _nifti(tmp_path / "a.nii.gz", values, np.diag([0.8, 0.8, 5.0, 1.0]))
    mirrored = np.diag([-0.8, 0.8, 5.0, 1.0])
    mirrored[0, 3] = 0.8 * 5
    _nifti(tmp_path / "b.nii.gz", values[::-1].copy(), mirrored)
    one, other = read_mask(tmp_path / "a.nii.gz"), read_mask(tmp_path / "b.nii.gz")
    assert difference(other.geometry, one.geometry) is None
    assert one.values is not None
    assert other.values is not None
    assert (other.values == one.values).all()
    # the same file without its flip in the header is another place
    _nifti(tmp_path / "c.nii.gz", values, np.diag([-0.8, 0.8, 5.0, 1.0]))
    off = difference(read_mask(tmp_path / "c.nii.gz").geometry, one.geometry)
    assert off is not None
    assert "positions differ by up to 4 mm" in off


def test_resampling_goes_by_position(tmp_path: Path) -> None:
    from reproduce.readers.resampling import resampled

    rng = np.random.default_rng(2)
    values = (rng.random((6, 5, 4)) < 0.3).astype(np.uint8)
    affine = np.diag([0.8, 0.8, 5.0, 1.0])
    _nifti(tmp_path / "a.nii.gz", values, affine)
    moved = affine.copy()
    moved[0, 3] = 0.8  # one voxel to the right
    _nifti(tmp_path / "b.nii.gz", values, moved)
    fine = affine @ np.diag([0.5, 0.5, 1.0, 1.0])
    fine[:2, 3] = -0.2  # each voxel cut in four around the same centre
    doubled = values.repeat(2, axis=0).repeat(2, axis=1)
    _nifti(tmp_path / "c.nii.gz", doubled, fine)
    one = read_mask(tmp_path / "a.nii.gz")
    assert one.values is not None
    shifted = resampled(read_mask(tmp_path / "b.nii.gz"), one.geometry).values
    assert shifted is not None
    assert (shifted[:, :, 1:] == one.values[:, :, :-1]).all()
    assert not shifted[:, :, 0].any()
    coarse = resampled(read_mask(tmp_path / "c.nii.gz"), one.geometry).values
    assert coarse is not None
    assert (coarse == one.values).all()


def test_predictions_for_volumes_with_their_surfaces(nifti: Path, tmp_path: Path) -> None:
    labels = nifti / "labelsTr"
    request = Request(
        labels,
        "volumes",
        nifti,
        options={"labels": {1: "edema"}},
        metrics=("dice", "nsd", "hd95"),
    )
    result, _ = score_predictions(request)
    assert [m.value for m in result.measurements] == [1.0, 1.0, 0.0]
    import nibabel

    untyped: Any = nibabel
    (path,) = labels.iterdir()
    image = untyped.load(path)
    moved = image.affine.copy()
    moved[2, 3] += 1.5
    values = np.asarray(image.dataobj)
    untyped.save(untyped.Nifti1Image(values, moved), tmp_path / path.name)
    with pytest.raises(InputError, match=r"positions differ by up to 1\.5 mm"):
        score_predictions(replace(request, predictions=tmp_path))
    again = replace(request, predictions=tmp_path, resample="nearest")
    dice, nsd, hd95 = score_predictions(again)[0].measurements
    assert dice.value is not None
    assert 0.7 < dice.value < 0.99
    assert nsd.value == 1.0  # 1.5 mm lies within the tolerance of 2 mm
    assert hd95.value == pytest.approx(1.5)


def test_a_dicom_segmentation_is_scored_against_nifti(real: Path, tmp_path: Path) -> None:
    source = real / "dicom_seg" / "seg_image_ct_binary_overlap.dcm"
    mask = read_mask(source)
    assert mask.geometry.affine is not None
    classes = np.zeros(mask.geometry.shape, np.uint8)
    classes[mask.segments["first segment"]] = 1
    # axes (superior, anterior, right) back to x, y, z as NIfTI stores them
    affine = mask.geometry.affine[:, [2, 1, 0, 3]]
    for folder in ("imagesTr", "labelsTr"):
        _nifti(tmp_path / "data" / folder / "ct.nii.gz", classes.transpose(2, 1, 0), affine)
    (tmp_path / "pred").mkdir()
    shutil.copy(source, tmp_path / "pred" / "ct.dcm")
    request = Request(
        tmp_path / "pred",
        "volumes",
        tmp_path / "data",
        options={"labels": {1: "organ"}, "window": [0, 1]},
        labels={1: "organ"},
    )
    with pytest.raises(InputError, match="segments second segment are no class"):
        score_predictions(request)
    (tmp_path / "pred" / "ct.dcm").unlink()
    # An object leaves empty frames out: it is put where its voxels lie in the volume.
    single = real / "dicom_seg" / "seg_image_ct_binary.dcm"
    shutil.copy(single, tmp_path / "pred" / "ct.dcm")
    alone = read_mask(single)
    (only,) = alone.segments.values()
    assert alone.geometry.shape != mask.geometry.shape
    shared = int((read_mask(single, like=mask.geometry).first & (classes == 1)).sum())
    dice = 2 * shared / (int(only.sum()) + int((classes == 1).sum()))
    assert score_predictions(request)[0].measurements[0].value == pytest.approx(dice)
    moved = affine + np.array([[0, 0, 0, 0.3]] + [[0] * 4] * 3)
    for folder in ("imagesTr", "labelsTr"):
        _nifti(tmp_path / "data" / folder / "ct.nii.gz", classes.transpose(2, 1, 0), moved)
    with pytest.raises(InputError, match=r"ct\.dcm: the prediction lies on another grid"):
        score_predictions(request)


def test_unknown_formats_and_arrays_of_other_ranks(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1")
    with pytest.raises(InputError, match="no reader for this file"):
        read_mask(tmp_path / "a.txt")
    np.save(tmp_path / "a.npy", np.zeros((2, 2, 2, 2)))
    with pytest.raises(InputError, match=r"expected an array \(H, W\) or \(D, H, W\)"):
        read_mask(tmp_path / "a.npy")
    _png(tmp_path / "rgb.png", np.random.default_rng(0).integers(0, 255, (4, 4, 3)))
    with pytest.raises(InputError, match="has colours"):
        read_mask(tmp_path / "rgb.png")
    assert (
        difference(Geometry((3, 4)), Geometry((4, 3)))
        == "shape 3x4 instead of 4x3 (rows and columns exchanged)"
    )
