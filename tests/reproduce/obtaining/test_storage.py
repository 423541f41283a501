"""The embedding cache keeps its limit; what is cached is listed and removed."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock
from numpy.typing import NDArray
from typer.testing import CliRunner

from catalog.errors import UsageError
from reproduce.asking.embeddings import LIMIT, EmbeddingCache, entries, limit_bytes, make_room
from reproduce.cli import app
from reproduce.contracts import Plane, PlaneModel
from reproduce.obtaining import storage

FLOATS = 25_000  # of one embedding: 100 kB, and about 1 kB around it


class Encoder(PlaneModel):
    """Turns an image into its mean, FLOATS times; counts the images it saw."""

    seen = 0

    def preprocessing_id(self) -> str:
        return "mean"

    def encode(self, planes: Sequence[Plane]) -> list[Any]:
        self.seen += len(planes)
        return [torch.full((FLOATS,), float(plane.image.mean())) for plane in planes]


def image(value: int) -> NDArray[np.uint8]:
    return np.full((4, 4, 3), value, np.uint8)


def cache(root: Path, limit: int) -> tuple[EmbeddingCache, Encoder]:
    encoder = Encoder()
    return EmbeddingCache(root, "0" * 64, encoder, "cpu", limit), encoder


def total(root: Path) -> int:
    return sum(size for _, size, _ in entries(root))


def test_embeddings_never_take_more_than_the_limit(tmp_path: Path) -> None:
    kept, encoder = cache(tmp_path, 1_000_000)
    for value in range(40):
        kept.encode(encoder, [Plane(image(value))])
        assert total(tmp_path) <= 1_000_000
    assert total(tmp_path) > 700_000  # room is made, not everything removed
    assert encoder.seen == 40


def test_what_was_used_last_stays(tmp_path: Path) -> None:
    kept, encoder = cache(tmp_path, 1_000_000)
    for value in range(9):
        kept.encode(encoder, [Plane(image(value))])
    for index, (_, _, path) in enumerate(entries(tmp_path)):
        os.utime(path, (index, index))
    kept.encode(encoder, [Plane(image(0))])
    first = kept._paths([Plane(image(0))])[0]
    assert entries(tmp_path)[-1][2] == first  # read just now
    for value in range(100, 103):
        kept.encode(encoder, [Plane(image(value))])
    assert first.is_file()
    before = encoder.seen
    (found,) = kept.encode(encoder, [Plane(image(0))])
    assert encoder.seen == before
    assert float(found[0]) == 0


def test_what_another_process_removed_is_made_again(tmp_path: Path) -> None:
    kept, encoder = cache(tmp_path, 1_000_000)
    (before,) = kept.encode(encoder, [Plane(image(7))])
    kept._paths([Plane(image(7))])[0].unlink()
    (after,) = kept.encode(encoder, [Plane(image(7))])
    assert torch.equal(before, after)
    assert encoder.seen == 2


def test_an_entry_larger_than_the_limit_is_not_kept(tmp_path: Path) -> None:
    kept, encoder = cache(tmp_path, 50_000)
    kept.encode(encoder, [Plane(image(1))])
    assert entries(tmp_path) == []


def test_only_one_process_makes_room(tmp_path: Path) -> None:
    kept, encoder = cache(tmp_path, 1_000_000)
    kept.encode(encoder, [Plane(image(1))])
    with FileLock(tmp_path / ".making-room.lock"):
        assert make_room(tmp_path, 10) == 0
    assert make_room(tmp_path, 10) > 100_000
    assert entries(tmp_path) == []


def busy(root: str, number: int) -> None:
    torch.set_num_threads(1)
    kept, encoder = cache(Path(root), 1_500_000)
    for turn in range(60):
        value = (turn * (number + 1)) % 40
        (found,) = kept.encode(encoder, [Plane(image(value))])
        assert float(found[0]) == value


def test_several_processes_share_it(tmp_path: Path) -> None:
    """Three processes write, read and make room at once: all answers are right."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=busy, args=(str(tmp_path), n)) for n in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    make_room(tmp_path, 1_500_000)
    assert total(tmp_path) <= 1_500_000
    assert not list(tmp_path.rglob("*.part"))


def test_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LIMIT, raising=False)
    assert limit_bytes() == 20 * 2**30
    monkeypatch.setenv(LIMIT, "0.5")
    assert limit_bytes() == 2**29
    for wrong in ("much", "-1", "inf", "nan"):
        monkeypatch.setenv(LIMIT, wrong)
        with pytest.raises(UsageError, match=f"{LIMIT}={wrong}: expected a number of GiB"):
            limit_bytes()


# ------------------------------------------------------------------------------- the command


@pytest.fixture
def filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    """A cache with one file in every part; the weights are those of lwnet by their hash."""
    from catalog.registry import Registry

    monkeypatch.setenv("SAM4MIS_ROOT", str(root))
    monkeypatch.setenv("SAM4MIS_CACHE", str(tmp_path))
    lwnet = next(p for p in Registry.load(root).projects if p.slug == "lwnet")
    sha256 = next(c.sha256 for c in lwnet.checkpoints or [] if c.sha256)
    for place, size in (
        (f"weights/{sha256}/model.pth", 2000),
        ("embeddings/aa/bb/cc/x.pt", 300),
        ("partial/abc.part", 40),
        ("partial/abc.part.etag", 4),
        ("manual/dropped.pth", 5),
        ("data/drive/image.tif", 6),
    ):
        path = tmp_path / place
        path.parent.mkdir(parents=True) if not path.parent.is_dir() else None
        path.write_bytes(b"x" * size)
    return tmp_path


def ask(*words: str) -> Any:
    done = CliRunner().invoke(app, ["cache", *words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done


def test_what_is_kept_is_listed_with_whose_it_is(filled: Path) -> None:
    told = json.loads(ask("--json").stdout)
    assert told["folder"] == str(filled)
    sizes = {entry["part"]: entry["bytes"] for entry in told["kept"]}
    assert sizes == {"weights": 2000, "embeddings": 300, "downloads": 44, "manual": 5, "data": 6}
    assert told["kept"][0]["projects"] == ["lwnet"]
    assert "lwnet" in ask().stdout


def test_parts_are_removed_and_what_the_user_brought_is_not(filled: Path) -> None:
    done = ask("--clear", "embeddings", "--clear", "downloads", "--dry-run")
    assert "would remove 3 files, 344 B" in done.stdout
    assert (filled / "partial" / "abc.part").is_file()
    done = ask("--clear", "embeddings", "--clear", "downloads", "--json")
    assert json.loads(done.stdout) == {"files": 3, "bytes": 344, "removed": True}
    assert [kept.part for kept in storage.kept()] == ["weights", "manual", "data"]
    ask("--clear", "weights")
    assert [kept.part for kept in storage.kept()] == ["manual", "data"]
    with pytest.raises(UsageError, match="expected one of weights, embeddings, downloads"):
        ask("--clear", "data")


def test_a_download_that_goes_on_is_left_alone(filled: Path) -> None:
    with FileLock(filled / "partial" / "abc.lock"):
        assert storage.clear(["downloads"]) == (0, 0)
    assert storage.clear(["downloads"]) == (2, 44)
