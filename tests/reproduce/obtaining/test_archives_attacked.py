"""Hostile archives: refused by name, nothing written, and an honest one is not taken for one."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from stress import __main__ as stress
from stress.archive import unpacked
from stress.packing import HOSTILE, ODD_NAMES, sparse, tarred, zipped
from stress.serving import Behaviour

from catalog.errors import InputError, PrerequisiteError
from catalog.records import Checkpoint
from reproduce.obtaining.archives import read_through, unpack
from reproduce.obtaining.weights import obtain

TOLD = {
    "NUL": "has a NUL in its name",
    "deep": "more than 64 folders in each other",
    "twice": "is there twice",
    "twice by a dot": "is there twice",
    "twins": "is there twice",
    "long": "cannot store",
    "file and folder": "a file and a folder",
}


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("odd", ODD_NAMES)
def test_odd_names_are_refused_by_name(odd: str, pack: Any, tmp_path: Path) -> None:
    archive = tmp_path / "x.archive"
    archive.write_bytes(pack([(name, b"1") for name in ODD_NAMES[odd]()]))
    told = TOLD.get(odd, "outside the folder")
    with pytest.raises(InputError, match=rf"x\.archive: member .*{told}") as error:
        unpack(archive, tmp_path / "out")
    assert len(str(error.value)) < 1000
    assert [path.name for path in tmp_path.iterdir()] == ["x.archive"]


@pytest.mark.parametrize("number", range(8))
def test_a_file_with_holes_is_refused(number: int, tmp_path: Path) -> None:
    """GNU tar has four ways to write one; a map of kilobytes may stand for terabytes."""
    archive = tmp_path / "x.tar"
    archive.write_bytes(sparse(Random(number)))
    for reading in (read_through, lambda path: unpack(path, tmp_path / "out")):
        with pytest.raises(InputError, match=r"x\.tar: .*'holes' is a file with holes, sparse"):
            reading(archive)


@pytest.mark.parametrize("make", dict.fromkeys(HOSTILE), ids=lambda make: make.__name__)
def test_each_kind_is_told(make: Any, tmp_path: Path) -> None:
    for number in range(4):
        assert unpacked(tmp_path / "x", make(Random(f"{make.__name__}/{number}"))) is None


def test_a_short_attack_holds(tmp_path: Path) -> None:
    assert stress.main(["archive", "--seed", "19", "--tries", "40", "--out", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "archive-19.json").read_text("utf-8"))
    assert (report["tried"], report["held"], report["broke"]) == (40, 40, 0)


def test_a_tar_file_larger_than_the_disk_is_refused_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    (tmp_path / "x.tar").write_bytes(tarred([("a", bytes(5000)), ("b", bytes(5000))]))
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=4000))
    with pytest.raises(InputError, match=r"unpacks to 5,000 bytes, 4,000 are free"):
        unpack(tmp_path / "x.tar", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar"]


def test_a_damaged_zip_does_not_stay_in_the_way(
    server: tuple[str, Behaviour], tmp_path: Path
) -> None:
    """Its directory refers to a place before the file."""
    address, does = server
    good = zipped([("w.pth", b"1" * 5000)])
    does.content["/w"] = good[:10] + good[-60:]
    record = Checkpoint(id="w", urls=[f"{address}/w"])
    with pytest.raises(PrerequisiteError, match=r"/w: not the released file\. .*[Dd]amaged"):
        obtain("p", record, quiet=True)
    assert {path.suffix for path in (tmp_path / "cache" / "partial").iterdir()} == {".lock"}
    does.content["/w"] = good
    assert obtain("p", record, quiet=True).read_bytes() == good
