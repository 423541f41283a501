"""What stored values mean: one object, class numbers, class maps, eight bits of more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catalog.errors import InputError
from reproduce.contracts import Geometry
from reproduce.readers import ClassMap, MaskFile, read_mask
from reproduce.readers.classes import class_map, declared_in
from reproduce.readers.intensities import to_uint8
from reproduce.readers.picture import read_rgb
from reproduce.readers.rules import (
    class_numbers,
    distinct,
    foreground,
    one_class,
    probabilities,
    scale_of,
)

OBJECT = np.zeros((12, 14), np.bool_)
OBJECT[3:9, 4:11] = True


def stored(values: Any, **more: Any) -> MaskFile:
    values = np.asarray(values)
    return MaskFile(Path("here/a.png"), Geometry(values.shape), values, **more)


def saved(path: Path, pixels: Any, mode: str | None = None, **options: Any) -> Path:
    Image.fromarray(np.asarray(pixels), mode).save(path, **options)
    return path


# -------------------------------------------------------------------------------------- one object


@pytest.mark.parametrize("white", [1, 38, 128, 255])
def test_two_values_are_background_and_object(white: int) -> None:
    assert (one_class(stored(OBJECT * np.uint8(white))) == OBJECT).all()


@pytest.mark.parametrize("alone", [1, 255])
def test_one_value_is_an_object_everywhere(alone: int) -> None:
    assert one_class(stored(np.full((4, 4), alone, np.uint8))).all()
    assert not one_class(stored(np.zeros((4, 4), np.uint8))).any()


def test_sixteen_bits_that_hold_eight() -> None:
    assert (one_class(stored(OBJECT * np.uint16(65535))) == OBJECT).all()


def test_soft_edges_are_cut_at_half_of_white() -> None:
    soft = OBJECT * np.uint8(255)
    soft[3, 4:11], soft[8, 4:11] = 127, 128
    harder = OBJECT.copy()
    harder[3] = False
    assert (one_class(stored(soft)) == harder).all()
    assert (one_class(stored(soft), cut=0) == OBJECT).all()


def test_a_jpeg_keeps_its_object(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", OBJECT.repeat(8, 0).repeat(8, 1) * np.uint8(255), quality=80)
    found = read_mask(path)
    assert found.lossy
    assert (one_class(found) == OBJECT.repeat(8, 0).repeat(8, 1)).all()
    dark = saved(tmp_path / "b.jpg", OBJECT.repeat(8, 0).repeat(8, 1) * np.uint8(1), quality=100)
    with pytest.raises(InputError, match=r"b\.jpg: .*A JPEG without white"):
        one_class(read_mask(dark))


def test_what_jpeg_leaves_is_no_class() -> None:
    """One block of eight pixels that became grey, in a picture of many values; and as a class."""
    noisy = np.zeros((100, 100), np.uint8)
    noisy[20:80, 20:80] = 255
    noisy[20, 20:80] = np.arange(60) + 100
    noisy[40:48, 12:20] = 90
    assert int(one_class(stored(noisy)).sum()) == 60 * 60 - 28
    assert int(one_class(stored(noisy, lossy=True)).sum()) == 60 * 60 - 28
    noisy[20, 20:80] = 255
    with pytest.raises(InputError, match="got the values 0, 90, 255"):
        one_class(stored(noisy))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([[0, 1, 2]], "got the values 0, 1, 2"),
        ([[0, 2]], "got the values 0, 2"),
        ([[3]], "got only 3"),
        ([[0, -1]], "got the values -1, 0"),
        ([[100, 255]], "got the values 100, 255"),
        ([[0, 1, 100]], "got the values 0, 1, 100"),
        (np.kron([[0, 128, 255]], np.ones((6, 6), int)), "got the values 0, 128, 255"),
        (np.kron([[0, 1, 255]], np.ones((6, 6), int)), "got the values 0, 1, 255"),
        (np.arange(300)[None], "got 300 values from 0 to 299"),
    ],
)
def test_what_no_rule_covers_is_refused_by_name(values: Any, told: str) -> None:
    with pytest.raises(InputError, match=rf"here/a\.png: expected one object .*{told}"):
        one_class(stored(values))


def test_foreground_is_every_class_together() -> None:
    assert foreground(stored([[0, 1, 7]])).tolist() == [[False, True, True]]
    with pytest.raises(InputError, match="expected one object"):
        foreground(stored([[0, 1, 70]]))


# ----------------------------------------------------------------------------------- whole numbers


def test_labels_that_are_whole_but_for_noise() -> None:
    assert class_numbers(stored([[0.0, 0.9999999, 2.0000001]])).tolist() == [[0, 1, 2]]
    third = np.array([[0, 3, 6]], np.uint8) * np.float64(np.float32(1 / 3))
    assert class_numbers(stored(third)).tolist() == [[0, 1, 2]]
    with pytest.raises(InputError, match=r"expected label numbers, found 0\.333"):
        class_numbers(stored([[0.0, 1 / 3]]))
    with pytest.raises(InputError, match="expected label numbers, found 1e"):
        class_numbers(stored([[0.0, 1e12]]))


@given(st.lists(st.integers(-3, 70_000), min_size=1), st.sampled_from([0, -3]))
def test_distinct_values_are_those_of_numpy(values: list[int], low: int) -> None:
    numbers = np.maximum(np.array([values]), low)
    assert distinct(numbers) == np.unique(numbers).tolist()
    assert distinct(numbers.astype(np.uint8)) == np.unique(numbers.astype(np.uint8)).tolist()


# -------------------------------------------------------------------------------------- class maps


def test_several_numbers_of_one_name_are_one_class() -> None:
    read = ClassMap.of({1: "whole", 2: "whole", 3: "rest"}, "option").read(stored([[0, 1, 2, 3]]))
    assert {n: m.tolist()[0] for n, m in read.masks.items()} == {
        "whole": [False, True, True, False],
        "rest": [False, False, False, True],
    }
    assert read.valid is None


def test_regions_and_ignored_pixels_of_nnunet() -> None:
    declared = {"background": 0, "O": [1, 2], "H": 2, "ignore": 3}
    read = ClassMap.of(declared, "dataset.json").read(stored([[0, 1, 2, 3]]))
    assert {n: m.tolist()[0] for n, m in read.masks.items()} == {
        "O": [False, True, True, False],
        "H": [False, False, True, False],
    }
    assert read.valid is not None
    assert read.valid.tolist() == [[True, True, True, False]]


@pytest.mark.parametrize(
    "declared",
    [
        {"background": 0, "liver": 1, "spleen": 2},
        {"0": "background", "1": "liver", "2": "spleen"},
        {"liver": [1], "spleen": (2,)},
        {1: " liver", "2 ": "spleen"},
    ],
)
def test_both_ways_round_are_one_map(declared: object) -> None:
    assert ClassMap.of(declared, "x").classes == {"liver": (1,), "spleen": (2,)}


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ([1, 2], "expected classes as .* got list"),
        ("liver", "expected classes as .* got str"),
        ({1: "liver", "spleen": 2}, "expected a class number and a name"),
        ({1: None}, "expected a class number and a name"),
        ({"liver": True}, "expected a class number and a name"),
        ({"liver": 1.5}, "expected a class number and a name"),
        ({"liver": []}, "expected a class number and a name"),
        ({1: ""}, "expected a class number and a name"),
        ({"background": 0}, "expected at least one class"),
    ],
)
def test_a_map_that_is_none_is_refused(declared: object, told: str) -> None:
    with pytest.raises(InputError, match=f"here: {told}"):
        ClassMap.of(declared, "here")


def test_names_are_found_in_the_folder(tmp_path: Path) -> None:
    assert declared_in(tmp_path) is None
    (tmp_path / "dataset.json").write_text('{"labels": {"background": 0, "liver": 1}}')
    assert class_map(None, tmp_path) == ClassMap({"liver": (1,)})
    (tmp_path / "labels.json").write_text('\ufeff{"2": "spleen"}', "utf-8")
    assert class_map(None, tmp_path) == ClassMap({"spleen": (2,)})
    assert class_map({3: "aorta"}, tmp_path) == ClassMap({"aorta": (3,)})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[1, 2]", "expected an object {...}, got a list"),
        ('{"labels": {"f\xf6rgrund": 1}}'.encode("latin-1"), "not UTF-8 .*iconv"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"labels": [0, 1]}', "expected classes as .* got list"),
        (b'{"labels": {"liver": {"id": 1}}}', "expected a class number and a name"),
    ],
)
def test_a_bad_dataset_json_is_named(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_bytes(content)
    with pytest.raises(InputError, match=f"dataset\\.json: {told}"):
        declared_in(tmp_path)


def test_white_is_the_only_class_of_a_map() -> None:
    one = ClassMap.of({1: "liver"}, "x")
    assert (one.read(stored(OBJECT * np.uint8(255))).masks["liver"] == OBJECT).all()
    with pytest.raises(InputError, match=r"class numbers \[2\] have no name; known: liver = 1"):
        one.read(stored([[0, 2]]))
    with pytest.raises(InputError, match=r"class numbers \[255\] have no name"):
        ClassMap.of({1: "liver", 2: "spleen"}, "x").read(stored([[0, 255]]))
    with pytest.raises(InputError, match="classes are numbers in this file"):
        ClassMap.of({"left kidney": "kidney"}, "x").read(stored([[0, 1]]))


def test_segments_by_label_and_by_number() -> None:
    left, right = np.eye(3, dtype=bool), ~np.eye(3, dtype=bool)
    found = MaskFile(Path("a.dcm"), Geometry((3, 3)), segments={"left": left, "right": right})
    assert ClassMap.of({"left": "both", 2: "both"}, "x").read(found).masks["both"].all()
    assert (ClassMap.of({1: "one"}, "x").read(found).masks["one"] == left).all()
    ignored = ClassMap.of({"left": "one", "right": "ignore"}, "x").read(found)
    assert ignored.valid is not None
    assert (ignored.valid == left).all()
    with pytest.raises(InputError, match=r"a\.dcm: no segment middle; it has left, right"):
        ClassMap.of({"middle": "one"}, "x").read(found)


@given(
    numbers=st.lists(st.integers(0, 5), min_size=4, max_size=40),
    names=st.lists(st.sampled_from("abc"), min_size=5, max_size=5),
)
def test_a_map_parts_the_foreground(numbers: list[int], names: list[str]) -> None:
    """Every pixel above 0 belongs to the class that its number is called, and to no other."""
    read = ClassMap.of(dict(enumerate(names, start=1)), "x").read(stored([numbers]))
    for place, number in enumerate(numbers):
        owners = {name for name, mask in read.masks.items() if mask[0, place]}
        assert owners == ({names[number - 1]} if number else set())


# ----------------------------------------------------------------------------------- probabilities


@pytest.mark.parametrize(
    ("dtype", "largest", "scale"),
    [
        ("f4", [0.25, 0.875], 1),
        ("f4", [100.0, 3.5], 100),
        ("u1", [0, 1], 1),
        ("u1", [0, 0], 1),
        ("u1", [3, 100], 100),
        ("u1", [3, 255], 255),
        ("u1", [220, 4], 255),  # above 100, and eight bits hold no more
        ("i2", [7, 1000], 1000),
        ("i2", [100, 12], 100),
        ("u2", [60_000], 65_535),
        ("?", [1], 1),
    ],
)
def test_the_scale_of_all_maps_together(dtype: str, largest: list[float], scale: float) -> None:
    maps = [stored(np.array([[0, value]], dtype)) for value in largest]
    assert scale_of(maps, "maps") == scale


def test_a_scale_that_nothing_tells_is_asked_for() -> None:
    with pytest.raises(InputError, match=r"maps: .* is 87, .*--scale 100"):
        scale_of([stored(np.array([[3, 87]], np.uint8))], "maps")
    with pytest.raises(InputError, match=r"maps: .* is 430, .*--scale 1000"):
        scale_of([stored(np.array([[3, 430]], np.int16))], "maps")
    with pytest.raises(InputError, match=r"expected probabilities from 0 to 100, got 0 to 101"):
        probabilities(stored([[0, 101]]), 100)
    with pytest.raises(InputError, match=r"expected probabilities from 0 to 1, got -3 to 4"):
        probabilities(stored([[-3.0, 4.0]]))
    assert probabilities(stored(np.array([[0, 50, 100]], np.int16)), 100).tolist() == [[0, 0.5, 1]]


# ---------------------------------------------------------------------------------- eight of more


def test_more_than_eight_bits_need_a_window(tmp_path: Path) -> None:
    """A scanner's 12 bits in a 16-bit PNG were all white."""
    values = np.linspace(0, 4095, 256).astype(np.uint16).reshape(16, 16)
    path = saved(tmp_path / "a.png", values)
    with pytest.raises(
        InputError, match=r"a\.png: grey values from 0 to 4095.*--set dataset\.window=\[0,4095\]"
    ):
        read_rgb(path)
    rgb = read_rgb(path, [0, 4095])
    assert rgb.shape == (16, 16, 3)
    assert (rgb[..., 0] == (values / 4095 * 255).astype(np.uint8)).all()
    wide = saved(tmp_path / "b.png", np.arange(256, dtype=np.uint16).reshape(16, 16) * 257)
    assert (read_rgb(wide)[..., 1].ravel() == np.arange(256)).all()
    with pytest.raises(InputError, match=r"a window \[0, 1\] for an image of eight bits"):
        read_rgb(saved(tmp_path / "c.png", np.zeros((4, 4), np.uint8)), [0, 1])


def test_infinite_values_lie_outside_every_window() -> None:
    volume = np.array([[[0.0, 1.0, 2.0, 4.0, np.inf, -np.inf]]])
    assert to_uint8(volume, [0, 4]).ravel().tolist() == [0, 63, 127, 255, 255, 0]
    assert to_uint8(volume, None).ravel().tolist()[3:] == [255, 255, 0]
    with pytest.raises(InputError, match=r"ct\.nii: 1 of 2 values are NaN"):
        to_uint8(np.array([1.0, np.nan]), None, "ct.nii")
    with pytest.raises(InputError, match=r"ct\.nii: no value above 0 \(from -1000 to 0\)"):
        to_uint8(np.array([0.0, -1000.0]), None, "ct.nii")
    for window in ([1], "ab", 5, [None, 1]):
        with pytest.raises(InputError, match="expected two numbers"):
            to_uint8(volume, window)


# --------------------------------------------------------------------------------------- pictures


def test_palettes(tmp_path: Path) -> None:
    index = np.array([[0, 1], [1, 0]], np.uint8)
    picture = Image.fromarray(index)

    def with_palette(name: str, *colours: int) -> Path:
        picture.putpalette(colours)
        picture.save(tmp_path / name)
        return tmp_path / name

    found = read_mask(with_palette("grey.png", 3, 3, 3, 253, 253, 253))
    assert one_class(found).tolist() == [[False, True], [True, False]]
    found = read_mask(with_palette("turned.png", 255, 255, 255, 0, 0, 0))
    assert one_class(found).tolist() == [[True, False], [False, True]]
    found = read_mask(with_palette("colours.png", 0, 0, 0, 200, 0, 0))
    assert class_numbers(found).tolist() == index.tolist()
    with pytest.raises(InputError, match=r"sorted\.png: the colours of its palette are sorted"):
        read_mask(with_palette("sorted.png", 200, 0, 0, 0, 0, 0))
    both = read_mask(with_palette("both.png", 0, 0, 0, 2, 2, 2))
    with pytest.raises(InputError, match=r"both\.png: stored numbers and the greys"):
        ClassMap.of({1: "a", 2: "b"}, "x").read(both)


def test_two_and_four_bits_keep_class_numbers(tmp_path: Path) -> None:
    """Pillow spreads them over 0-255: class 1 of two bits became 85."""
    numbers = np.array([[0, 1], [2, 3]], np.uint8)
    (tmp_path / "a.png").write_bytes(_png_of_two_bits(numbers))
    found = read_mask(tmp_path / "a.png")
    assert class_numbers(found).tolist() == numbers.tolist()
    assert found.shown is not None
    assert found.shown.tolist() == (numbers * 85).tolist()


def _png_of_two_bits(numbers: Any) -> bytes:
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    rows = b"".join(b"\0" + bytes([int(row[0]) << 6 | int(row[1]) << 4]) for row in numbers)
    header = struct.pack(">IIBBBBB", 2, 2, 2, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("suffix", ["gif", "tif", "png"])
def test_several_pages_are_refused(suffix: str, tmp_path: Path) -> None:
    pages = [Image.fromarray(OBJECT * np.uint8(shade)) for shade in (255, 200)]
    path = tmp_path / f"a.{suffix}"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    for read in (read_rgb, read_mask):
        with pytest.raises(InputError, match=rf"a\.{suffix}: 2 pages in one file"):
            read(path)


def test_transparent_pixels_are_refused(tmp_path: Path) -> None:
    pixels = np.full((4, 4, 4), 255, np.uint8)
    assert read_rgb(saved(tmp_path / "a.png", pixels)).min() == 255
    pixels[0, 0, 3] = 0
    path = saved(tmp_path / "b.png", pixels)
    for read in (read_rgb, read_mask):
        with pytest.raises(InputError, match=r"b\.png: 1 of 16 pixels are transparent"):
            read(path)


def test_a_picture_that_asks_to_be_turned_is_refused(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "a.jpg", np.zeros((4, 6), np.uint8), exif=exif)
    with pytest.raises(InputError, match=r"a\.jpg: its orientation tag \(6\)"):
        read_rgb(path)


def test_colours_with_sixteen_bits_are_refused(tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "a.png"), np.full((4, 4, 3), 2, np.uint16))
    for read in (read_rgb, read_mask):
        with pytest.raises(InputError, match=r"a\.png: RGB with 16 bits a channel"):
            read(tmp_path / "a.png")
