"""Names of files in archives and folders that are no UTF-8, and options that are no numbers."""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from catalog.errors import InputError, UsageError
from reproduce.ground.plugins import plugin
from reproduce.ground.sniffing import sniff
from reproduce.obtaining.archives import unpack


def zip_with(name: bytes, flags: int) -> bytes:
    """A zip of one file, its name written byte by byte."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("X" * len(name), b"data")
    content = bytearray(stream.getvalue().replace(b"X" * len(name), name))
    for magic, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = content.index(magic) + place
        content[start : start + 2] = struct.pack("<H", flags)
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "flags", "unpacked"),
    [
        ("Größe.png".encode(), 0x800, "Größe.png"),
        ("Größe.png".encode(), 0, "Größe.png"),  # macOS writes UTF-8 and does not say so
        ("Größe.png".encode("cp437"), 0, "Größe.png"),
    ],
)
def test_names_in_a_zip(name: bytes, flags: int, unpacked: str, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zip_with(name, flags))
    assert [p.name for p in unpack(tmp_path / "a.zip", tmp_path / "out")] == [unpacked]


def test_a_zip_whose_names_are_not_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zip_with("Größe.png".encode("latin-1"), 0x800))
    assert sniff(path) == "torch"  # as every zip that cannot be listed
    with pytest.raises(InputError, match=r"a\.zip: .*another code page than it says"):
        unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="file names are text on this system")
def test_a_file_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        path = os.fsencode(tmp_path / folder) + b"/f\xfc.png"
        stream = io.BytesIO()
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(stream, "PNG")
        Path(os.fsdecode(path)).write_bytes(stream.getvalue())
    with pytest.raises(InputError, match=r"images: the file name 'f\\udcfc\.png' is not UTF-8"):
        plugin("datasets", "folder").cases(tmp_path, "all", {})


@pytest.mark.parametrize("content", [[], {"images": 1}, {"images": [{}], "annotations": []}, "x"])
def test_declarations_of_another_shape_are_named(content: Any, tmp_path: Path) -> None:
    for folder in ("test", "test_mask"):
        (tmp_path / folder).mkdir()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "test" / "a_CT_x.png")
    (tmp_path / "test.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"test\.json: "):
        plugin("datasets", "biomedparse").cases(tmp_path, "test", {})
    (tmp_path / "label2image_test.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"label2image_test\.json: "):
        plugin("datasets", "sam-med2d-demo").cases(tmp_path, "test", {})


@pytest.mark.parametrize("split", ["name", 5, {"a": 1}, [1]])
def test_a_split_of_another_shape_is_named(split: Any, tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / folder / "name.png")
    (tmp_path / "split.json").write_text(json.dumps({"test": split}))
    with pytest.raises(InputError, match=r"split\.json: split 'test': expected a list of names"):
        plugin("datasets", "folder").cases(tmp_path, "test", {})


@pytest.mark.parametrize(
    ("name", "split", "option", "value"),
    [
        ("drive", "test", "observer", 3),
        ("drive", "test", "observer", "second"),
        ("volumes", "train", "channel", "t1"),
        ("folder", "all", "patient", "abc"),
        ("phantoms", "test", "count", 2.5),
        ("phantoms", "test", "count", True),
    ],
)
def test_options_are_whole_numbers(
    name: str, split: str, option: str, value: object, tmp_path: Path
) -> None:
    for folder in ("images", "masks", "imagesTr", "labelsTr"):
        (tmp_path / folder).mkdir()
    with pytest.raises(UsageError, match=rf"option {option}: expected a whole number from"):
        plugin("datasets", name).cases(tmp_path, split, {option: value})
