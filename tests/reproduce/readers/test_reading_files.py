"""Files as they lie on disks: grids, slices, declared sizes, wrong names, odd content."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catalog.errors import InputError, UsageError
from reproduce.ground.plugins import plugin
from reproduce.readers import ClassMap, difference, read_mask
from reproduce.readers.picture import read_rgb
from reproduce.readers.volumes import read_volume

Array = NDArray[Any]
LABEL = np.zeros((12, 10, 8), np.uint8)  # x, y, z as NIfTI stores them
LABEL[2:7, 3:6, 2:5] = 1
AFFINE = np.diag([0.8, 0.8, 5.0, 1.0])


def nifti(path: Path, values: Array, affine: Array = AFFINE, **header: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image: Any = nibabel.Nifti1Image(values, affine)
    for name, value in header.items():
        image.header[name] = value
    nibabel.save(image, path)
    return path


def volumes(root: Path, *labels: tuple[Array, Array], **declared: Any) -> list[Any]:
    """Loaded cases of an nnU-Net folder whose images lie on `AFFINE`."""
    for number, (values, affine) in enumerate(labels):
        nifti(root / "imagesTr" / f"{number}_0000.nii.gz", np.ones(values.shape, np.int16))
        nifti(root / "labelsTr" / f"{number}.nii.gz", values, affine)
    if declared:
        (root / "dataset.json").write_text(json.dumps(declared))
    data = plugin("datasets", "volumes")
    return [data.load(case, {}) for case in data.cases(root, "train", {})]


# ------------------------------------------------------------------------------------------- grids


def turned(degrees: float) -> Array:
    angle = np.radians(degrees)
    rotation = np.eye(4)
    rotation[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return np.asarray(rotation @ AFFINE)


def moved(x: float) -> Array:
    affine = AFFINE.copy()
    affine[0, 3] = x
    return affine


@pytest.mark.parametrize(
    ("affine", "told"),
    [
        (np.diag([-0.8, 0.8, 5.0, 1.0]), "positions differ by up to 8.8 mm"),
        (moved(30), "positions differ by up to 30 mm .*origin by 30 x 0 x 0 mm"),
        (turned(10), "axes turned by 10 degrees"),
        (np.diag([0.8, 0.8, 2.5, 1.0]), "spacing 2.5 x 0.8 x 0.8 mm instead of 5 x 0.8 x 0.8 mm"),
    ],
    ids=["mirrored", "shifted", "rotated", "thinner"],
)
def test_a_label_beside_its_image_is_refused(affine: Array, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"0\.nii\.gz: the label does not lie .*{told}"):
        volumes(tmp_path, (LABEL, affine))


def test_the_same_grid_stored_mirrored_is_the_same(tmp_path: Path) -> None:
    mirrored = np.diag([-0.8, 0.8, 5.0, 1.0])
    mirrored[0, 3] = 0.8 * 11
    (sample,) = volumes(tmp_path, (LABEL[::-1].copy(), mirrored))
    assert (sample.labels["1"] == (LABEL.transpose(2, 1, 0) == 1)).all()


# ------------------------------------------------------------------------------------------ slices


def slice_affine(spacing: float) -> Array:
    """SimpleITK counts to the left and back; NIfTI to the right and front."""
    return np.diag([-1.0, -1.0, spacing, 1.0])


@pytest.mark.parametrize("axes", [2, 3])
def test_a_slice_is_a_picture(axes: int, tmp_path: Path) -> None:
    """Turned by 180 degrees until now; a file of two axes could not be read."""
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
    stored = picture.T if axes == 2 else picture.T[..., None]
    found = read_mask(nifti(tmp_path / "a.nii.gz", stored, slice_affine(999)))
    assert found.values is not None
    assert found.values.shape == (1, 3, 4)
    assert (found.values[0] == picture).all()


def test_slices_that_know_their_place_are_turned_to_each_other(tmp_path: Path) -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
    one = read_mask(nifti(tmp_path / "a.nii.gz", picture.T[..., None], slice_affine(999)))
    other_way = np.diag([1.0, -1.0, 999.0, 1.0])
    other_way[0, 3] = -3
    path = nifti(tmp_path / "b.nii.gz", picture.T[::-1][..., None], other_way)
    other = read_mask(path, like=one.geometry)
    assert one.values is not None
    assert other.values is not None
    assert (other.values == one.values).all()
    assert difference(other.geometry, one.geometry) is None


# ----------------------------------------------------------------------------------------- classes


def test_a_file_without_the_structure_is_an_empty_reference(tmp_path: Path) -> None:
    """Nothing names the classes: those of one file are those of all."""
    one, other = volumes(tmp_path, (LABEL, AFFINE), (LABEL * 0, AFFINE))
    assert one.labels["1"].any()
    assert set(other.labels) == {"1"}
    assert not other.labels["1"].any()


def test_npz_files_share_their_classes(tmp_path: Path) -> None:
    for name, number in (("a", 1), ("b", 2)):
        content = {"imgs": np.zeros((2, 3, 4), np.uint8), "gts": np.full((2, 3, 4), number)}
        np.savez(tmp_path / f"{name}.npz", **content)
    data = plugin("datasets", "npz")
    a, b = (data.load(case, {}) for case in data.cases(tmp_path, "all", {}))
    assert {name: bool(mask.any()) for name, mask in a.labels.items()} == {"1": True, "2": False}
    assert {name: bool(mask.any()) for name, mask in b.labels.items()} == {"1": False, "2": True}


def test_regions_and_ignored_voxels_of_dataset_json(tmp_path: Path) -> None:
    values = LABEL.copy()
    values[3, 4, 3], values[0, 0, 0] = 2, 3
    labels = {"background": 0, "O": [1, 2], "H": 2, "ignore": 3}
    (sample,) = volumes(tmp_path, (values, AFFINE), labels=labels)
    assert {n: int(m.sum()) for n, m in sample.labels.items()} == {"O": 45, "H": 1}
    assert sample.valid is not None
    assert np.argwhere(~sample.valid).tolist() == [[0, 0, 0]]


def test_labels_that_were_scaled(tmp_path: Path) -> None:
    noisy = LABEL.astype(np.float32) * np.float32(0.9999999)
    (sample,) = volumes(tmp_path / "noisy", (noisy, AFFINE))
    assert int(sample.labels["1"].sum()) == 45
    path = nifti(tmp_path / "third.nii.gz", LABEL * np.uint8(3))
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[112:116] = np.float32(1 / 3).tobytes()  # scl_slope
    path.write_bytes(gzip.compress(bytes(raw)))
    found = read_mask(path)
    assert found.values is not None
    assert found.values.max() == pytest.approx(1)
    with pytest.raises(InputError, match=r"expected label numbers, found 0\.5"):
        volumes(tmp_path / "soft", (LABEL * np.float32(0.5), AFFINE))


def test_an_infinite_voxel_leaves_the_image(tmp_path: Path) -> None:
    values = np.arange(LABEL.size, dtype=np.float32).reshape(LABEL.shape)
    values[0, 0, 0] = np.inf
    volumes(tmp_path, (LABEL, AFFINE))
    nifti(tmp_path / "imagesTr" / "0_0000.nii.gz", values)
    data = plugin("datasets", "volumes")
    sample = data.load(data.cases(tmp_path, "train", {})[0], {})
    assert sample.values[0, 0, 0] == 255
    assert len(np.unique(sample.values)) == 256


# ------------------------------------------------------------------------------------------- sizes


def bomb(path: Path, gib: int) -> Path:
    """An npz that says it opens to so much; what follows its header is never read."""
    header = io.BytesIO()
    shape = (gib << 10, 1024, 1024)
    np.lib.format.write_array_header_1_0(  # type: ignore[no-untyped-call]  # numpy has no type
        header, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("imgs.npy", "gts.npy"):
            archive.writestr(name, header.getvalue() + bytes(1 << 20))
    return path


def test_a_declared_size_decides_before_memory_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bomb(tmp_path / "a.npz", 3)
    assert path.stat().st_size < 10_000
    with pytest.raises(
        InputError, match=r"array gts opens to 3\.0 GiB .*export SAM4MIS_FILE_GIB=3"
    ):
        read_mask(path, "gts")
    data = plugin("datasets", "npz")
    with pytest.raises(InputError, match=r"a\.npz: array imgs opens to 3.0 GiB"):
        data.load(data.cases(tmp_path, "all", {})[0], {})
    monkeypatch.setenv("SAM4MIS_FILE_GIB", "3")  # as the message says: now it is read, and is short
    with pytest.raises(InputError, match=r"a\.npz: mask cannot be read"):
        read_mask(path, "gts")
    monkeypatch.setenv("SAM4MIS_FILE_GIB", "much")
    with pytest.raises(UsageError, match="SAM4MIS_FILE_GIB=much: expected a number of GiB"):
        read_mask(path, "gts")


def test_huge_pictures_and_volumes_are_refused_by_their_headers(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", LABEL)
    raw = bytearray(path.read_bytes())
    raw[42:48] = np.array([30_000, 30_000, 30_000], "<i2").tobytes()  # dim[1:4]
    path.write_bytes(bytes(raw))
    with pytest.raises(InputError, match=r"a\.nii: mask opens to 25,145.7 GiB"):
        read_mask(path)
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    raw = bytearray((tmp_path / "a.png").read_bytes())
    raw[16:24] = np.array([60_000, 60_000], ">u4").tobytes()
    import zlib

    raw[29:33] = zlib.crc32(bytes(raw[12:29])).to_bytes(4, "big")
    (tmp_path / "a.png").write_bytes(bytes(raw))
    with pytest.raises(InputError, match=r"a\.png: the picture opens to 13.4 GiB"):
        read_mask(tmp_path / "a.png")


# ------------------------------------------------------------------------------------- odd files


def _npy(values: Array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=True)
    return stream.getvalue()


def _npz(**arrays: Array) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def _picture(kind: str, values: Array, mode: str | None = None) -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(values)
    (image if mode is None else image.convert(mode)).save(stream, kind)
    return stream.getvalue()


def _volume(values: Array, affine: Array = AFFINE) -> bytes:
    return bytes(nibabel.Nifti1Image(values, affine).to_bytes())


GOOD = LABEL[..., 3]
EVERY_DTYPE = [
    *("?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", ">i2", ">f4"),
    *("c8", "c16", "S3", "U3", "O", "M8[s]", "m8[s]", "V4", "i2,i2", "g"),
]
RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])


def odd_files() -> dict[str, bytes]:
    """Label files that people and programs leave behind, by name."""
    found: dict[str, bytes] = {}
    for number, dtype in enumerate(EVERY_DTYPE):
        found[f"dtype{number}.npy"] = _npy(np.zeros((3, 4), dtype))
        found[f"dtype{number}.npz"] = (
            _npz(mask=np.ones((3, 4)).astype("u1").astype(dtype))
            if (dtype not in ("V4", "i2,i2", "O"))
            else _npz(mask=np.zeros((3, 4), "V4"))
        )
    for number, shape in enumerate([(), (0,), (5,), (0, 4), (3, 4), (2, 3, 4), (1, 2, 3, 4)]):
        found[f"shape{number}.npy"] = _npy(np.zeros(shape, np.uint8))
    for number, values in enumerate([[0.5], [np.nan], [np.inf], [-np.inf], [1e300], [-1], [-0.0]]):
        found[f"value{number}.npy"] = _npy(np.array([values * 2]))
    for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "LAB", "HSV", "LA", "PA"):
        for kind in ("PNG", "TIFF", "JPEG", "GIF", "BMP"):
            try:
                found[f"{mode}.{kind.lower()}"] = _picture(kind, GOOD, mode)
            except (OSError, ValueError, KeyError, DeprecationWarning):
                continue  # that format has no such mode
    found["u16.png"] = _picture("PNG", GOOD.astype(np.uint16))
    found["f32.tif"] = _picture("TIFF", GOOD.astype(np.float32))
    for number, volume in enumerate(
        [
            LABEL,
            LABEL[..., :1],
            LABEL[..., 0],
            LABEL[..., None],
            np.stack([LABEL, LABEL], axis=-1),
            LABEL.astype(np.complex64),
            np.zeros((3, 4, 5), RGB),
            LABEL.astype(np.float32) + np.float32(np.nan),
        ]
    ):
        found[f"volume{number}.nii"] = _volume(volume)
        found[f"volume{number}.nii.gz"] = gzip.compress(_volume(volume))
        found[f"unpacked{number}.nii.gz"] = _volume(volume)
    for value in (0, np.nan, np.inf):
        raw = bytearray(_volume(LABEL))
        raw[280:328] = np.full(12, value, "<f4").tobytes()  # srow_x, srow_y, srow_z
        found[f"affine_{value}.nii"] = bytes(raw)
    whole = {
        "png": _picture("PNG", GOOD),
        "jpg": _picture("JPEG", GOOD * np.uint8(255)),
        "tif": _picture("TIFF", GOOD),
        "gif": _picture("GIF", GOOD),
        "bmp": _picture("BMP", GOOD),
        "npy": _npy(GOOD),
        "npz": _npz(mask=GOOD, other=GOOD),
        "nii": _volume(LABEL),
        "nii.gz": gzip.compress(_volume(LABEL)),
    }
    for suffix, content in whole.items():
        for share in (0.0, 0.1, 0.5, 0.95):
            found[f"cut{int(share * 100)}.{suffix}"] = content[: int(len(content) * share)]
        for other in whole:
            found[f"really_{suffix.replace('.', '')}.{other}"] = content
        found[f"noise.{suffix}"] = np.random.default_rng(0).bytes(500)
        found[f"page.{suffix}"] = b"<!DOCTYPE html><title>Sign in</title>"
        found[f"pointer.{suffix}"] = b"version https://git-lfs.github.com/spec/v1\noid sha256:0"
    found["empty.npz"] = _npz()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("readme.txt", "no array")
    found["text.npz"] = stream.getvalue()
    found["plain.dcm"] = b"\0" * 128 + b"DICM" + b"\0" * 64
    return found


@pytest.mark.parametrize("how", ["object", "foreground", "class map", "probability", "image"])
def test_an_odd_file_is_read_or_refused_by_name(how: str, tmp_path: Path) -> None:
    from reproduce.readers.rules import foreground, one_class, probabilities

    named = ClassMap.of({1: "liver"}, "test")
    readers: dict[str, Callable[[Path], object]] = {
        "object": lambda path: one_class(read_mask(path)),
        "foreground": lambda path: foreground(read_mask(path)),
        "class map": lambda path: named.read(read_mask(path)),
        "probability": lambda path: probabilities(read_mask(path), 255),
        "image": read_rgb,
    }
    read, surprises, refused = readers[how], [], 0
    files = odd_files()
    for name, content in files.items():
        path = tmp_path / name
        path.write_bytes(content)
        try:
            read(path)
        except InputError as error:
            refused += 1
            if not str(error).startswith(f"{path}: "):
                surprises.append(f"{name}: {error}")
        except Exception as error:
            surprises.append(f"{name}: {type(error).__name__}: {error}")
    assert not surprises, "\n".join(surprises)
    assert 0 < refused < len(files)


@pytest.mark.parametrize("suffix", ["png", "npy", "nii", "nii.gz", "npz"])
def test_content_decides_not_the_name(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(_picture("PNG", GOOD))
    found = read_mask(path)
    assert found.values is not None
    assert (found.values == GOOD).all()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c.update(imgs=np.zeros((2, 3, 4))), "grey values from 0 to 0"),
        (lambda c: c.update(imgs=np.array(["a"])), "array imgs holds <U1"),
        (lambda c: c.update(gts=np.full((2, 3, 4), 0.5)), "expected label numbers, found 0.5"),
        (lambda c: c.update(gts=np.full((2, 3, 4), np.nan)), "24 of 24 values are NaN"),
        (lambda c: c.update(gts=np.zeros((1, 2, 3, 4))), "expected an array"),
        (lambda c: c.update(gts=np.zeros((2, 3, 4), "i2,i2")), "array gts holds records"),
        (lambda c: c.update(gts=np.zeros((2, 3, 4), object)), "gts holds Python objects"),
        (lambda c: c.update(spacing=np.array([1, 2])), "spacing: expected 3 lengths"),
        (lambda c: c.update(spacing=np.array([1, 2, np.nan])), "spacing: expected 3 lengths"),
        (lambda c: c.update(spacing=np.array(["1", "2", "3"])), "spacing holds <U1"),
        (lambda c: c.pop("gts"), "expected imgs and gts, got imgs, spacing"),
    ],
)
def test_npz_volumes_of_anything(
    change: Callable[[dict[str, Array]], object], told: str, tmp_path: Path
) -> None:
    content: dict[str, Array] = {
        "imgs": np.zeros((2, 3, 4), np.uint8),
        "gts": np.ones((2, 3, 4), np.uint8),
        "spacing": np.ones(3),
    }
    change(content)
    (tmp_path / "a.npz").write_bytes(_npz(**content))
    data = plugin("datasets", "npz")
    with pytest.raises(InputError, match=rf"a\.npz: .*{told}"):
        data.load(data.cases(tmp_path, "all", {})[0], {})


def test_a_volume_of_sixteen_bits_takes_a_window(tmp_path: Path) -> None:
    values = np.array([[[-160, 40, 240]]], np.int16)
    (tmp_path / "a.npz").write_bytes(_npz(imgs=values, gts=np.ones((1, 1, 3), np.uint8)))
    data = plugin("datasets", "npz")
    (case,) = data.cases(tmp_path, "all", {})
    with pytest.raises(InputError, match=r"--set dataset\.window=\[-160,240\]"):
        data.load(case, {})
    assert data.load(case, {"window": [-160, 240]}).values.ravel().tolist() == [0, 127, 255]


def test_read_volume_says_what_it_reads(tmp_path: Path) -> None:
    path = nifti(tmp_path / "a.nii", np.stack([LABEL, LABEL], axis=-1))
    with pytest.raises(InputError, match="expected 3 axes, got 12x10x8x2"):
        read_volume(path, "image")
