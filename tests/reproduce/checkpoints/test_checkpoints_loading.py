"""Reading weights: layouts, refusals that name their reason, damaged files, archives."""

from __future__ import annotations

import collections
import datetime
import pathlib
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from made import MATERIAL, REAL
from safetensors.torch import save_file

from catalog.errors import InputError, UsageError
from reproduce.adapters.lwnet.network import WNet
from reproduce.checkpoints.layouts import ALIASES, LAYOUTS, unwrap
from reproduce.checkpoints.loading import read_content, read_parts, read_state, unsafe_globals
from reproduce.ground.sniffing import sniff
from reproduce.obtaining.archives import unpack
from reproduce.obtaining.damage import damage

STATE = {"a.weight": torch.ones(2, 3), "b": torch.zeros(4)}


def wrapped(layout: str) -> object:
    """A file's content in a layout: the inverse of what `unwrap` does."""
    known = LAYOUTS[layout]
    if known.parts:
        whole: dict[str, object] = {}
        for first, *then in known.parts.values():
            # a place by number is one of a list of state dicts
            whole[str(first)] = [STATE] * (int(then[0]) + 1) if then else STATE
        return whole
    content: object = {known.strip + key: value for key, value in STATE.items()}
    for key in reversed(known.path):
        content = {key: content, "epoch": 3, "optimizer": {"lr": 0.1}}
    return content


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_unwrapped(layout: str, legacy: bool, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save(wrapped(layout), path, _use_new_zipfile_serialization=not legacy)
    prefixes = LAYOUTS[layout].parts or [LAYOUTS[layout].add]
    expected = {prefix + key for prefix in prefixes for key in STATE}
    assert set(read_state(path, layout)) == expected
    if not LAYOUTS[layout].add:
        assert set(read_state(path)) == expected, "the layout is recognised"


def test_every_layout_named_anywhere_is_known(root: Path) -> None:
    from catalog.registry import Registry
    from reproduce.ground.plugins import plugins

    known = {*LAYOUTS, *ALIASES}
    for name, adapter in plugins("adapters").items():
        assert set(adapter.layouts) <= known, f"adapter {name}: {adapter.layouts}"
    for project in Registry.load(root).projects:
        for checkpoint in project.checkpoints or []:
            assert checkpoint.layout in (None, *known), (
                f"projects/{project.slug}.yaml, {checkpoint.id}: layout {checkpoint.layout!r}; "
                "name one of reproduce/checkpoints/layouts.py or add it there"
            )


def test_every_recorded_address_is_understood(root: Path) -> None:
    from catalog.registry import Registry
    from reproduce.obtaining.weights import status_of

    for project in Registry.load(root).projects:
        for checkpoint in project.checkpoints or []:
            assert status_of(project.slug, checkpoint)


def test_wrong_layout_says_what_the_file_holds() -> None:
    with pytest.raises(InputError, match=r"'epoch' \(int\)"):
        unwrap({"epoch": 3, "weights": STATE}, "model", "w.pth")
    with pytest.raises(UsageError, match="known: flat"):
        unwrap(STATE, "no-such", "w.pth")


def test_parts_are_laid_over_each_other(tmp_path: Path) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / "base.safetensors")
    torch.save({"x": torch.ones(1)}, tmp_path / "decoder.pt")
    torch.save({"w": torch.ones(2)}, tmp_path / "encoder.pt")
    state = read_parts(
        [
            (tmp_path / "base.safetensors", None),
            (tmp_path / "decoder.pt", "flat"),
            (tmp_path / "encoder.pt", "part/image_encoder"),
        ]
    )
    assert state["x"].item() == 1
    assert set(state) == {"x", "image_encoder.w"}


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pathlib.Path.touch, (pathlib.Path("/nonexistent/owned"),))  # type: ignore[return-value]  # hostile


@pytest.mark.parametrize("legacy", [False, True])
def test_refused_pickle_names_its_globals_and_runs_nothing(tmp_path: Path, legacy: bool) -> None:
    marker = tmp_path / "ran"

    class Touch:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return (pathlib.Path.touch, (marker,))

    path = tmp_path / "evil.pth"
    content = {"model": STATE, "when": datetime.date(2024, 1, 1), "hook": Touch()}
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(InputError) as caught:
        read_state(path)
    text = str(caught.value)
    assert "datetime.date" in text
    assert "safetensors" in text
    assert "refused" in text
    assert not marker.exists()
    assert "datetime.date" in unsafe_globals(path)


def test_ordinary_containers_are_no_reason_to_refuse(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save({"model": collections.OrderedDict(STATE), "step": 1}, path)
    assert set(read_state(path)) == set(STATE)
    assert unsafe_globals(path) == []


@pytest.mark.parametrize("legacy", [False, True])
def test_numbers_of_a_log_beside_the_weights_are_passed_over(tmp_path: Path, legacy: bool) -> None:
    """Those of numpy, which nnU-Net keeps in its files; nothing of numpy is called for them."""
    path = tmp_path / "w.pth"
    log = {"dice": [np.float64(0.5), np.float32(0.25)], "epoch": [np.int64(3)]}
    torch.save(
        {"network_weights": STATE, "logging": log, "device": torch.device("cpu")},
        path,
        _use_new_zipfile_serialization=not legacy,
    )
    assert set(read_state(path, "network_weights")) == set(STATE)
    assert read_content(path)["logging"] == {"dice": [None, None], "epoch": [None]}
    assert unsafe_globals(path) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a Git LFS pointer"),
        (b'{"error": "not found"}', "a JSON text"),
        (b"%PDF-1.4", "a PDF"),
        (b"hello", "a file of unknown kind"),
    ],
)
def test_files_that_are_no_weights(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    path.write_bytes(content)
    assert sniff(path).startswith(said)
    with pytest.raises(InputError, match=said):
        read_state(path)


@pytest.mark.parametrize("suffix", ["pt", "legacy.pt", "safetensors"])
def test_truncated_weights(suffix: str, tmp_path: Path) -> None:
    whole, cut = tmp_path / f"whole.{suffix}", tmp_path / f"cut.{suffix}"
    if suffix == "safetensors":
        save_file({"w": torch.zeros(9999)}, whole)
    else:
        torch.save(
            {"w": torch.zeros(9999)},
            whole,
            _use_new_zipfile_serialization=not suffix.startswith("legacy"),
        )
    cut.write_bytes(whole.read_bytes()[:20_000])
    with pytest.raises(InputError, match="20,000 bytes"):
        read_state(cut)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_weights_in_an_archive(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAM4MIS_CACHE", str(tmp_path / "cache"))
    torch.save({"model": STATE}, tmp_path / "w.pth")
    (tmp_path / "README.md").write_text("read me")
    archive = tmp_path / f"release.{kind}"

    def pack(*names: str) -> None:
        if kind == "zip":
            with zipfile.ZipFile(archive, "w") as content:
                for name in names:
                    content.write(
                        tmp_path / "w.pth" if name.endswith("pth") else tmp_path / name, name
                    )
        else:
            with tarfile.open(archive, "w:gz" if kind.endswith("gz") else "w") as content_tar:
                for name in names:
                    content_tar.add(
                        tmp_path / "w.pth" if name.endswith("pth") else tmp_path / name, name
                    )

    pack("README.md", "weights/best.pth")
    for _ in range(2):  # the second time from the cache
        assert set(read_state(archive)) == set(STATE)
    pack("a.pth", "b.pth")
    with pytest.raises(InputError, match=r"got 2\. It holds a\.pth, b\.pth"):
        read_state(archive)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_state(tmp_path / "nothing.pt")


@pytest.mark.parametrize("material", MATERIAL)
def test_legacy_checkpoint(material: str, tmp_path: Path) -> None:
    path = REAL / "lwnet_wnet_drive" / "model_checkpoint.pth"
    if material == "made":
        path = tmp_path / "legacy.pth"
        network = WNet()
        content = {
            "epoch": 3,
            "stats": {"auc": 0.98},
            "model_state_dict": network.state_dict(),
            "optimizer_state_dict": torch.optim.Adam(network.parameters()).state_dict(),
        }
        torch.save(content, path, _use_new_zipfile_serialization=False)
    assert not zipfile.is_zipfile(path)
    state = read_state(path)  # recognised: model_state_dict beside optimizer_state_dict
    assert "unet1.first.block.0.weight" in state
    assert unsafe_globals(path) == []


@pytest.mark.parametrize(
    "name", ["../out.txt", "/abs.txt", "a/../../out.txt", "..\\out.txt", "C:/x"]
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_no_path_escapes_an_archive(name: str, kind: str, tmp_path: Path) -> None:
    archive = tmp_path / f"a.{kind}"
    source = tmp_path / "source.txt"
    source.write_text("x")
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as content:
            content.write(source, "fine.txt")
            content.writestr(zipfile.ZipInfo(name), "evil")
    else:
        with tarfile.open(archive, "w") as content_tar:
            content_tar.add(source, "fine.txt")
            content_tar.addfile(tarfile.TarInfo(name))
    folder = tmp_path / "deep" / "er" / "out"
    with pytest.raises(InputError, match="outside the folder"):
        unpack(archive, folder)
    assert not folder.exists()
    assert not list(tmp_path.rglob("out.txt"))


def test_links_in_archives_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as content:
        info = tarfile.TarInfo("link")
        info.type = tarfile.SYMTYPE
        info.linkname = "/etc/passwd"
        content.addfile(info)
    with pytest.raises(InputError, match="a link"):
        unpack(archive, tmp_path / "out")


def test_archives_unpack(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("d/w.txt", "hello")
    assert [p.read_text() for p in unpack(archive, tmp_path / "out")] == ["hello"]
    with pytest.raises(InputError, match="new or empty"):
        unpack(archive, tmp_path / "out")
    with pytest.raises(InputError, match="more than 3"):
        unpack(archive, tmp_path / "out2", max_bytes=3)


@pytest.mark.parametrize("packed", [False, True])
def test_a_key_of_nested_tuples_is_refused(packed: bool, tmp_path: Path) -> None:
    """Python takes its hash without counting how deep it goes, and ends."""
    bomb = b"\x80\x02})" + b"\x85" * 1_000_000 + b"Ns."  # {((((...)))): None}
    path = tmp_path / "w.pth"
    path.write_bytes(bomb)
    if packed:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("w/data.pkl", bomb)
            archive.writestr("w/version", "3\n")
    with pytest.raises(InputError, match="nests tuples more than 100 deep"):
        read_state(path)
    assert "nests tuples more than 100 deep" in (damage(path) or "")
    torch.save({"a": ((((1,),),),)}, path, _use_new_zipfile_serialization=packed)
    assert damage(path) is None


def test_an_archive_in_an_archive_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that holds itself would be opened without an end."""
    monkeypatch.setenv("SAM4MIS_CACHE", str(tmp_path / "cache"))
    inner, outer = tmp_path / "w.pth", tmp_path / "w.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("w.pth", b"x")
    with zipfile.ZipFile(outer, "w") as archive:
        archive.write(inner, "w.pth")
    with pytest.raises(InputError, match="expected weights in the archive, got a zip archive in"):
        read_state(outer)
