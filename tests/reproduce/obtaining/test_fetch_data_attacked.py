"""Odd archives, full disks, killed processes and odd folders: told, nothing lost, nothing half."""

from __future__ import annotations

import gzip
import hashlib
import random
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from packed_data import archive, flagged, small, tarred, zipped
from stress.serving import Behaviour

from catalog.errors import InputError, PrerequisiteError, UsageError
from reproduce.ground.places import data_folder
from reproduce.obtaining.archives import unpack
from reproduce.obtaining.datasets import (
    content_sha256,
    obtain,
)
from reproduce.planning.readiness import _data

NOISE = random.Random(1).randbytes(50_000)
ODD = {
    "encrypted": (flagged(zipped(S__a=b"1"), 8, 1), "'S/a' is encrypted"),
    "deflate64": (flagged(zipped(S__a=b"1"), 10, 9), "cannot be unpacked here"),
    "file, then folder": (zipped(S=b"1", S__a=b"2"), "a file and a folder"),
    "folder, then file": (tarred(S__a=b"1", S=b"2"), "a file and a folder"),
    "long name": (zipped(**{"S__" + 300 * "a": b"1"}), "cannot store"),
    "broken name": (zipped(S__é=b"1").replace("é".encode(), b"\xe9 "), "damaged archive"),
}


@pytest.mark.parametrize("odd", ODD)
def test_odd_archives_are_told_and_leave_nothing(tmp_path: Path, odd: str) -> None:
    content, message = ODD[odd]
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(InputError, match=message):
        unpack(tmp_path / "x.zip", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]


@pytest.mark.parametrize("damage", ["header", "checksum", "middle"])
def test_tar_file_that_lost_members_is_damaged(tmp_path: Path, damage: str) -> None:
    """tarfile alone takes a damaged header for the end, and never looks at gzip's checksum."""
    content = bytearray(gzip.decompress(tarred(S__a=NOISE, S__b=NOISE)))
    if damage == "header":
        content[content.find(b"S/b") + 150] ^= 255
    packed_bytes = bytearray(gzip.compress(bytes(content)))
    if damage == "checksum":
        packed_bytes[-6] ^= 255
    if damage == "middle":
        packed_bytes[5000:5100] = bytes(100)
    (tmp_path / "x.tgz").write_bytes(packed_bytes)
    with pytest.raises(InputError, match="damaged archive"):
        unpack(tmp_path / "x.tgz", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["x.tgz"]


def test_folders_of_windows_and_names_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "w.zip").write_bytes(zipped(**{"S\\": b"", "S\\a": b"1"}))
    assert unpack(tmp_path / "w.zip", tmp_path / "w") == [tmp_path / "w" / "S" / "a"]
    (tmp_path / "l.tgz").write_bytes(tarred(**{"S__caf\udce9": b"1"}))  # Latin-1 in a tar file
    unpack(tmp_path / "l.tgz", tmp_path / "l")
    line = hashlib.sha256(b"1").hexdigest().encode() + b"  S/caf\xe9\n"
    assert content_sha256({"S": tmp_path / "l" / "S"}) == (hashlib.sha256(line).hexdigest(), 1)


def test_archive_is_kept_where_the_disk_is_too_small_to_unpack_it(
    server: tuple[str, Behaviour], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, does = server
    content = zipped(Small__a=b"1" * 1000)
    does.content["/z"] = content
    item = archive(content, f"{address}/z")
    real_usage = shutil.disk_usage

    def small_for_data(place: Path) -> Any:
        usage = real_usage(place)
        return usage._replace(free=999) if ".unpacking." in str(place) else usage

    monkeypatch.setattr("shutil.disk_usage", small_for_data)
    with pytest.raises(InputError, match=r"unpacks to 1,000 bytes, 999 are free"):
        obtain(small(item), tmp_path / "small", quiet=True)
    assert list((tmp_path / "small").iterdir()) == []
    monkeypatch.setattr("shutil.disk_usage", real_usage)
    obtain(small(item), tmp_path / "small", quiet=True)
    assert len(does.asked) == 1, "not sent again"
    assert (tmp_path / "small" / "Small" / "a").stat().st_size == 1000


def test_killed_while_unpacking_leaves_nothing_that_stays(
    server: tuple[str, Behaviour], tmp_path: Path
) -> None:
    address, does = server
    does.content["/z"] = content = zipped(Small__a=b"1")
    left = tmp_path / "small" / ".unpacking.killed" / "all" / "Small"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"")
    obtain(small(archive(content, f"{address}/z")), tmp_path / "small", quiet=True)
    assert [path.name for path in (tmp_path / "small").rglob("*")] == ["Small", "a"]


def test_data_that_are_here_need_no_writing_and_no_lock(tmp_path: Path) -> None:
    (tmp_path / "small" / "Small").mkdir(parents=True)
    (done,) = obtain(small(archive(b"")), tmp_path / "small", quiet=True)
    assert done.status == "was here"
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


@pytest.mark.parametrize("place", ["file", "file/below", "proc"])
def test_folders_that_cannot_be_made_are_told_with_the_way_out(
    server: tuple[str, Behaviour], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "file").write_text("mine")
    root = Path("/proc/x") if place == "proc" else tmp_path / place
    item = archive(b"", f"{server[0]}/z")
    with pytest.raises(PrerequisiteError, match=r"expected a folder .* fetch-data --to"):
        obtain(small(item), root, quiet=True)
    monkeypatch.setenv("SAM4MIS_CACHE", str(root))
    with pytest.raises(PrerequisiteError, match=r"expected a folder .* Set SAM4MIS_CACHE"):
        obtain(small(item), tmp_path / "data", quiet=True)
    assert (tmp_path / "file").read_text() == "mine"
    assert server[1].asked == []


@pytest.mark.parametrize("variable", ["SAM4MIS_CACHE", "SAM4MIS_DATA"])
def test_variable_that_names_no_user_is_told(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "~nobody-of-that-name/data")
    with pytest.raises(UsageError, match=rf"{variable}=~nobody-of-that-name/data: expected"):
        data_folder("small", None)


def test_folder_of_a_download_that_was_given_up_is_no_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`doctor` said ready, and `score` looked for images in it."""
    monkeypatch.setenv("SAM4MIS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SAM4MIS_DATA", str(tmp_path))
    (tmp_path / "isic2018" / ".unpacking.x").mkdir(parents=True)
    assert data_folder("isic2018", None) is None
    claim = SimpleNamespace(run=None, dataset="isic2018", split="test")
    assert "not here; sam4mis reproduce fetch-data isic2018" in _data(claim)[0]  # type: ignore[arg-type]  # what is read of a claim
    for folder in ("ISIC2018_Task1-2_Training_Input", "ISIC2018_Task1_Training_GroundTruth"):
        (tmp_path / "isic2018" / folder).mkdir()
    assert data_folder("isic2018", None) == tmp_path / "isic2018"
    assert "split test is not here" in _data(claim)[0]  # type: ignore[arg-type]  # as above
