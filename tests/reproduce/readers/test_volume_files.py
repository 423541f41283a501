"""Volumes as NRRD and MetaImage, written by SimpleITK: the same as the NIfTI file beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray

from catalog.errors import InputError, UsageError
from reproduce.contracts import Sample
from reproduce.ground.plugins import plugin
from reproduce.planning.recipes import hash_cases
from reproduce.readers import read_mask
from reproduce.readers.volumes import read_volume

Array = NDArray[Any]
sitk: Any = SimpleITK

SHAPE = (4, 6, 5)
IMAGE = (np.arange(120).reshape(SHAPE) * 7 - 300).astype(np.int16)
LABEL = np.zeros(SHAPE, np.uint8)
LABEL[1:3, 2:5, 1:4] = 1
LABEL[2, 3, 2] = 2
# Directions of columns, rows and slices in the patient: turned, and two of them against the axes.
TURNED = (0.8, 0.0, 0.6, 0.6, 0.0, -0.8, 0.0, -1.0, 0.0)
PLAIN = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def write(path: Path, array: Array, direction: tuple[float, ...] = TURNED, **fields: str) -> Path:
    image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    image.SetSpacing((0.7, 0.8, 2.5))
    image.SetOrigin((-30.0, 12.5, 99.0))
    image.SetDirection(direction)
    for name, value in fields.items():
        image.SetMetaData(name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path), useCompression=path.suffix == ".nrrd")
    return path


def folder(root: Path, image: str, label: str, *, moved: float = 0.0) -> Path:
    write(root / "imagesTr" / f"a{image}", IMAGE)
    path = write(root / "labelsTr" / f"a{label}", LABEL)
    if moved:
        read = sitk.ReadImage(str(path))
        read.SetOrigin((-30.0 + moved, 12.5, 99.0))
        sitk.WriteImage(read, str(path))
    return root


def loaded(root: Path) -> Sample:
    data = plugin("datasets", "volumes")
    (case,) = data.cases(root, "train", {})
    return data.load(case, {"values": "stored"})


@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr", ".mha", ".mhd"])
@pytest.mark.parametrize("direction", [TURNED, PLAIN])
def test_every_format_is_the_same_volume(
    suffix: str, direction: tuple[float, ...], tmp_path: Path
) -> None:
    path = write(tmp_path / f"a{suffix}", IMAGE, direction)
    values, grid = read_volume(path, "image")
    same, other = read_volume(write(tmp_path / "a.nii.gz", IMAGE, direction), "image")
    np.testing.assert_array_equal(values, same)
    np.testing.assert_allclose(grid.spacing_mm, other.spacing_mm, atol=1e-5)
    np.testing.assert_allclose(grid.affine, other.affine, atol=1e-4)
    np.testing.assert_allclose(grid.stored, other.stored, atol=1e-4)


@pytest.mark.parametrize("pair", [(".nrrd", ".mha"), (".nii.gz", ".nrrd"), (".mhd", ".nhdr")])
def test_image_and_label_may_be_of_two_kinds(pair: tuple[str, str], tmp_path: Path) -> None:
    sample = loaded(folder(tmp_path, *pair))
    assert {name: int(mask.sum()) for name, mask in sample.labels.items()} == {"1": 17, "2": 1}
    (place,) = np.argwhere(sample.labels["2"])
    assert sample.values[tuple(place)] == IMAGE[2, 3, 2]
    assert sorted(np.round(sample.spacing_mm or (), 4)) == [0.7, 0.8, 2.5]


def test_voxels_beside_their_header_make_the_hash(tmp_path: Path) -> None:
    """An MHD says nothing of its voxels: the file that holds them is an input of a run too."""
    data = plugin("datasets", "volumes")
    root = folder(tmp_path, ".mhd", ".nhdr")
    (before,) = hash_cases(data.cases(root, "train", {}))
    assert set(before.files) == {"image", "image:data", "label", "label:data"}
    raw = root / "imagesTr" / "a.raw"
    raw.write_bytes(raw.read_bytes()[::-1])
    (after,) = hash_cases(data.cases(root, "train", {}))
    assert before.files["image"] == after.files["image"]
    assert before.files["image:data"] != after.files["image:data"]


def test_a_label_beside_its_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.nrrd: the label does not lie on the grid .* 0\.4 mm"):
        loaded(folder(tmp_path, ".mha", ".nrrd", moved=0.4))


def slicer(path: Path) -> Path:
    """Two segments that overlap, in two layers, as 3D Slicer names them."""
    liver = LABEL > 0
    tumour = np.zeros(SHAPE, bool)
    tumour[2:4, 3, 2] = True
    fields = {}
    for number, name in enumerate(("liver", "tumour")):
        prefix = f"Segment{number}_"
        fields |= {f"{prefix}ID": f"Segment_{number}", f"{prefix}Name": name}
        fields |= {f"{prefix}Layer": str(number), f"{prefix}LabelValue": "1"}
    return write(path, np.stack([liver, tumour], axis=-1).astype(np.uint8), **fields)


def test_segments_of_slicer_overlap_and_have_names(tmp_path: Path) -> None:
    write(tmp_path / "imagesTr" / "a.nrrd", IMAGE)
    found = read_mask(slicer(tmp_path / "labelsTr" / "a.seg.nrrd"))
    assert {name: int(mask.sum()) for name, mask in found.segments.items()} == {
        "liver": 18,
        "tumour": 2,
    }
    sample = loaded(tmp_path)
    assert list(sample.labels) == ["liver", "tumour"]
    assert (sample.labels["liver"] & sample.labels["tumour"]).sum() == 1
    (tmp_path / "labels.json").write_text(json.dumps({"organ": ["liver", "tumour"]}))
    assert {name: int(mask.sum()) for name, mask in loaded(tmp_path).labels.items()} == {
        "organ": 19
    }


def test_a_header_without_spacing_leaves_it_unknown(tmp_path: Path) -> None:
    """SimpleITK would say 1 mm."""
    head = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 5 6 4\nencoding: raw\n"
    (tmp_path / "a.nrrd").write_bytes(head.encode() + b"\n" + LABEL.tobytes())
    found = read_mask(tmp_path / "a.nrrd")
    assert found.geometry.spacing_mm is None
    assert found.geometry.affine is None
    np.testing.assert_array_equal(found.values, LABEL)
    spaced = head + "spacings: 0.7 0.8 2.5\n"
    (tmp_path / "b.nrrd").write_bytes(spaced.encode() + b"\n" + LABEL.tobytes())
    assert read_mask(tmp_path / "b.nrrd").geometry.spacing_mm == (2.5, 0.8, 0.7)
    plain = "NDims = 3\nDimSize = 5 6 4\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    (tmp_path / "c.mha").write_bytes(plain.encode() + LABEL.tobytes())
    assert read_mask(tmp_path / "c.mha").geometry.spacing_mm is None


def test_a_real_label_of_dcmqi(real: Path) -> None:
    """Written as NRRD and as a DICOM-SEG object from it."""
    source = real / "dicom_seg" / "dcmqi" / "23x38x3"
    (segment,) = read_mask(source / "seg" / "label.seg").segments.values()
    volume = read_mask(source / "nrrd" / "label.nrrd")
    assert volume.values is not None
    np.testing.assert_array_equal(volume.values > 0, segment)


def test_frames_of_a_sequence_stay_in_their_order(tmp_path: Path) -> None:
    """As CAMUS has them: the third axis is time, whatever the header makes of its direction."""
    data = plugin("datasets", "volumes")
    root = folder(tmp_path, ".mhd", ".nii.gz")
    (case,) = data.cases(root, "train", {"along": "time", "frame_s": 0.02})
    sample = data.load(case, {"values": "stored", "along": "time", "frame_s": 0.02})
    assert (sample.values == IMAGE).all()
    assert (sample.labels["1"] == (LABEL == 1)).all()
    assert sample.along == "time"
    assert sample.spacing == pytest.approx((0.02, 0.8, 0.7))
    assert data.load(case, {"along": "time"}).spacing[0] is None
    for options in ({"along": "width"}, {"frame_s": 0.02}, {"along": "time", "frame_s": -1}):
        with pytest.raises(UsageError, match="data set option"):
            data.cases(root, "train", options)


def replace(old: bytes, new: bytes) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new, 1))

    return change


def packed(path: Path) -> Path:
    sitk.WriteImage(sitk.ReadImage(str(path)), str(path), useCompression=True)
    return path


def flip(path: Path, place: int) -> None:
    """Change one bit."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


BAD: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "cut": (".mha", lambda p: p.write_bytes(p.read_bytes()[:-40]), "cannot be read"),
    "cut-nrrd": (".nrrd", lambda p: p.write_bytes(p.read_bytes()[:-9]), "damaged or cut short"),
    "changed": (".nrrd", lambda p: flip(p, -30), "damaged or cut short"),
    "changed-mha": (".mha", lambda p: flip(packed(p), -10), "damaged or cut short"),
    "endless": (".nrrd", lambda p: p.write_bytes(b"NRRD0004\n" + b"#\n" * 600_000), "has no end"),
    "picture": (".mha", lambda p: p.write_bytes(b"\x89PNG\r\n\x1a\n"), "this is a PNG picture"),
    "huge": (".mha", replace(b"DimSize = 5 6 4", b"DimSize = 90000 6 4000"), "SAM4MIS_FILE_GIB"),
    "flat": (".mha", replace(b"Matrix = 0.8", b"Matrix = 0 0 0 0 0 0 0 0 0 "), "cannot be read"),
    "voxels-gone": (".mhd", lambda p: p.with_name("a.raw").unlink(), "its voxels are missing"),
    "elsewhere": (".mhd", replace(b"= a.raw", b"= ../a.raw"), "its voxels lie elsewhere"),
    "several": (".mhd", replace(b"= a.raw", b"= a%03d.raw 1 4 1"), "lie in several files"),
    "colours": (
        ".nrrd",
        lambda p: write(p, np.zeros((*SHAPE, 3), np.uint8)),
        "holds vector of 8-bit unsigned integer, expected one number a voxel",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_by_name(name: str, tmp_path: Path) -> None:
    suffix, change, said = BAD[name]
    path = write(tmp_path / f"a{suffix}", IMAGE)
    change(path)
    with pytest.raises(InputError) as error:
        read_volume(path, "image")
    assert str(path) in str(error.value)
    assert said in str(error.value)


def test_several_volumes_in_one_file_are_refused(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.Image([5, 6, 4, 2], sitk.sitkUInt8), str(tmp_path / "a.nrrd"))
    with pytest.raises(InputError, match="expected 3 axes, got 5x6x4x2"):
        read_mask(tmp_path / "a.nrrd")
