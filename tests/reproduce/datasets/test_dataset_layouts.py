"""Data sets that are not on this machine, written in the layout they are distributed in.

The counts are the distributors': each set is complete in number and small in pixels.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from catalog.errors import InputError, UsageError
from reproduce.ground.plugins import plugin

HEIGHT, WIDTH = 6, 8


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (WIDTH, HEIGHT), (9, 9, 9)).save(path)
    return path


def mask(path: Path, *pixels: tuple[int, int], value: int = 255, ground: int = 0) -> Path:
    """A grey picture with some pixels (row, column) of another value."""
    grey = np.full((HEIGHT, WIDTH), ground, np.uint8)
    for pixel in pixels:
        grey[pixel] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grey).save(path)
    return path


def isic(root: Path, images: str, masks: str, suffix: str, count: int) -> None:
    for number in range(count):
        picture(root / images / f"ISIC_{number:07d}.jpg")
        mask(root / masks / f"ISIC_{number:07d}{suffix}", (1, 1), (1, 2))


def isic2016(root: Path) -> None:
    isic(
        root,
        "ISBI2016_ISIC_Part1_Test_Data",
        "ISBI2016_ISIC_Part1_Test_GroundTruth",
        "_Segmentation.png",
        379,
    )


def isic2018(root: Path) -> None:
    isic(
        root,
        "ISIC2018_Task1-2_Validation_Input",
        "ISIC2018_Task1_Validation_GroundTruth",
        "_segmentation.png",
        100,
    )


def busi(root: Path) -> None:
    for kind, count in (("benign", 437), ("malignant", 210), ("normal", 133)):
        for number in range(1, count + 1):
            name = root / "Dataset_BUSI_with_GT" / kind / f"{kind} ({number})"
            picture(name.with_name(name.name + ".png"))
            pixels = [] if kind == "normal" else [(2, 3)]
            mask(name.with_name(name.name + "_mask.png"), *pixels)
    several = root / "Dataset_BUSI_with_GT" / "benign"
    mask(several / "benign (195)_mask_1.png", (4, 4))
    mask(several / "benign (195)_mask_2.png", (5, 5))


def refuge(root: Path) -> None:
    for number in range(1, 401):
        name = f"T{number:04d}"
        picture(root / "Test400" / f"{name}.jpg")
        part = "G" if number <= 40 else "N"
        path = root / "REFUGE-Test-GT" / "Disc_Cup_Masks" / part / f"{name}.bmp"
        grey = np.full((HEIGHT, WIDTH), 255, np.uint8)
        grey[1:4, 1:4] = 128
        grey[2, 2] = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(grey).save(path)


def refuge_multirater(root: Path) -> None:
    for number in range(1, 401):
        name = f"{number:04d}"
        folder = root / "Test-400" / name
        picture(folder / f"{name}.jpg")
        for rater in range(1, 8):
            mask(folder / f"{name}_seg_disc_{rater}.png", (1, 1), (1, 2), (1, 3))
            # Four of seven see the pixel (2, 2), three (3, 3).
            mask(folder / f"{name}_seg_cup_{rater}.png", (2, 2) if rater <= 4 else (3, 3))


def kvasir_seg(root: Path) -> None:
    for number in range(1000):
        picture(root / "Kvasir-SEG" / "images" / f"cju{number:04d}.jpg")
        mask(root / "Kvasir-SEG" / "masks" / f"cju{number:04d}.jpg", *np.ndindex(HEIGHT, WIDTH))


def kvasir_sessile(root: Path) -> None:
    for part, names in (("train", "abc"), ("val", "d"), ("test", "ef")):
        for name in names:
            picture(root / "sessile-Kvasir" / part / "images" / f"cju{name}.png")
            mask(root / "sessile-Kvasir" / part / "masks" / f"cju{name}.png", (2, 2), (2, 3))


def cvc_clinicdb(root: Path) -> None:
    for number in range(1, 613):
        picture(root / "CVC-ClinicDB" / "Original" / f"{number}.tif")
        mask(root / "CVC-ClinicDB" / "Ground Truth" / f"{number}.tif", (0, 0))


def biomedparse(root: Path) -> None:
    for place, image, targets in (
        ("ACDC", "patient101_frame01_1_MRI_heart", ("myocardium", "left+heart+ventricle")),
        ("MSD/Task09_Spleen", "spleen_2_30_CT_abdomen", ("spleen",)),
    ):
        picture(root / place / "test" / f"{image}.png")
        files = [f"{image}_{target}.png" for target in targets]
        for name in files:
            mask(root / place / "test_mask" / name, (3, 3))
        declared = {
            "images": [{"id": 0, "file_name": f"{image}.png"}],
            "annotations": [{"image_id": 0, "mask_file": name} for name in files],
        }
        (root / place / "test.json").write_text(json.dumps(declared))


SETS: dict[str, tuple[Callable[[Path], None], str, int, dict[str, int]]] = {
    # name: writer, split, cases, foreground pixels of the first case
    "isic2016": (isic2016, "test", 379, {"lesion": 2}),
    "isic2018": (isic2018, "validation", 100, {"lesion": 2}),
    "busi": (busi, "all", 780, {"tumour": 1}),
    "refuge": (refuge, "test", 400, {"disc": 9, "cup": 1}),
    "refuge-multirater": (refuge_multirater, "Test-400", 400, {"disc": 3, "cup": 1}),
    "kvasir-seg": (kvasir_seg, "all", 1000, {"polyp": HEIGHT * WIDTH}),
    "kvasir-sessile": (kvasir_sessile, "i-medsam-test", 2, {"polyp": 2}),
    "cvc-clinicdb": (cvc_clinicdb, "all", 612, {"polyp": 1}),
    "biomedparse": (
        biomedparse,
        "test",
        2,
        {"MRI_heart_myocardium": 1, "MRI_heart_left heart ventricle": 1},
    ),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {}
    for name, (write, *_) in SETS.items():
        found[name] = tmp_path_factory.mktemp(name)
        write(found[name])
    return found


@pytest.mark.parametrize("name", SETS)
def test_the_distributed_layout_is_read(written: dict[str, Path], name: str) -> None:
    _, split, count, pixels = SETS[name]
    data = plugin("datasets", name)
    cases = data.cases(written[name], split, {})
    assert len(cases) == count
    assert [c.id for c in cases] == sorted({c.id for c in cases})
    sample = data.load(cases[0], {})
    assert sample.values.shape == (1, HEIGHT, WIDTH, 3)
    assert {label: int(m.sum()) for label, m in sample.labels.items()} == pixels
    if data.labels:
        assert tuple(sample.labels) == data.labels


# REFUGE's grey values are classes; Kvasir-SEG's masks are JPEG, in which 0 and 1 are one value.
@pytest.mark.parametrize("name", sorted(set(SETS) - {"refuge", "kvasir-seg"}))
def test_masks_of_zero_and_one_are_those_of_black_and_white(
    written: dict[str, Path], name: str
) -> None:
    """Every reader that cuts grey masks found nothing in those that hold 0 and 1."""
    _, split, _, pixels = SETS[name]
    data = plugin("datasets", name)
    case = data.cases(written[name], split, {})[0]
    masks = [path for role, path in case.files.items() if role not in ("image", "declared")]
    stored = {path: path.read_bytes() for path in masks}
    try:
        for path in masks:
            white = np.asarray(Image.open(path)) > 127
            Image.fromarray(white.astype(np.uint8)).save(path)
        assert {label: int(m.sum()) for label, m in data.load(case, {}).labels.items()} == pixels
    finally:
        for path, content in stored.items():
            path.write_bytes(content)


def told(name: str, root: Path, split: str, options: dict[str, Any] | None = None) -> str:
    with pytest.raises(InputError) as caught:
        plugin("datasets", name).cases(root, split, options or {})
    return str(caught.value)


@pytest.fixture
def one(tmp_path: Path) -> Callable[[str], Path]:
    def write(name: str) -> Path:
        SETS[name][0](tmp_path)
        return tmp_path

    return write


def test_what_differs_from_isic_2016_is_said_at_once(one: Callable[[str], Path]) -> None:
    root = one("isic2016")
    data = root / "ISBI2016_ISIC_Part1_Test_Data"
    (data / "ISIC_0000003.jpg").unlink()
    (data / "ISIC_0000007.jpg").rename(data / "holiday.jpg")
    said = told("isic2016", root, "test")
    assert "expected 379 images, got 378" in said
    assert "1 name that the data set does not have (holiday)" in said
    assert "1 image without a mask (holiday)" in said
    assert "2 masks without an image (ISIC_0000003, ISIC_0000007)" in said
    assert plugin("datasets", "isic2016").access in said


def test_the_other_split_is_not_taken_for_it(one: Callable[[str], Path]) -> None:
    assert "Training_Data: no such folder" in told("isic2016", one("isic2016"), "training")


def test_busi_puts_the_masks_of_an_image_together(written: dict[str, Path]) -> None:
    data = plugin("datasets", "busi")
    case = next(c for c in data.cases(written["busi"], "benign", {}) if c.id == "benign (195)")
    assert set(case.files) == {"image", "mask", "mask:1", "mask:2"}
    assert np.argwhere(data.load(case, {}).labels["tumour"][0]).tolist() == [[2, 3], [4, 4], [5, 5]]
    first = data.load(case, {"masks": "first"}).labels["tumour"]
    assert np.argwhere(first[0]).tolist() == [[2, 3]]
    with pytest.raises(UsageError, match="masks"):
        data.cases(written["busi"], "benign", {"masks": "second"})


def test_busi_normal_images_have_empty_masks(written: dict[str, Path], tmp_path: Path) -> None:
    data = plugin("datasets", "busi")
    cases = data.cases(written["busi"], "normal", {})
    assert len(cases) == 133
    assert not data.load(cases[0], {}).labels["tumour"].any()
    assert len(data.cases(written["busi"], "tumours", {})) == 647
    wrong = mask(tmp_path / "normal (1)_mask.png", (0, 0))
    changed = cases[0].__class__(id="normal (1)", files={**cases[0].files, "mask": wrong})
    with pytest.raises(InputError, match="expected an empty mask for a normal image, got 1"):
        data.load(changed, {})


def test_busi_says_what_is_lost(one: Callable[[str], Path]) -> None:
    root = one("busi")
    (root / "Dataset_BUSI_with_GT" / "malignant" / "malignant (1)_mask.png").unlink()
    assert "1 image without a mask (malignant (1))" in told("busi", root, "all")
    (root / "Dataset_BUSI_with_GT" / "benign" / "benign (195)_mask.png").unlink()
    assert "benign (195) have a further mask but no first one" in told("busi", root, "all")


def test_refuge_grey_values_are_disc_and_cup(written: dict[str, Path], tmp_path: Path) -> None:
    data = plugin("datasets", "refuge")
    case = data.cases(written["refuge"], "test", {})[0]
    labels = data.load(case, {}).labels
    assert not (labels["cup"] & ~labels["disc"]).any()  # the disc holds the cup
    wrong = mask(tmp_path / "T0001.bmp", (0, 0), value=200)
    changed = case.__class__(id=case.id, files={**case.files, "label": wrong})
    with pytest.raises(InputError, match=r"expected the grey values 0 .* got 0, 200"):
        data.load(changed, {})


def test_refuge_raters_one_by_one_and_their_majority(written: dict[str, Path]) -> None:
    data = plugin("datasets", "refuge-multirater")
    case = data.cases(written["refuge-multirater"], "Test-400", {})[0]
    assert np.argwhere(data.load(case, {}).labels["cup"][0]).tolist() == [[2, 2]]
    assert np.argwhere(data.load(case, {"rater": 7}).labels["cup"][0]).tolist() == [[3, 3]]
    with pytest.raises(UsageError, match="rater"):
        data.cases(written["refuge-multirater"], "Test-400", {"rater": 8})


def test_a_missing_rater_is_named(one: Callable[[str], Path]) -> None:
    root = one("refuge-multirater")
    (root / "Test-400" / "0002" / "0002_seg_cup_7.png").unlink()
    said = told("refuge-multirater", root, "Test-400")
    assert "1 files are missing" in said
    assert "0002_seg_cup_7.png" in said


@pytest.mark.parametrize(
    ("name", "place", "said"),
    [
        ("kvasir-seg", "Kvasir-SEG/images/cju0001.jpg", "expected 1000 images, got 999"),
        ("cvc-clinicdb", "CVC-ClinicDB/Original/612.tif", "expected 612 images, got 611"),
    ],
)
def test_polyp_sets_are_counted(
    one: Callable[[str], Path], name: str, place: str, said: str
) -> None:
    root = one(name)
    (root / place).unlink()
    assert said in told(name, root, "all")


def test_frames_are_in_their_order(written: dict[str, Path]) -> None:
    cases = plugin("datasets", "cvc-clinicdb").cases(written["cvc-clinicdb"], "all", {})
    assert [c.id for c in cases[:3]] == ["001", "002", "003"]
    assert cases[9].files["image"].name == "10.tif"


def test_biomedparse_sets_and_what_their_json_declares(one: Callable[[str], Path]) -> None:
    root = one("biomedparse")
    data = plugin("datasets", "biomedparse")
    ids = [case.id for case in data.cases(root, "test", {})]
    assert ids == [
        "ACDC/patient101_frame01_1_MRI_heart",
        "MSD/Task09_Spleen/spleen_2_30_CT_abdomen",
    ]
    (only,) = data.cases(root, "test", {"set": "MSD"})
    assert set(data.load(only, {}).labels) == {"CT_abdomen_spleen"}
    name = "patient101_frame01_1_MRI_heart_myocardium.png"
    (root / "ACDC" / "test_mask" / name).unlink()
    mask(root / "ACDC" / "test_mask" / "patient999_MRI_heart_myocardium.png", (0, 0))
    said = told("biomedparse", root, "test")
    assert "1 of 2 declared masks are missing" in said
    assert "1 masks of no image (patient999_MRI_heart_myocardium.png)" in said


def test_biomedparse_labels_are_those_of_its_claims(root: Path, written: dict[str, Path]) -> None:
    from catalog.registry import Registry

    sam = next(p for p in Registry.load(root).projects if p.slug == "sam")
    claimed = {c.label for c in sam.claims if c.dataset == "biomedparse"}
    data = plugin("datasets", "biomedparse")
    for case in data.cases(written["biomedparse"], "test", {}):
        assert set(data.load(case, {}).labels) <= claimed


def test_the_real_biomedparse_images_fit_its_layout(real: Path, tmp_path: Path) -> None:
    """The demo images, copied to where BiomedParseData has them."""
    (tmp_path / "Demo").mkdir()
    (tmp_path / "Demo" / "test").symlink_to(real / "biomedparse" / "demo")
    (tmp_path / "Demo" / "test_mask").symlink_to(real / "biomedparse" / "demo_mask")
    data = plugin("datasets", "biomedparse")
    cases = data.cases(tmp_path, "test", {"set": "Demo"})
    assert sum(len(case.files) - 1 for case in cases) == 71
    sample = data.load(cases[0], {})
    assert sample.values.shape == (1, 1024, 1024, 3)
    assert list(sample.labels) == ["CT_lung_COVID-19 infection"]


# ------------------------------------------------------------------------------------- DICOM


@pytest.fixture
def series(real: Path, tmp_path: Path) -> Path:
    """A CT of three slices with its DICOM-SEG object, below one folder under other names."""
    import shutil

    source = real / "dicom_seg" / "dcmqi" / "23x38x3"
    (tmp_path / "x").mkdir()
    for number, path in enumerate(sorted((source / "image").glob("*.dcm"))):
        shutil.copy(path, tmp_path / "x" / f"{9 - number}.dcm")  # names against the order
    shutil.copy(source / "seg" / "label.seg", tmp_path / "x" / "liver.seg")
    return tmp_path


def test_a_real_segmentation_finds_its_series(series: Path, real: Path) -> None:
    from reproduce.readers.masks import read_mask

    data = plugin("datasets", "dicom")
    (case,) = data.cases(series, "all", {})
    assert case.id == "x/liver"
    assert len(case.files) == 4
    sample = data.load(case, {"window": [-1, 1]})
    assert sample.values.shape == (3, 38, 23)
    assert sample.values.dtype == np.uint8
    assert sample.spacing_mm == pytest.approx((2.5, 0.7, 0.7), abs=1e-3)
    assert {name: int(m.sum()) for name, m in sample.labels.items()} == {"Liver": 322}
    alone = read_mask(real / "dicom_seg" / "dcmqi" / "23x38x3" / "seg" / "label.seg")
    assert (sample.labels["Liver"] == alone.segments["Liver"]).all()  # turned the same way
    renamed = data.load(case, {"window": [0, 1], "labels": {"Liver": "liver"}})
    assert list(renamed.labels) == ["liver"]
    with pytest.raises(InputError, match="no segment Spleen; it has Liver"):
        data.load(case, {"window": [0, 1], "labels": {"Spleen": "spleen"}})


def test_image_and_segments_lie_on_each_other(series: Path) -> None:
    """Brightness inside the mask differs from outside: a flipped axis would mix them."""
    import pydicom

    data = plugin("datasets", "dicom")
    (case,) = data.cases(series, "all", {})
    liver = data.load(case, {"window": [0, 1]}).labels["Liver"]
    for path in (p for role, p in case.files.items() if role.startswith("image")):
        content = pydicom.dcmread(path)
        pixels = np.zeros((content.Rows, content.Columns), content.pixel_array.dtype)
        place = round(float(content.ImagePositionPatient[2]), 3)
        depth = sorted(
            round(float(pydicom.dcmread(p).ImagePositionPatient[2]), 3)
            for role, p in case.files.items()
            if role.startswith("image")
        ).index(place)
        # The mask of this slice in the file's own order: rows to posterior, columns to left.
        pixels[liver[depth][::-1, ::-1]] = 1
        content.PixelData = pixels.tobytes()
        content.save_as(path)
    sample = data.load(
        case, {"window": [float(content.RescaleIntercept), 1 + float(content.RescaleIntercept)]}
    )
    assert ((sample.values > 127) == liver).all()


@pytest.fixture
def made_series(tmp_path: Path) -> Path:
    """A series of six slices with a segmentation object of it."""
    from made_dicom import values, write_segmentation, write_series

    files = write_series(tmp_path / "x", values())
    liver = np.zeros(values().shape, bool)
    liver[1:4, 2:8, 3:9] = True
    write_segmentation(tmp_path / "x" / "liver.seg", files, {"Liver": liver})
    return tmp_path


def test_a_segmentation_without_its_series_is_named(made_series: Path) -> None:
    for path in (made_series / "x").glob("*.dcm"):
        path.unlink()
    said = told("dicom", made_series, "all")
    assert "1 of 1 segmentation objects are without the image series" in said
    assert "x/liver (refers to 1." in said


def test_a_folder_without_segmentations_and_a_damaged_file(made_series: Path) -> None:
    (made_series / "x" / "liver.seg").write_bytes(b"no DICOM at all")
    assert "DICOM file cannot be read" in told("dicom", made_series, "all")
    (made_series / "x" / "liver.seg").unlink()
    assert "no DICOM-SEG object and no RTSTRUCT there or below" in told("dicom", made_series, "all")
