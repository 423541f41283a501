"""Collections whose cases have numbers, read by the lists that others released."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.errors import InputError, UsageError
from reproduce.contracts import Dataset
from reproduce.ground.plugins import plugin

pytest.importorskip("nibabel", reason="needs the extra [reproduce]")


def write(folder: Path, image: str, label: str, top: int) -> None:
    """A volume of 4 x 4 x 3 whose columns of the label are numbered up to `top`."""
    import nibabel

    grid = np.diag([1.0, 1.0, 2.0, 1.0])
    values = np.zeros((4, 4, 3), np.int16)
    values[..., 1] = np.arange(4)[:, None] % (top + 1)
    for name, array in ((image, values * 100), (label, values.astype(np.uint8))):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(array, grid), path)  # type: ignore[no-untyped-call]


def data(name: str) -> Dataset:
    found: Dataset = plugin("datasets", name)
    return found


def test_a_task_is_found_in_its_own_folder_and_in_the_one_around_it(tmp_path: Path) -> None:
    task = tmp_path / "Task09_Spleen"
    for number in (21, 29, 33, 38, 44, 46, 53, 61, 2):
        write(task, f"imagesTr/spleen_{number}.nii.gz", f"labelsTr/spleen_{number}.nii.gz", 1)
    options = {"set": "Task09_Spleen", "values": "stored"}
    for root in (tmp_path, task):
        cases = data("msd").cases(root, "vista3d-testing", options)
        assert [case.id for case in cases][:2] == ["spleen_21", "spleen_29"]
        assert len(cases) == 8
    every = data("msd").cases(task, "train", options)
    assert [case.id for case in every][:2] == ["spleen_2", "spleen_21"]
    assert [case.id for case in every] == sorted(case.id for case in every)
    sample = data("msd").load(every[0], options)
    assert sample.shape == (3, 4, 4)
    assert int(sample.labels["spleen"].sum()) == 8
    assert sample.values.max() == 100


def test_what_is_missing_of_a_list_is_named(tmp_path: Path) -> None:
    task = tmp_path / "Task10_Colon"
    write(task, "imagesTr/colon_008.nii.gz", "labelsTr/colon_008.nii.gz", 1)
    with pytest.raises(InputError, match=r"50 of 52 files of Task10_Colon, .*colon_009.nii.gz"):
        data("msd").cases(tmp_path, "split-pkl-fold-0", {"set": "Task10_Colon"})
    with pytest.raises(UsageError, match="Task09_Spleen has no split 'split-pkl-fold-0'"):
        data("msd").cases(tmp_path, "split-pkl-fold-0", {"set": "Task09_Spleen"})
    with pytest.raises(UsageError, match="msd needs the option set: Task03_Liver"):
        data("msd").cases(tmp_path, "train", {})
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="0 of 0 files of btcv"):
        data("btcv").cases(tmp_path / "none", "train", {})


@pytest.mark.parametrize(
    ("name", "image", "label", "number", "id", "top"),
    [
        (
            "btcv",
            "RawData/Training/img/img{:04d}.nii.gz",
            "RawData/Training/label/label{:04d}.nii.gz",
            21,
            "label0021",
            3,
        ),
        ("amos22", "imagesTr/amos_{:04d}.nii.gz", "labelsTr/amos_{:04d}.nii.gz", 5, "amos_0005", 3),
        (
            "kits21",
            "case_{:05d}/imaging.nii.gz",
            "case_{:05d}/aggregated_MAJ_seg.nii.gz",
            2,
            "case_00002",
            3,
        ),
    ],
)
def test_sets_as_they_are_distributed(
    name: str, image: str, label: str, number: int, id: str, top: int, tmp_path: Path
) -> None:
    write(tmp_path, image.format(number), label.format(number), top)
    (case,) = data(name).cases(tmp_path, "train", {})
    assert case.id == id
    masks = data(name).load(case, {}).labels
    assert tuple(masks) == data(name).labels
    assert [int(mask.sum()) for mask in masks.values()][:3] == [4, 4, 4]


def test_classes_can_be_merged_as_works_do_it(tmp_path: Path) -> None:
    write(tmp_path, "case_00002/imaging.nii.gz", "case_00002/aggregated_MAJ_seg.nii.gz", 3)
    (case,) = data("kits21").cases(tmp_path, "train", {})
    merged = {"kidney and masses": [1, 2, 3]}
    masks = data("kits21").load(case, {"labels": merged}).labels
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {"kidney and masses": 12}


def test_lists_have_as_many_cases_as_their_works_say() -> None:
    def size(name: str, split: str, of: str = "") -> int:
        sets: Any = plugin("datasets", name)
        return len(sets.sets[of].lists[split])

    assert [size("msd", "vista3d-testing", task) for task in plugin("datasets", "msd").sets] == [
        26,
        13,
        56,
        61,
        8,
        25,
    ]
    assert size("msd", "split-pkl-fold-0", "Task10_Colon") == 26
    assert size("msd", "split-pkl-fold-0", "Task07_Pancreas") == 57
    assert (size("btcv", "btcv-0035-0040"), size("btcv", "vista3d-testing")) == (6, 6)
    assert (size("amos22", "vista3d-testing"), size("kits21", "split-pkl-fold-0")) == (60, 61)


def test_structures_in_files_of_their_own_become_classes(tmp_path: Path) -> None:
    case = tmp_path / "s0002"
    write(case, "ct.nii.gz", "segmentations/liver.nii.gz", 1)
    write(case, "ct.nii.gz", "segmentations/rib_left_1.nii.gz", 3)
    options = {"classes": "liver", "values": "stored"}
    (found,) = data("totalsegmentator").cases(tmp_path, "all", options)
    sample = data("totalsegmentator").load(found, options)
    assert list(sample.labels) == ["liver"]
    assert int(sample.labels["liver"].sum()) == 8
    assert sample.spacing == (2.0, 1.0, 1.0)
    with pytest.raises(InputError, match="115 files of totalsegmentator"):
        data("totalsegmentator").cases(tmp_path, "all", {})
    with pytest.raises(InputError, match=r"s0003/ct.nii.gz"):
        data("totalsegmentator").cases(tmp_path, "vista3d-testing", options)
    with pytest.raises(UsageError, match="toes is no structure"):
        data("totalsegmentator").cases(tmp_path, "all", {"classes": "liver, toes"})


def test_structures_beyond_ones_and_noughts_are_refused(tmp_path: Path) -> None:
    case = tmp_path / "s0002"
    write(case, "ct.nii.gz", "segmentations/liver.nii.gz", 3)
    options = {"classes": "liver"}
    (found,) = data("totalsegmentator").cases(tmp_path, "all", options)
    with pytest.raises(InputError, match=r"liver\.nii\.gz"):
        data("totalsegmentator").load(found, options)


def test_riga_is_read_by_rater_and_source(tmp_path: Path) -> None:
    from PIL import Image

    riga = data("riga")
    grey = np.zeros((4, 6), np.uint8)
    grey[1:, 1:] = 255
    for rater, left in ((1, 3), (2, 4)):
        grey[2:, left:] = 128
        folder = tmp_path / "RIGA-mask" / "MESSIDOR_Base3" / "Labeled"
        folder.mkdir(parents=True, exist_ok=True)
        for number in riga_numbers("MESSIDOR_Base3"):
            Image.fromarray(grey).save(folder / f"image{number}-{rater}.tif")
        grey[2:, left:] = 255
    folder = tmp_path / "RIGA" / "MESSIDOR_Base3" / "Labeled"
    folder.mkdir(parents=True)
    for number in riga_numbers("MESSIDOR_Base3"):
        Image.new("RGB", (6, 4)).save(folder / f"image{number}.tif")
    for options, cup in (({}, 6), ({"rater": 2}, 4)):
        cases = riga.cases(tmp_path, "MESSIDOR_Base3", options)
        assert len(cases) == 27
        assert cases[0].id == "MESSIDOR_Base3/image326"
        labels = riga.load(cases[0], options).labels
        assert (int(labels["disc"].sum()), int(labels["cup"].sum())) == (15, cup)
    with pytest.raises(InputError, match="130 of 184 files of riga, split dapsam-csv"):
        riga.cases(tmp_path, "dapsam-csv", {})
    with pytest.raises(UsageError, match="from 1 to 6"):
        riga.cases(tmp_path, "MESSIDOR_Base3", {"rater": 7})


def riga_numbers(source: str) -> tuple[int, ...]:
    from reproduce.datasets.riga import LABELED

    return LABELED[source]


@pytest.mark.parametrize("year", [2021, 2023])
def test_sequences_of_brats_become_channels_in_one_order(year: int, tmp_path: Path) -> None:
    import nibabel

    ends = ("-t1n", "-t1c", "-t2w", "-t2f", "-seg")
    if year == 2021:
        ends = ("_t1", "_t1ce", "_t2", "_flair", "_seg")
    folder = tmp_path / "BraTS-1"
    folder.mkdir()
    label = np.zeros((5, 4, 3), np.uint8)
    label[0], label[1], label[2] = 1, 2, 4 if year == 2021 else 3
    arrays = [np.full(label.shape, 10.0 * n, np.float32) for n in (1, 2, 3, 4)]
    for end, array in zip(ends, [*arrays, label], strict=True):
        image = nibabel.Nifti1Image(array, np.eye(4))  # type: ignore[no-untyped-call]
        nibabel.save(image, folder / f"BraTS-1{end}.nii.gz")
    brats = data("brats")
    (case,) = brats.cases(tmp_path, "all", {})
    sample = brats.load(case, {"values": "stored"})
    assert sample.values.shape == (3, 4, 5, 4)
    assert sample.values[0, 0, 0].tolist() == [10, 20, 30, 40]
    voxels = {name: int(mask.sum()) for name, mask in sample.labels.items()}
    assert voxels == {"whole tumour": 36, "tumour core": 24, "enhancing tumour": 12}
    (case,) = brats.cases(tmp_path, "all", {"sequence": "flair"})
    one = brats.load(case, {"sequence": "flair", "values": "stored"})
    assert one.values.shape == (3, 4, 5)
    assert float(one.values.max()) == 40
    (folder / f"BraTS-1{ends[1]}.nii.gz").unlink()
    with pytest.raises(InputError, match=f"1 files are missing: BraTS-1/BraTS-1{ends[1]}"):
        brats.cases(tmp_path, "all", {})
    with pytest.raises(UsageError, match="expected t1, t1c, t2, flair or all"):
        brats.cases(tmp_path, "all", {"sequence": "pd"})


def test_brats_as_a_release_cuts_it_and_takes_it_unturned(tmp_path: Path) -> None:
    """MONAI's CropForeground of the arrays as stored: planes beside the head are no part of the
    case. Split by the names that the challenge gave its parts."""
    import nibabel

    for name in ("BraTS-SSA-1", "BraTS-MEN-1"):
        folder = tmp_path / name
        folder.mkdir()
        image = np.zeros((6, 5, 4), np.float32)
        image[1:3, 2:4, 1] = 7
        other = np.zeros_like(image)
        other[4, 2, 2] = 3
        label = np.zeros(image.shape, np.uint8)
        label[1, 2, 1] = 2
        for end, array in zip(
            ("-t1n", "-t1c", "-t2w", "-t2f", "-seg"),
            (image, image, other, image, label),
            strict=True,
        ):
            affine = np.diag([-1.0, -1.0, 2.0, 1.0])  # left, posterior, superior, as BraTS is
            made = nibabel.Nifti1Image(array, affine)  # type: ignore[no-untyped-call]
            nibabel.save(made, folder / f"{name}{end}.nii.gz")
    brats = data("brats")
    (case,) = brats.cases(tmp_path, "2023-ssa", {})
    assert case.id == "BraTS-SSA-1"
    options = {"values": "stored", "cut": True, "axes": "stored"}
    sample = brats.load(case, options)
    assert sample.values.shape == (2, 2, 4, 4)  # planes 1-2, rows 2-3, columns 1-4
    assert np.argwhere(sample.labels["whole tumour"]).tolist() == [[0, 0, 0]]
    assert sample.values[0, 0, 0].tolist() == [7, 7, 0, 7]
    assert sample.geometry is not None
    assert sample.geometry.affine is not None
    first = sample.geometry.affine @ [0, 0, 0, 1]
    assert first[:3].tolist() == [-1, -2, 2], "the first voxel lies where it lay"
    turned = brats.load(case, options | {"axes": "turned"})
    assert np.argwhere(turned.labels["whole tumour"]).tolist() == [[0, 1, 3]]
    assert len(brats.cases(tmp_path, "all", {})) == 2
    with pytest.raises(UsageError, match="option axes: expected turned or stored, got 'x'"):
        brats.load(case, {"axes": "x"})
