"""Data sets: the real thing where it is here, and what is said when a file is damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catalog.errors import InputError, UsageError
from reproduce.contracts import Case, Sample
from reproduce.datasets.phantoms import phantom
from reproduce.ground.plugins import plugin, plugins
from reproduce.obtaining.identity import case_list
from reproduce.planning.recipes import hash_cases
from reproduce.readers.intensities import to_uint8

MINE = (
    "biomedparse-demo",
    "drive",
    "endotect",
    "folder",
    "medsegdb",
    "volumes",
    "npz",
    "phantoms",
    "polyp",
    "rossa",
    "sam-med2d-demo",
    "synapse",
    "video-folder",
)


@pytest.mark.parametrize("name", MINE)
def test_plugins_say_what_they_are(name: str) -> None:
    data = plugin("datasets", name)
    assert data.name == name
    assert data.version >= 1
    assert data.licence
    assert data.access
    assert data.splits
    assert data.dimensionality in ("2d", "3d")
    with pytest.raises((UsageError, InputError)):
        data.cases(Path("/nonexistent"), "no-such-split", {})


@pytest.mark.parametrize("name", [n for n in MINE if n != "phantoms"])
def test_missing_folder_says_how_to_get_the_data(name: str, tmp_path: Path) -> None:
    data = plugin("datasets", name)
    with pytest.raises(InputError, match="no such folder") as caught:
        data.cases(tmp_path / "nothing", next(iter(data.splits)), {})
    assert data.access in str(caught.value)


def looks_right(name: str, folder: Path, split: str, count: int, labels: set[str] | None) -> Sample:
    """The first of `count` cases of a split, with masks that lie on its image."""
    data = plugin("datasets", name)
    cases = data.cases(folder, split, {})
    assert len(cases) == count, split
    assert [c.id for c in cases] == sorted({c.id for c in cases})
    sample: Sample = data.load(cases[0], {})
    assert sample.values.dtype == np.uint8
    assert sample.is_image == (data.dimensionality == "2d")
    for mask in sample.labels.values():
        assert mask.dtype == np.bool_
        assert mask.shape == sample.shape
    if labels:
        assert set(sample.labels) == labels
    return sample


@pytest.mark.parametrize(
    ("name", "folder", "counts", "shape", "labels"),
    [
        (
            "drive",
            "drive",
            {"test": 20, "training": 20, "lwnet-val": 4},
            (584, 565, 3),
            {"vessel"},
        ),
        ("endotect", "endotect", {"all": 80, "negatives": 20}, None, {"polyp"}),
        ("rossa", "rossa", {"all": 30}, (320, 320, 3), {"vessel"}),
        ("biomedparse-demo", "biomedparse", {"all": 27}, (1024, 1024, 3), None),
        ("sam-med2d-demo", "sam_med2d_demo", {"test": 2, "train": 2}, None, None),
    ],
)
def test_real_data(
    real: Path,
    name: str,
    folder: str,
    counts: dict[str, int],
    shape: tuple[int, ...] | None,
    labels: set[str] | None,
) -> None:
    for split, count in counts.items():
        sample = looks_right(name, real / folder, split, count, labels)
        assert shape in (None, sample.values.shape[1:])
    data = plugin("datasets", name)
    whole = name not in ("endotect", "rossa")  # of these a part lies here
    for split in {item.split for item in data.case_lists if whole}:
        known = {item.sha256 for item in data.case_lists if item.is_of(split, {})}
        read = hash_cases(data.cases(real / folder, split, {}))
        assert case_list({case.id: case.files for case in read}) in known, split


def test_stacks_of_challenges(challenge_npz: Path) -> None:
    looks_right("npz", challenge_npz, "all", len(list(challenge_npz.glob("*.npz"))), {"1"})


def test_volumes_are_planes_first(nifti: Path) -> None:
    import nibabel

    sample = looks_right("volumes", nifti, "train", 1, {"1"})
    (path,) = (nifti / "labelsTr").glob("*.nii.gz")
    stored = nibabel.load(path).shape
    assert sample.values.shape == stored[::-1]


def test_drive_valid_area_and_observers(real: Path) -> None:
    data = plugin("datasets", "drive")
    (first, *_), (second, *_) = (
        data.cases(real / "drive", "test", {"observer": n}) for n in (1, 2)
    )
    one, two = data.load(first, {}), data.load(second, {})
    assert one.valid is not None
    assert one.valid.any()
    assert not one.valid.all()
    assert (one.labels["vessel"] != two.labels["vessel"]).any()
    # greys 3 and 253 of a palette: every pixel was vessel until the file was looked at
    assert 0.05 < two.labels["vessel"].mean() < 0.15


def test_masks_of_all_real_demo_images_are_found(real: Path) -> None:
    data = plugin("datasets", "biomedparse-demo")
    cases = data.cases(real / "biomedparse", "all", {})
    assert sum(len(c.files) - 1 for c in cases) == 71
    data = plugin("datasets", "sam-med2d-demo")
    total = sum(
        len(c.files) - 1
        for split in data.splits
        for c in data.cases(real / "sam_med2d_demo", split, {})
    )
    assert total == 30


def test_endotect_negatives_are_empty(real: Path) -> None:
    data = plugin("datasets", "endotect")
    for case in data.cases(real / "endotect", "negatives", {})[:3]:
        assert not data.load(case, {}).labels["polyp"].any()


def test_npz_spacing_is_in_array_order(challenge_npz: Path) -> None:
    data = plugin("datasets", "npz")
    sample = data.load(data.cases(challenge_npz, "all", {})[0], {})
    assert sample.spacing_mm is not None
    assert sample.spacing_mm[0] == 5.0  # slice thickness: the first axis of the array
    assert sample.spacing_mm[1] == sample.spacing_mm[2] < 1


def test_nifti_is_brought_to_one_orientation(nifti: Path, tmp_path: Path) -> None:
    """A volume written with its axes permuted and flipped is read as the same array."""
    import nibabel

    data = plugin("datasets", "volumes")
    before = data.load(data.cases(nifti, "train", {})[0], {})
    for part in ("imagesTr", "labelsTr"):
        (tmp_path / part).mkdir()
        source = nibabel.load(next((nifti / part).glob("*.nii.gz")))
        turned = source.as_reoriented(np.array([[2, 1], [0, -1], [1, 1]]))
        nibabel.save(turned, tmp_path / part / "case.nii.gz")
    after = data.load(data.cases(tmp_path, "train", {})[0], {})
    assert (after.values == before.values).all()
    assert (after.labels["1"] == before.labels["1"]).all()
    assert after.spacing_mm == pytest.approx(before.spacing_mm)


def test_nifti_names_come_from_dataset_json(nifti: Path, tmp_path: Path) -> None:
    shutil.copytree(nifti, tmp_path / "b", copy_function=shutil.copyfile)
    declared = {"labels": {"background": 0, "edema": 1}}
    (tmp_path / "b").chmod(0o755)
    (tmp_path / "b" / "dataset.json").write_text(json.dumps(declared))
    data = plugin("datasets", "volumes")
    assert set(data.load(data.cases(tmp_path / "b", "train", {})[0], {}).labels) == {"edema"}


def test_window_maps_linearly() -> None:
    volume = np.array([[[-1000.0, -160.0, 40.0, 240.0, 3000.0]]])
    assert to_uint8(volume, [-160, 240]).ravel().tolist() == [0, 0, 127, 255, 255]
    with pytest.raises(InputError, match="upper end"):
        to_uint8(volume, [5, 5])
    assert not to_uint8(np.zeros((1, 2, 2)), None).any()


# ------------------------------------------------------------------------------ Synapse, polyps


def write_synapse(folder: Path, size: int = 12, depth: int = 3) -> Path:
    """Volumes in the layout of TransUNet's test_vol_h5, all 12, with every class in each."""
    import h5py

    from reproduce.datasets.synapse import TEST

    folder.mkdir(parents=True)
    for number in TEST:
        rng = np.random.default_rng(number)
        label = np.zeros((depth, size, size), np.float32)
        label[1, :9, 2:5] = np.arange(9, dtype=np.float32)[:, None]
        with h5py.File(folder / f"case{number:04d}.npy.h5", "w") as file:
            file["image"] = rng.random((depth, size, size), np.float32)
            file["label"] = label
    return folder


def test_synapse_reads_the_files_of_transunet(tmp_path: Path) -> None:
    """Class numbers, axes and values against what was written; either folder may be named."""
    import h5py

    from reproduce.models.semantic import SYNAPSE

    data = plugin("datasets", "synapse")
    folder = write_synapse(tmp_path / "test_vol_h5")
    cases = data.cases(tmp_path, "test", {})
    assert [case.files for case in cases] == [c.files for c in data.cases(folder, "test", {})]
    assert [case.id for case in cases][:5] == [
        "case0001", "case0002", "case0003", "case0004", "case0008",
    ]  # fmt: skip
    assert len(cases) == 12
    sample = data.load(cases[4], {})
    with h5py.File(folder / "case0008.npy.h5") as file:
        assert (sample.values == file["image"][:]).all()
    assert sample.values.dtype == np.float32
    assert sample.spacing_mm is None
    assert tuple(sample.labels) == SYNAPSE == data.labels
    for number, mask in enumerate(sample.labels.values(), 1):
        assert np.argwhere(mask).tolist() == [[1, number, x] for x in (2, 3, 4)]


def test_synapse_says_what_differs(tmp_path: Path) -> None:
    import h5py

    data = plugin("datasets", "synapse")
    folder = write_synapse(tmp_path / "h5")
    cases = data.cases(folder, "test", {})
    with h5py.File(folder / "case0001.npy.h5", "a") as file:
        file["label"][0, 0, 0] = 13
    with pytest.raises(InputError, match="class numbers 0 to 8, got 13"):
        data.load(cases[0], {})
    with h5py.File(folder / "case0002.npy.h5", "a") as file:
        file["image"][0, 0, 0] = -125
    with pytest.raises(InputError, match="from -125 to"):
        data.load(cases[1], {})
    with h5py.File(folder / "case0003.npy.h5", "a") as file:
        del file["label"]
    with pytest.raises(InputError, match="expected image and label, got image"):
        data.load(cases[2], {})
    cases[3].files["volume"].write_bytes(b"<html>")
    with pytest.raises(InputError, match="cannot be read"):
        data.load(cases[3], {})
    cases[4].files["volume"].unlink()
    with pytest.raises(InputError, match=r"1 of 12 volumes .* missing: case0008.npy.h5"):
        data.cases(folder, "test", {})


def write_polyp(root: Path, folder: str, count: int) -> Path:
    """A set of the PraNet zip: polyps with a soft edge, as grey PNG."""
    for part in ("images", "masks"):
        (root / folder / part).mkdir(parents=True)
    for number in range(1, count + 1):
        image = np.full((8, 10, 3), (200, 90, 60), np.uint8)
        mask = np.zeros((8, 10), np.uint8)
        mask[2:5, 3:7] = 255
        mask[5, 3:7] = 100
        for part, pixels in (("images", image), ("masks", mask)):
            Image.fromarray(pixels).save(root / folder / part / f"{number}.png")
    return root


def test_polyp_reads_the_zip_of_pranet(tmp_path: Path) -> None:
    data = plugin("datasets", "polyp")
    write_polyp(tmp_path / "TestDataset", "CVC-300", 60)
    cases = data.cases(tmp_path, "cvc-300", {})
    assert len(cases) == 60
    assert cases == data.cases(tmp_path / "TestDataset", "cvc-300", {})
    sample = data.load(cases[0], {})
    assert sample.values[0, 0, 0].tolist() == [200, 90, 60]
    assert int(sample.labels["polyp"].sum()) == 12
    assert int(data.load(cases[0], {"above": 0}).labels["polyp"].sum()) == 16


def test_polyp_says_what_differs(tmp_path: Path) -> None:
    data = plugin("datasets", "polyp")
    write_polyp(tmp_path, "CVC-300", 59)
    with pytest.raises(InputError, match="expected 60 images, got 59"):
        data.cases(tmp_path, "cvc-300", {})
    (tmp_path / "CVC-300" / "masks" / "7.png").unlink()
    with pytest.raises(InputError, match=r"1 image without a mask \(7\); expected 60 images"):
        data.cases(tmp_path, "cvc-300", {})


# ------------------------------------------------------------------------------------- phantoms


def test_phantoms_are_the_same_everywhere() -> None:
    """The first phantoms by content: a change here changes the self-test's claim."""
    import hashlib

    content = b"".join(phantom(number, 128)[0].tobytes() for number in range(5))
    assert hashlib.sha256(content).hexdigest() == PHANTOMS_SHA256


PHANTOMS_SHA256 = "c28c91ce41e369a517868d7f4e2131ca9a365f9bad54b01752882214342cdfc8"


def test_phantoms_have_several_looks() -> None:
    data = plugin("datasets", "phantoms")
    cases = data.cases(Path("/nonexistent"), "test", {"count": 5})
    labels = [set(data.load(case, {}).labels) for case in cases]
    assert labels == [{"organ", "lesion"}, {"vessel"}, {"organ", "lesion"}, {"vessel"}, {"lesion"}]
    assert not data.load(cases[4], {}).labels["lesion"].any()
    train = {c.meta["number"] for c in data.cases(Path(), "train", {"count": 100})}
    assert not train & {c.meta["number"] for c in data.cases(Path(), "test", {})}


# --------------------------------------------------------------------------------------- folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for name in ("a", "b"):
        Image.fromarray(np.full((6, 9, 3), 50, np.uint8)).save(tmp_path / "images" / f"{name}.jpg")
        mask = np.zeros((6, 9), np.uint8)
        mask[1:3, 2:5] = 1
        mask[4, 4] = 2
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name}.png")
    return tmp_path


def test_folder_without_names_is_foreground(folder: Path) -> None:
    data = plugin("datasets", "folder")
    sample = data.load(data.cases(folder, "all", {})[0], {})
    assert {name: int(mask.sum()) for name, mask in sample.labels.items()} == {"foreground": 7}


def test_folder_with_names_splits_and_suffixes(folder: Path) -> None:
    (folder / "labels.json").write_text('{"1": "liver", "2": "spleen"}')
    (folder / "split.json").write_text('{"test": ["b"]}')
    data = plugin("datasets", "folder")
    (case,) = data.cases(folder, "test", {"patient": 1})
    assert case.patient == "b"
    sample = data.load(case, {})
    assert {name: int(m.sum()) for name, m in sample.labels.items()} == {"liver": 6, "spleen": 1}
    for path in (folder / "masks").iterdir():
        path.rename(path.with_name(f"{path.stem}_mask.png"))
    assert len(data.cases(folder, "all", {"suffix": "_mask"})) == 2
    with pytest.raises(InputError, match="2 images without a mask"):
        data.cases(folder, "all", {})


def test_folder_palette_masks_give_their_numbers(folder: Path) -> None:
    mask = np.zeros((6, 9), np.uint8)
    mask[0, 0] = 7
    image = Image.fromarray(mask).convert("P")
    image.putpalette([i for v in range(256) for i in (v, 255 - v, 0)])
    image.save(folder / "masks" / "a.png")
    data = plugin("datasets", "folder")
    sample = data.load(data.cases(folder, "all", {})[0], {"labels": {7: "x"}})
    assert int(sample.labels["x"].sum()) == 1


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda f: (f / "images" / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 no"), "cannot be read"),
        (lambda f: (f / "masks" / "a.png").write_bytes(b""), "cannot be read"),
        (lambda f: Image.new("L", (5, 5)).save(f / "masks" / "a.png"), "the mask is 5x5"),
        (lambda f: (f / "labels.json").write_text('{"1": "liver"}'), r"\[2\] have no name"),
        (lambda f: (f / "labels.json").write_text("{"), "not JSON"),
        (lambda f: Image.new("RGB", (9, 6), (1, 2, 3)).save(f / "masks" / "a.png"), "colours"),
    ],
)
def test_folder_with_a_bad_file(folder: Path, break_it: object, said: str) -> None:
    break_it(folder)  # type: ignore[operator]  # a lambda
    data = plugin("datasets", "folder")
    case = data.cases(folder, "all", {})[0]
    with pytest.raises(InputError, match=said):
        data.load(case, {})


def test_one_name_twice_is_told(folder: Path) -> None:
    Image.new("RGB", (9, 6)).save(folder / "images" / "a.png")
    with pytest.raises(InputError, match="same name"):
        plugin("datasets", "folder").cases(folder, "all", {})


def test_npz_of_another_layout(tmp_path: Path) -> None:
    data = plugin("datasets", "npz")
    np.savez(tmp_path / "a.npz", image=np.zeros((2, 3, 4), np.uint8))
    (case,) = data.cases(tmp_path, "all", {})
    with pytest.raises(InputError, match="expected imgs and gts, got image"):
        data.load(case, {})
    path = tmp_path / "a.npz"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match="cannot be read"):
        data.load(case, {})


def test_npz_with_pickled_objects_runs_no_code(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", imgs=np.array([{"a": 1}]), gts=np.zeros(1))
    data = plugin("datasets", "npz")
    with pytest.raises(InputError, match="allow_pickle"):
        data.load(data.cases(tmp_path, "all", {})[0], {})


def test_reference_filter_removes_components_not_labels() -> None:
    """By hand: 25 pixels in slice 0, one beside them, one alone in slice 1, a label by name."""
    from reproduce.planning.references import filtered
    from reproduce.scoring.profile import ReferenceFilter

    mask = np.zeros((3, 10, 10), bool)
    mask[0, :5, :5] = True
    mask[0, 9, 9] = True
    mask[1, 5, 5] = True  # touches the corner of the first component in 3D

    def kept(masks: dict[str, NDArray[np.bool_]], **rule: Any) -> Sample:
        volume = Sample.of_volume(Case("v", {}), np.zeros((3, 10, 10), np.uint8), masks)
        return filtered(volume, ReferenceFilter(**rule))

    both = {"1": mask, "12": mask}
    found = kept(both, min_voxels_3d=5, drop_labels=("12",)).labels
    assert set(found) == {"1"}
    assert int(found["1"].sum()) == 26
    assert int(kept(both, min_voxels_3d=5, min_pixels_2d=5).labels["1"].sum()) == 25
    assert int(kept(both, keep_largest=True).labels["12"].sum()) == 26
    image = Sample.of_image(Case("i", {}), np.zeros((10, 10), np.uint8), {"a": mask[0]})
    assert int(filtered(image, ReferenceFilter(min_pixels_2d=2)).labels["a"].sum()) == 25
    assert not kept({"a": mask & False}, keep_largest=True).labels["a"].any()
    assert kept(both, drop_empty_slices=True).shape == (2, 10, 10)
    assert kept({"a": mask & False}, drop_empty_slices=True).shape == (3, 10, 10)


def test_declared_paths_stay_inside(tmp_path: Path) -> None:
    (tmp_path / "label2image_test.json").write_text(
        json.dumps({"data_demo/../../etc/m.png": "data_demo/images/i.png"})
    )
    with pytest.raises(InputError, match="leaves the folder"):
        plugin("datasets", "sam-med2d-demo").cases(tmp_path, "test", {})


def test_medsegdb_takes_the_task_of_a_slice_from_its_folder(tmp_path: Path) -> None:
    data = plugin("datasets", "medsegdb")
    mask = np.zeros((6, 8), np.uint8)
    mask[2:4, 1:5] = 1
    for folder in ("ID/ACDC/MRI_LeftVentricle/T2", "OOD/cross_site/CT_Liver/CHAOS/inference"):
        for part, values in (("imgs", np.full((6, 8, 3), 7, np.uint8)), ("gts", mask)):
            place = tmp_path / "eval" / folder / f"npy_{part}"
            place.mkdir(parents=True)
            np.save(place / "slice_1.npy", values)
    cases = data.cases(tmp_path, "all", {})
    assert [case.id for case in cases] == [
        "ID/ACDC/MRI_LeftVentricle/T2/slice_1",
        "OOD/cross_site/CT_Liver/CHAOS/inference/slice_1",
    ]
    (first, second) = (data.load(case, {}) for case in cases)
    assert list(first.labels) == ["MRI_LeftVentricle"]
    assert (second.labels["CT_Liver"][0] == (mask == 1)).all()
    assert second.values.shape == (1, 6, 8, 3)
    (only,) = data.cases(tmp_path, "all", {"under": "eval/OOD/cross_site"})
    assert only.id == cases[1].id
    with pytest.raises(UsageError, match="begins with eval/"):
        data.cases(tmp_path, "all", {"under": "eval/../.."})
    (tmp_path / "eval" / folder / "npy_imgs" / "slice_1.npy").unlink()
    with pytest.raises(InputError, match=r"slice_1\.npy: no image"):
        data.cases(tmp_path, "all", {})


def test_all_plugins_are_cheap_to_list() -> None:
    assert set(MINE) <= set(plugins("datasets"))


# ---------------------------------------------------------------------------------------- videos


def write_video(folder: Path, name: str, masks: dict[int, NDArray[np.uint8]]) -> None:
    """Three frames 9, 10, 11 of (6, 8) pixels, grey as their number, and masks of some of them."""
    for number in (9, 10, 11):
        path = folder / "frames" / name / f"frame_{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6), (number, 0, 0)).save(path)
    for number, mask in masks.items():
        path = folder / "masks" / name / f"frame_{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask).save(path)


def objects(*numbers: int) -> NDArray[np.uint8]:
    """One pixel a number, along the first row."""
    mask = np.zeros((6, 8), np.uint8)
    mask[0, : len(numbers)] = numbers
    return mask


def test_a_video_is_a_stack_along_time(tmp_path: Path) -> None:
    write_video(tmp_path, "a", {9: objects(1), 10: objects(1, 2), 11: objects(0, 2)})
    write_video(tmp_path, "b", {10: objects(7)})
    data = plugin("datasets", "video-folder")
    first, second = data.cases(tmp_path, "all", {"frame_s": 0.04})
    sample = data.load(first, {"frame_s": 0.04})
    assert (sample.shape, sample.along, sample.spacing) == ((3, 6, 8), "time", (0.04, None, None))
    assert sample.spacing_mm is None
    assert sample.values[:, 0, 0, 0].tolist() == [9, 10, 11]  # 10 follows 9
    assert {n: np.argwhere(m).tolist() for n, m in sample.labels.items()} == {
        "1": [[0, 0, 0], [1, 0, 0]],
        "2": [[1, 0, 1], [2, 0, 1]],
    }
    assert sample.valid is None
    other = data.load(second, {})
    assert list(other.labels) == ["7"]  # the objects of this video
    assert other.spacing == (None, None, None)
    assert list(other.counted_planes()) == [1]  # frames without a mask are shown, not counted
    (tmp_path / "labels.json").write_text('{"1": "tool", "2": "tool", "7": "clip"}', "utf-8")
    named = data.load(first, {})
    assert {n: int(m.sum()) for n, m in named.labels.items()} == {"tool": 4, "clip": 0}


def test_what_is_wrong_with_a_video_is_told(tmp_path: Path) -> None:
    data = plugin("datasets", "video-folder")
    write_video(tmp_path, "a", {9: objects(1), 12: objects(1)})
    with pytest.raises(InputError, match=r"masks without a frame \(frame_12\)"):
        data.cases(tmp_path, "all", {})
    (tmp_path / "masks/a/frame_12.png").unlink()
    with pytest.raises(UsageError, match="frame_s: expected seconds above 0, got 0"):
        data.cases(tmp_path, "all", {"frame_s": 0})
    (case,) = data.cases(tmp_path, "all", {})
    Image.new("RGB", (8, 7)).save(tmp_path / "frames/a/frame_10.png")
    with pytest.raises(InputError, match=r"frame_10\.png: 7x8 pixels, the first frame .* has 6x8"):
        data.load(case, {})
    shutil.rmtree(tmp_path / "masks/a")
    with pytest.raises(InputError, match="masks/a: no such folder"):
        data.cases(tmp_path, "all", {})
    shutil.rmtree(tmp_path / "frames/a")
    with pytest.raises(InputError, match="frames: no folder of frames there"):
        data.cases(tmp_path, "all", {})
