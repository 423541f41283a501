"""Data sets come over real sockets, are checked by their hashes and never lie there half."""

from __future__ import annotations

import dataclasses
import hashlib
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from packed_data import archive, packed, small, zipped
from PIL import Image
from running_bundle import project_root, run
from stress.serving import Behaviour, quiet_download

from catalog.errors import InputError, PrerequisiteError, UsageError
from reproduce.cli.fetch_data import fetch_data
from reproduce.contracts import Archive
from reproduce.ground.places import manual_folder
from reproduce.ground.plugins import plugin, plugins
from reproduce.obtaining.datasets import (
    archives_of,
    can_fetch,
    content_sha256,
    downloadable,
    obtain,
    status_of,
)
from reproduce.obtaining.sources import source_of

PLUGINS = plugins("datasets")
DECLARED = [(name, a) for name, p in PLUGINS.items() for a in archives_of(p)]


# ------------------------------------------------------------------------- what plugins declare


@pytest.mark.parametrize(("name", "item"), DECLARED, ids=[f"{n}-{a.file}" for n, a in DECLARED])
def test_declared_archives_can_be_checked_and_say_where_that_is_from(
    name: str, item: Archive
) -> None:
    assert item.source
    assert item.folders
    assert set(item.splits) <= set(PLUGINS[name].splits)
    assert item.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", item.sha256)
    assert item.content is None or re.fullmatch(r"[0-9a-f]{64}", item.content)
    assert item.md5 is None or re.fullmatch(r"[0-9a-f]{32}", item.md5)
    if not (item.sha256 or item.content or item.md5):
        assert "no hash is known" in item.source
    assert all(source_of(url).kind != "manual" for url in item.urls)
    if any("codeload.github.com" in url for url in item.urls):
        assert item.content, "archives of repositories are packed anew for every request"
        assert re.search(r"/[0-9a-f]{40}$", item.urls[0]), "pinned to a commit"


def test_every_split_of_an_open_set_can_be_fetched_and_gated_ones_say_how() -> None:
    fetched = {name for name, item in PLUGINS.items() if can_fetch(item)}
    assert {"kvasir-seg", "isic2016", "isic2018", "busi", "endotect", "rossa"} <= fetched
    assert not fetched & {"drive", "synapse", "refuge"}
    for name, item in PLUGINS.items():
        assert name in fetched or len(item.access) > 40, f"{name} prints no steps"


@pytest.mark.parametrize(
    ("name", "folders"),
    [
        ("sam-med2d-demo", {"data_demo": "sam_med2d_demo"}),
        ("biomedparse-demo", {f: f"biomedparse/{f}" for f in ("demo", "demo_mask")}),
    ],
)
def test_recorded_content_is_that_of_the_real_data(
    name: str, folders: dict[str, str], real: Path
) -> None:
    kept = {target: real / place for target, place in folders.items()}
    (item,) = archives_of(plugin("datasets", name))
    assert content_sha256(kept)[0] == item.content


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum on this machine")
def test_content_hash_is_what_coreutils_say(tmp_path: Path) -> None:
    for name in ("a/two.txt", "a/b/one.txt", "a/Z.txt", "c/three.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    said = subprocess.run(
        "find a c -type f | LC_ALL=C sort | xargs sha256sum | sha256sum",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[0]
    assert content_sha256({"a": tmp_path / "a", "c": tmp_path / "c"}) == (said, 4)


# ----------------------------------------------------------------------------------- the network


def test_only_what_a_split_needs_is_fetched_once(
    server: tuple[str, Behaviour], tmp_path: Path
) -> None:
    address, does = server
    test, training = zipped(Small__a=b"1"), zipped(More__b=b"2")
    does.content |= {"/test": test, "/training": training}
    data = small(
        archive(test, f"{address}/test", splits=("test",)),
        archive(
            training,
            f"{address}/training",
            file="more.zip",
            folders={"More": "More"},
            splits=("training",),
        ),
    )
    root = tmp_path / "data" / "small"
    assert "would be downloaded" in status_of(data.archives[0], root)
    (first,) = obtain(data, root, "test", quiet=True)
    assert first.status.startswith("downloaded from")
    assert first.sha256 == data.archives[0].sha256
    assert (root / "Small" / "a").read_bytes() == b"1"
    assert not (root / "More").exists()
    assert status_of(data.archives[0], root) == "here"
    assert next(item.status for item in obtain(data, root, quiet=True)) == "was here"
    assert [path for path, _ in does.asked] == ["/test", "/training"]
    left = [p for p in (tmp_path / "cache").rglob("*") if p.is_file() and p.suffix != ".lock"]
    assert left == [], "archives are not kept once they are unpacked"
    assert sorted(p.name for p in root.iterdir()) == ["More", "Small"]


def test_repository_at_a_commit_with_the_real_files(
    server: tuple[str, Behaviour], real: Path, tmp_path: Path
) -> None:
    """Packed as GitHub does, cut on the way, sent from the start again; the recorded content."""
    address, does = server
    data = plugin("datasets", "sam-med2d-demo")
    (declared,) = archives_of(data)
    does.content["/repo"] = packed("SAM-Med2D-bfd2", {"data_demo": real / "sam_med2d_demo"})
    does.chunked.add("/repo")
    does.ignore_range.add("/repo")
    does.cut_after["/repo"] = [8192]
    served = SimpleNamespace(
        name=data.name,
        title=data.title,
        access=data.access,
        splits=data.splits,
        archives=(dataclasses.replace(declared, urls=(f"{address}/repo",)),),
    )
    root = tmp_path / "sam-med2d-demo"
    obtain(served, root, quiet=True)
    assert len(does.asked) == 2
    assert len(data.cases(root, "test", {})) == 2
    sample = data.load(data.cases(root, "test", {})[0], {})
    assert any(mask.any() for mask in sample.labels.values())


@pytest.mark.parametrize("damage", ["changed", "extra", "gone"])
def test_other_content_than_recorded_is_not_kept(
    server: tuple[str, Behaviour], tmp_path: Path, damage: str
) -> None:
    address, does = server
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "a.txt").write_text("one")
    (folder / "b.txt").write_text("two")
    content, _ = content_sha256({"Small": folder})
    if damage == "changed":
        (folder / "a.txt").write_text("One")
    elif damage == "extra":
        (folder / "c.txt").write_text("three")
    else:
        (folder / "b.txt").unlink()
    does.content["/r"] = packed("repo-abc", {"set": folder})
    item = archive(
        b"",
        f"{address}/r",
        sha256=None,
        content=content,
        file="r.tar.gz",
        folders={"*/set": "Small"},
    )
    with pytest.raises(InputError, match=r"small: r\.tar\.gz does not hold what was recorded"):
        obtain(small(item), tmp_path / "data", quiet=True)
    assert list((tmp_path / "data").iterdir()) == []


def test_archive_cut_without_notice_is_damaged_and_leaves_nothing(
    server: tuple[str, Behaviour], tmp_path: Path
) -> None:
    address, does = server
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "noise").write_bytes(random.Random(0).randbytes(200_000))
    does.content["/r"] = packed("repo-abc", {"set": folder})[:-2000]
    item = archive(
        b"", f"{address}/r", sha256=None, content="0" * 64, file="r.tgz", folders={"*/set": "Small"}
    )
    with pytest.raises(PrerequisiteError, match=r"/r: not the released file. Damaged archive"):
        obtain(small(item), tmp_path / "data", quiet=True)
    assert list((tmp_path / "data").iterdir()) == []
    assert not list((tmp_path / "cache" / "partial").glob("*.part*"))


def test_wrong_bytes_and_dead_links_name_every_address_and_the_way_out(
    server: tuple[str, Behaviour], tmp_path: Path
) -> None:
    address, does = server
    good = zipped(Small__a=b"1")
    does.content["/other"] = zipped(Small__a=b"2")
    does.content["/page"] = b"<!DOCTYPE html><html>log in</html>"
    item = archive(good, f"{address}/dead", f"{address}/other", f"{address}/page")
    with pytest.raises(PrerequisiteError) as told:
        obtain(small(item), tmp_path / "data", quiet=True)
    text = str(told.value)
    assert "/dead: HTTP 404, the link is dead" in text
    assert "/other: not the released file. Expected sha256" in text
    assert "/page: expected the file small.zip, got an HTML page" in text
    assert "Ask its owners." in text
    assert "sam4mis reproduce fetch-data small --archive small.zip" in text


def test_server_that_is_not_there_is_not_called_a_cut(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no byte came in 5 tries .* network"):
        quiet_download("http://127.0.0.1:9/x", tmp_path / "x.part")


@pytest.mark.parametrize(
    ("name", "message"),
    [("../out", "outside the folder"), ("Other/a", r"has no Small \(at the top: Other\)")],
)
def test_hostile_or_other_archives_leave_nothing(
    server: tuple[str, Behaviour], tmp_path: Path, name: str, message: str
) -> None:
    address, does = server
    does.content["/z"] = zipped(**{name: b"1"})
    item = archive(does.content["/z"], f"{address}/z")
    with pytest.raises(InputError, match=message):
        obtain(small(item), tmp_path / "data" / "small", quiet=True)
    assert list((tmp_path / "data" / "small").iterdir()) == []
    assert not (tmp_path / "data" / "out").exists()


def test_what_an_interrupted_process_left_is_completed(
    server: tuple[str, Behaviour], tmp_path: Path
) -> None:
    address, does = server
    content = zipped(x__a=b"1", y__b=b"2")
    does.content["/z"] = content
    item = archive(content, f"{address}/z", folders={"x": "images", "y": "masks"})
    root = tmp_path / "small"
    obtain(small(item), root, quiet=True)
    shutil.rmtree(root / "masks")
    (root / "images" / "mine").write_text("kept")
    obtain(small(item), root, quiet=True)
    assert (root / "masks" / "b").read_bytes() == b"2"
    assert (root / "images" / "mine").read_text() == "kept"


# --------------------------------------------------------------------------------------- by hand


def test_one_archive_is_given_once(server: tuple[str, Behaviour], tmp_path: Path) -> None:
    item = archive(zipped(Small__a=b"1"))
    files = [tmp_path / name / "small.zip" for name in ("a", "b")]
    for path in files:
        path.parent.mkdir()
        path.write_bytes(zipped(Small__a=b"1"))
    with pytest.raises(UsageError, match=r"small\.zip of small was given already"):
        obtain(small(item), tmp_path / "data", given=files, quiet=True)


def test_gated_files_are_found_by_hash_under_any_name_and_stay(
    server: tuple[str, Behaviour], tmp_path: Path
) -> None:
    content = zipped(Small__a=b"1")
    item = archive(content)
    with pytest.raises(PrerequisiteError, match=r"only be got by a person\. Ask its owners\."):
        obtain(small(item), tmp_path / "data", quiet=True)
    assert status_of(item, tmp_path / "data").startswith("by hand: put small.zip into")
    manual_folder().mkdir(parents=True)
    mine = manual_folder() / "download (3).zip"
    mine.write_bytes(content)
    (done,) = obtain(small(item), tmp_path / "data", quiet=True)
    assert done.sha256 == item.sha256
    assert mine.read_bytes() == content, "what a person brought is not removed"
    assert (tmp_path / "data" / "Small" / "a").read_bytes() == b"1"


def test_md5_alone_decides_as_well(server: tuple[str, Behaviour], tmp_path: Path) -> None:
    content = zipped(Small__a=b"1")
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    mine = tmp_path / "any.zip"
    mine.write_bytes(content)
    data = small(archive(content, sha256=None, md5=md5))
    obtain(data, tmp_path / "data", given=(mine,), quiet=True)
    assert (tmp_path / "data" / "Small" / "a").is_file()
    mine.write_bytes(zipped(Small__a=b"2"))
    with pytest.raises(InputError, match=r"neither by its hash nor by its name"):
        obtain(data, tmp_path / "other", given=(mine,), quiet=True)
    named = mine.rename(tmp_path / "small.zip")
    with pytest.raises(InputError, match=rf"not the file small\.zip of small\. Expected md5 {md5}"):
        obtain(data, tmp_path / "other", given=(named,), quiet=True)


def test_unknown_split_and_unknown_source_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no split 'val'; known: test, training"):
        archives_of(small(), "val")
    with pytest.raises(PrerequisiteError, match=r"does not know where to get Small set\. Ask"):
        obtain(small(), tmp_path / "data")
    assert not can_fetch(small())
    assert not downloadable(archive(b""))


def test_processes_at_once_fetch_once(server: tuple[str, Behaviour], tmp_path: Path) -> None:
    address, does = server
    content = zipped(Small__a=b"1" * 100_000)
    does.content["/z"] = content
    script = (
        "import sys; from pathlib import Path; from types import SimpleNamespace as N\n"
        "from reproduce.contracts import Archive; from reproduce.obtaining.datasets import obtain\n"
        f"a = Archive('s.zip', ({address + '/z'!r},), {{'Small': 'Small'}}, 'test', "
        f"sha256={hashlib.sha256(content).hexdigest()!r})\n"
        "d = N(name='s', title='s', access='', splits={'all': ''}, archives=(a,))\n"
        "obtain(d, Path(sys.argv[1]), quiet=True)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "data" / "s")]
    started = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait() for process in started] == [0, 0, 0, 0]
    assert len(does.asked) == 1
    assert (tmp_path / "data" / "s" / "Small" / "a").stat().st_size == 100_000


# ---------------------------------------------------------------------------------- the commands


def test_run_fetches_open_data_from_nothing(
    server: tuple[str, Behaviour],
    real: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    address, does = server
    data = plugin("datasets", "sam-med2d-demo")
    (declared,) = archives_of(data)
    does.content["/repo"] = packed("SAM-Med2D-bfd2", {"data_demo": real / "sam_med2d_demo"})
    monkeypatch.setattr(
        type(data), "archives", (dataclasses.replace(declared, urls=(f"{address}/repo",)),)
    )
    project_root(tmp_path, monkeypatch, dataset="sam-med2d-demo", split="test")
    run(tmp_path, data=None, dry_run=True)
    assert "would be downloaded from 127.0.0.1" in capsys.readouterr().out
    assert does.asked == []
    run(tmp_path, data=None)
    said = capsys.readouterr()
    assert "Licence: Apache-2.0." in said.err
    assert "status\tcomplete" in said.out
    assert "2 of 2 cases scored" in said.out
    run(tmp_path, data=None)
    assert len(does.asked) == 1


def test_data_that_lie_there_incomplete_are_told_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data_demo").mkdir()
    (tmp_path / "data_demo" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"is missing(.|\n)*left as it is; move it away"):
        fetch_data("sam-med2d-demo", None, None, tmp_path, False, False)
    assert (tmp_path / "data_demo" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("recorded", [False, True])
def test_hash_that_nobody_published_is_said_with_the_way_to_record_it(
    server: tuple[str, Behaviour],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    recorded: bool,
) -> None:
    address, does = server
    data = plugin("datasets", "endotect")
    folders = {f: f for f in ("images", "masks", "negative_images", "negative_masks")}
    for part, count in (("", 3), ("negative_", 2)):
        for place, kind, suffix in (("images", "RGB", "jpg"), ("masks", "L", "png")):
            (tmp_path / f"{part}{place}").mkdir()
            for number in range(count):
                path = tmp_path / f"{part}{place}" / f"{part}{number}.{suffix}"
                Image.new(kind, (4, 4)).save(path)
    does.content["/z"] = packed("top", {f: tmp_path / f for f in folders})
    sha256 = hashlib.sha256(does.content["/z"]).hexdigest()
    item = archive(
        does.content["/z"],
        f"{address}/z",
        sha256=sha256 if recorded else None,
        folders={f"*/{f}": f for f in folders},
    )
    monkeypatch.setattr(type(data), "archives", (item,))
    fetch_data("endotect")
    said = capsys.readouterr()
    assert f"downloaded from 127.0.0.1\t{sha256}" in said.out
    assert "cases: all 5, polyps 3, negatives 2" in said.err
    assert (f"add sha256={sha256!r}" in said.err) is not recorded
