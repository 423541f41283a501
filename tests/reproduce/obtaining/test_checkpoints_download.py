"""Weights come over real sockets: cut connections, wrong bytes, pages, redirects, full disks."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import subprocess
import textwrap
from pathlib import Path

import msgspec
import pytest
import torch
import yaml
from safetensors.torch import save_file
from stress.serving import Behaviour, quiet_download

from catalog.errors import InputError, PrerequisiteError
from catalog.records import Checkpoint
from reproduce.ground.places import cached, manual_folder
from reproduce.obtaining.sources import source_of
from reproduce.obtaining.weights import (
    check_given,
    identity_of,
    located,
    obtain,
    record_lines,
    status_of,
)


@pytest.fixture
def weights(tmp_path: Path) -> bytes:
    path = tmp_path / "made.safetensors"
    save_file({"w": torch.arange(50_000, dtype=torch.float32)}, path)
    return path.read_bytes()


def record(content: bytes, *urls: str, **changes: object) -> Checkpoint:
    facts: dict[str, object] = {
        "id": "small",
        "file": "weights/small.safetensors",
        "urls": list(urls),
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
    return Checkpoint(**(facts | changes))  # type: ignore[arg-type]  # a test's shorthand


def test_download_is_checked_cached_and_not_repeated(
    server: tuple[str, Behaviour], weights: bytes
) -> None:
    address, does = server
    does.content["/w"] = weights
    item = record(weights, f"{address}/w")
    assert "would be downloaded" in status_of("p", item)
    first = obtain("p", item)
    assert first.read_bytes() == weights
    assert first.name == "small.safetensors"
    assert item.sha256 is not None
    assert first.parent.name == item.sha256
    assert obtain("p", item) == first
    assert status_of("p", item) == "here"
    assert len(does.asked) == 1


def test_cut_connection_goes_on_where_it_stopped(
    server: tuple[str, Behaviour], weights: bytes
) -> None:
    address, does = server
    does.content["/w"] = weights
    does.cut_after["/w"] = [70_000, 40_000]
    path = obtain("p", record(weights, f"{address}/w"))
    assert path.read_bytes() == weights
    ranges = [wanted for _, wanted in does.asked]
    assert ranges[0] is None
    starts = [int(r.removeprefix("bytes=").rstrip("-")) for r in ranges[1:] if r]
    assert len(starts) == 2
    assert 0 < starts[0] < starts[1] < len(weights)


def test_part_of_an_interrupted_process_is_used(
    server: tuple[str, Behaviour], weights: bytes, tmp_path: Path
) -> None:
    address, does = server
    does.content["/w"] = weights
    item = record(weights, f"{address}/w")
    does.cut_after["/w"] = [1000] + [0] * 4
    with pytest.raises(PrerequisiteError, match="1,000 bytes are kept"):
        obtain("p", item)
    does.asked.clear()
    does.cut_after.clear()
    assert obtain("p", item).read_bytes() == weights
    assert does.asked == [("/w", "bytes=1000-")]
    assert {path.suffix for path in (tmp_path / "cache" / "partial").iterdir()} == {".lock"}


def test_server_that_ignores_range_is_read_from_the_start(
    server: tuple[str, Behaviour], weights: bytes
) -> None:
    address, does = server
    does.content["/w"] = weights
    does.cut_after["/w"] = [5000]
    does.ignore_range.add("/w")
    assert obtain("p", record(weights, f"{address}/w")).read_bytes() == weights


def test_connection_that_is_always_cut_keeps_what_came(
    server: tuple[str, Behaviour], weights: bytes, tmp_path: Path
) -> None:
    address, does = server
    does.content["/w"] = weights
    does.cut_after["/w"] = [1000] + [0] * 40
    with pytest.raises(PrerequisiteError, match="cut 5 times"):
        obtain("p", record(weights, f"{address}/w"))
    (part,) = (tmp_path / "cache" / "partial").glob("*.part")
    assert part.read_bytes() == weights[:1000]


def test_wrong_bytes_never_enter_the_cache(server: tuple[str, Behaviour], weights: bytes) -> None:
    address, does = server
    wrong = bytes(reversed(weights))
    does.content["/w"] = wrong
    item = record(weights, f"{address}/w")
    with pytest.raises(PrerequisiteError) as caught:
        obtain("p", item)
    text = str(caught.value)
    assert item.sha256 is not None
    assert item.sha256 in text
    assert hashlib.sha256(wrong).hexdigest() in text
    assert cached(item.sha256) is None


def test_mirror_is_tried_next(server: tuple[str, Behaviour], weights: bytes) -> None:
    address, does = server
    does.content["/gone-bad"] = weights[:-1] + b"x"
    does.content["/good"] = weights
    urls = [f"{address}/missing", f"{address}/gone-bad", f"{address}/good"]
    assert obtain("p", record(weights, *urls)).read_bytes() == weights


def test_page_instead_of_weights(server: tuple[str, Behaviour], weights: bytes) -> None:
    address, does = server
    does.content["/w"] = b"\n<!DOCTYPE html><html><body>Quota exceeded</body></html>"
    with pytest.raises(PrerequisiteError, match="got an HTML page"):
        obtain("p", record(weights, f"{address}/w", bytes=None))


def test_page_without_recorded_hash_or_size(server: tuple[str, Behaviour]) -> None:
    address, does = server
    does.content["/w"] = b"<html>sign in</html>"
    item = Checkpoint(id="x", urls=[f"{address}/w"])
    with pytest.raises(PrerequisiteError, match="got an HTML page"):
        obtain("p", item)


def test_file_without_recorded_hash_is_fetched_once(
    server: tuple[str, Behaviour], weights: bytes
) -> None:
    address, does = server
    does.content["/w"] = weights
    item = Checkpoint(id="x", urls=[f"{address}/w"])
    assert obtain("p", item) == obtain("p", item)
    assert len(does.asked) == 1


def test_redirect_is_followed(server: tuple[str, Behaviour], weights: bytes) -> None:
    address, does = server
    does.content["/real"] = weights
    does.redirect["/w"] = f"{address}/real"
    assert obtain("p", record(weights, f"{address}/w")).read_bytes() == weights


def test_redirect_out_of_http_is_refused(server: tuple[str, Behaviour], weights: bytes) -> None:
    address, does = server
    does.redirect["/w"] = "file:///etc/passwd"
    with pytest.raises(PrerequisiteError, match="No connection adapters"):
        obtain("p", record(weights, f"{address}/w"))


def test_dead_and_gated_links_say_so_with_the_way_out(
    server: tuple[str, Behaviour], weights: bytes
) -> None:
    address, does = server
    does.status["/gated"] = 403
    item = record(weights, f"{address}/dead", f"{address}/gated")
    with pytest.raises(PrerequisiteError) as caught:
        obtain("p", item)
    text = str(caught.value)
    assert "404, the link is dead" in text
    assert "403" in text
    assert str(manual_folder()) in text


@pytest.mark.parametrize("hidden", [False, True])
def test_larger_than_recorded_is_stopped(
    server: tuple[str, Behaviour], weights: bytes, hidden: bool, tmp_path: Path
) -> None:
    address, does = server
    does.content["/w"] = weights + b"\0" * 3_000_000
    if hidden:
        does.hide_length.add("/w")
    with pytest.raises(PrerequisiteError, match=f"expected {len(weights):,} bytes"):
        obtain("p", record(weights, f"{address}/w"))
    assert not list((tmp_path / "cache" / "partial").glob("*.part"))


def test_disk_without_room_is_told_before_anything_is_sent(
    server: tuple[str, Behaviour], weights: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    address, does = server
    does.content["/w"] = weights
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(
        "reproduce.obtaining.transfer.shutil.disk_usage", lambda _: usage._replace(free=1000)
    )
    with pytest.raises(PrerequisiteError, match="1,000 are free"):
        obtain("p", record(weights, f"{address}/w"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux' /dev/full")
def test_disk_that_fills_up_while_receiving(
    server: tuple[str, Behaviour], weights: bytes, tmp_path: Path
) -> None:
    """/dev/full answers every write with ENOSPC: the real error, not a mock of it."""
    address, does = server
    does.content["/w"] = weights
    part = tmp_path / "part"
    part.symlink_to("/dev/full")
    with pytest.raises(InputError, match="disk is full"):
        quiet_download(f"{address}/w", part)


def test_manual_file_is_found_by_its_hash(
    server: tuple[str, Behaviour], weights: bytes, tmp_path: Path
) -> None:
    item = record(weights, "https://pan.baidu.com/s/1abc")
    with pytest.raises(PrerequisiteError, match="lets only people download"):
        obtain("p", item)
    (manual_folder() / "other.bin").write_bytes(b"not it")
    (manual_folder() / "download (3).pt").write_bytes(weights)
    path = obtain("p", item)
    assert path.read_bytes() == weights
    assert path.name == "small.safetensors"
    assert (manual_folder() / "other.bin").exists()


def test_a_file_got_by_hand_has_its_folder_where_no_hash_is_recorded(
    weights: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command that is printed works as it stands."""
    monkeypatch.setenv("SAM4MIS_CACHE", str(tmp_path / "a cache"))
    item = Checkpoint(id="small", urls=["https://pan.baidu.com/s/1abc"])
    assert str(manual_folder() / "p" / "small") in status_of("p", item)
    with pytest.raises(PrerequisiteError, match="of this checkpoint") as told:
        obtain("p", item)
    (tmp_path / "file").write_bytes(weights)
    command = str(told.value.command).replace("<file>", str(tmp_path / "file"))
    subprocess.run(["sh", "-c", command], check=True)
    path = obtain("p", item)
    assert path.read_bytes() == weights
    assert status_of("p", item) == "here"
    digest = hashlib.sha256(weights).hexdigest()
    assert identity_of(item, digest) == "not shown"
    assert located("q", item) is None  # another project's of the same id
    (path.parent / "second").write_bytes(weights)
    with pytest.raises(InputError, match="expected the one file"):
        obtain("p", item)
    (path.parent / "second").unlink()
    path.write_text("<!DOCTYPE html><html></html>")
    with pytest.raises(InputError, match="an HTML page"):
        obtain("p", item)


def test_what_came_without_a_recorded_hash_is_offered_for_the_record(
    server: tuple[str, Behaviour], weights: bytes
) -> None:
    address, does = server
    does.content["/w"] = weights
    item = Checkpoint(id="x", urls=[f"{address}/dead", f"{address}/w"])
    digest = hashlib.sha256(weights).hexdigest()
    assert record_lines(item) is None
    obtain("p", item)
    assert identity_of(item, digest) == "fetched"
    assert identity_of(item, "0" * 64) == "not shown"
    lines = record_lines(item)
    assert lines is not None
    offered = msgspec.convert(yaml.safe_load(f"id: x\n{textwrap.dedent(lines)}"), Checkpoint)
    offered.urls = item.urls
    assert offered.sha256_from[0].place == f"{address}/w"
    assert (offered.sha256, offered.bytes) == (digest, len(weights))
    assert identity_of(offered, digest) == "shown"
    assert record_lines(offered) is None


def test_given_file_must_be_the_one(weights: bytes, tmp_path: Path) -> None:
    path = tmp_path / "given.pt"
    path.write_bytes(b"<html>")
    with pytest.raises(InputError, match=r"Expected sha256 .* looks like an HTML page"):
        check_given(record(weights), path)
    path.write_bytes(weights)
    assert check_given(record(weights), path) == path


def _obtain_in_process(cache: str, item: dict[str, object], out: str) -> None:
    os.environ["SAM4MIS_CACHE"] = cache
    path = obtain("p", Checkpoint(**item), quiet=True)  # type: ignore[arg-type]  # plain data
    Path(out).write_text(str(path))


def test_processes_share_one_download(
    server: tuple[str, Behaviour], weights: bytes, tmp_path: Path
) -> None:
    address, does = server
    does.content["/w"] = weights
    item = record(weights, f"{address}/w")
    plain = {name: getattr(item, name) for name in ("id", "file", "urls", "sha256", "bytes")}
    context = multiprocessing.get_context("spawn")
    cache = str(tmp_path / "cache")
    running = [
        context.Process(target=_obtain_in_process, args=(cache, plain, str(tmp_path / f"out{i}")))
        for i in range(2)
    ]
    for process in running:
        process.start()
    for process in running:
        process.join()
        assert process.exitcode == 0
    assert (tmp_path / "out0").read_text() == (tmp_path / "out1").read_text()
    assert len(does.asked) == 1


@pytest.mark.parametrize(
    ("url", "kind", "requested"),
    [
        (
            "https://huggingface.co/a/b/blob/" + "0" * 40 + "/c/d.pt",
            "hf",
            "https://huggingface.co/a/b/resolve/" + "0" * 40 + "/c/d.pt",
        ),
        ("hf://a/b@" + "1" * 40 + "/d.pt", "hf", None),
        ("https://drive.google.com/open?id=XYZ", "gdrive", None),
        ("https://drive.google.com/drive/folders/XYZ", "manual", None),
        (
            "https://github.com/a/b/raw/main/x.pth",
            "http",
            "https://raw.githubusercontent.com/a/b/main/x.pth",
        ),
        ("https://github.com/a/b/releases/download/v1/x.pth", "http", None),
        ("https://github.com/a/b", "manual", None),
        ("https://zenodo.org/records/1/files/x.pt?download=1", "http", None),
        ("https://zenodo.org/records/1", "manual", None),
        (
            "https://www.dropbox.com/s/abc/x.pt?dl=0",
            "http",
            "https://www.dropbox.com/s/abc/x.pt?dl=1",
        ),
        (
            "https://www.dropbox.com/scl/fo/abc/x?rlkey=k3y&st=1&dl=0",
            "http",
            "https://www.dropbox.com/scl/fo/abc/x?rlkey=k3y&st=1&dl=1",
        ),
        ("https://pan.baidu.com/s/1", "manual", None),
        ("https://x-my.sharepoint.com/:u:/y", "manual", None),
    ],
)
def test_addresses_are_understood(url: str, kind: str, requested: str | None) -> None:
    source = source_of(url)
    assert source.kind == kind
    if requested:
        assert source.url == requested


def test_branch_of_hugging_face_needs_a_hash(server: tuple[str, Behaviour]) -> None:
    item = Checkpoint(id="x", urls=["https://huggingface.co/a/b/resolve/main/x.pt"])
    with pytest.raises(PrerequisiteError, match="40 hex digits"):
        obtain("p", item)


@pytest.mark.parametrize("url", ["ftp://a/b", "file:///etc/passwd", "javascript:alert(1)", "x.pt"])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(InputError, match="expected an address"):
        source_of(url)
