"""A run is a function of its inputs: the same on every processor, in any order, taken up or not.

Counts are compared exactly. That can be asked of any machine because no pixel of these phantoms
lies near the threshold, which the first test says; floats are compared within `ROUNDING`.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from running_bundle import QUIET, Bundle, bundle

from catalog.errors import UsageError
from catalog.records import Result
from reproduce.asking.replay import read_prompts
from reproduce.contracts import Grid, Plane, Prediction, Prompt
from reproduce.models.promptable import Encoded
from reproduce.models.sam_model import SamModel
from reproduce.running.engine import execute, worker_command
from reproduce.running.results import merged_table, read_records
from reproduce.running.worker import Worker
from reproduce.runs.spec import Plan, shards_of
from reproduce.statistics import read_statistics
from reproduce.statistics.parity import ROUNDING, difference

CASES = 12
BATCH = 3
MARGIN = 1e-3  # logits; other instruction sets move them by 3e-5 (measured: SSE, AVX2, AVX-512)

# A processor without vector instructions, as far as torch, oneDNN and MKL can be told.
PLAIN_PROCESSOR = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "DNNL_MAX_CPU_ISA": "SSE41",
    "MKL_CBWR": "COMPATIBLE",
}


@pytest.fixture(scope="module")
def embeddings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("embeddings")


@pytest.fixture(scope="module")
def reference(
    root: Path, tmp_path_factory: pytest.TempPathFactory, embeddings: Path
) -> tuple[Path, Result]:
    """One uninterrupted run in this process: one thread, images encoded one by one."""
    out = tmp_path_factory.mktemp("reference")
    return bundle(root, CASES).run(out, gate=True, embeddings=str(embeddings))


def table(folder: Path) -> pa.Table:
    return read_statistics(folder / "statistics.parquet")


def test_no_pixel_is_near_the_threshold(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nearest: list[float] = []
    proper = SamModel.predict

    def watched(
        model: SamModel, embedding: Encoded, prompts: Sequence[Prompt], grid: Grid
    ) -> Prediction:
        found = proper(model, embedding, prompts, grid)
        nearest.append(float(found.scores.abs().min()))
        return found

    monkeypatch.setattr(SamModel, "predict", watched)
    folder, _ = bundle(root, CASES).run(tmp_path)
    assert len(nearest) == asked_about(folder) > CASES / 2
    assert min(nearest) > MARGIN


def test_threads_change_no_count(
    root: Path, reference: tuple[Path, Result], tmp_path: Path
) -> None:
    folder, result = bundle(root, CASES).run(tmp_path, threads=2)
    assert result.run == reference[1].run
    found = difference(table(reference[0]), table(folder))
    assert found is not None
    assert found.same, str(found)


def test_another_processor_changes_no_count(
    root: Path, reference: tuple[Path, Result], embeddings: Path, tmp_path: Path
) -> None:
    """Another process with the instructions of another processor and other threads; embeddings
    that were made here are none of its own."""
    made = bundle(root, CASES)
    folder, _ = made.plan(tmp_path, threads=3, embeddings=str(embeddings))
    subprocess.run(
        worker_command(folder, "cpu"),
        env=os.environ | PLAIN_PROCESSOR,
        check=True,
        capture_output=True,
    )
    records = read_records(folder, made.spec)
    seen = records[0].environment["torch"]
    assert seen["threads"] == 3
    if platform.machine() == "x86_64":
        assert seen["cpu_capability"] == "DEFAULT"
    assert records[-1].embeddings == {"hits": 0, "misses": asked_about(folder)}
    found = difference(table(reference[0]), merged_table(folder, made.spec, records))
    assert found is not None
    assert found.same, str(found)


def test_a_batch_is_another_run_with_the_same_counts(
    root: Path, reference: tuple[Path, Result], tmp_path: Path
) -> None:
    folder, result = bundle(root, CASES, batch=BATCH).run(tmp_path, gate=True)
    assert result.run != reference[1].run
    assert Plan.read(folder).spec.batch == result.protocol["batch"] == BATCH
    found = difference(table(reference[0]), table(folder))
    assert found is not None
    assert found.same, str(found)
    (gate,) = [check for check in result.checks if check.name == "batch-parity"]
    assert gate.passed
    assert f"1 case(s), batch 1 against {BATCH}: identical counts" in (gate.detail or "")


# -------------------------------------------------- an encoder that depends on its whole batch


@pytest.fixture
def mixing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every embedding is shifted by what the images of its batch have in common."""
    proper = SamModel.encode

    def mixed(model: SamModel, planes: Sequence[Plane]) -> list[Encoded]:
        by = float(np.mean([plane.image.mean() for plane in planes])) / 255
        return [replace(e, features=e.features + by) for e in proper(model, planes)]

    monkeypatch.setattr(SamModel, "encode", mixed)


def finish(made: Bundle, folder: Path) -> bytes:
    """Work off what is left of a run, with its gates; the bytes of its statistics."""
    result = execute(folder, Plan.read(folder), [made.item], QUIET)
    gates = {check.name: check for check in result.checks}
    assert gates["deterministic-rerun"].passed, "gates try whole batches of the plan"
    return (folder / "statistics.parquet").read_bytes()


def asked_about(folder: Path) -> int:
    """Images with something to segment; no other goes through the encoder."""
    return len({prompt.case for prompt in read_prompts(folder / "prompts.json")})


@pytest.mark.usefixtures("mixing")
def test_what_goes_through_the_encoder_together_is_the_plans(root: Path, tmp_path: Path) -> None:
    """At once, taken up, shards in another order, and with some embeddings kept from before: the
    same bits, although each embedding depends on its companions."""
    made = bundle(root, CASES, batch=BATCH)
    assert [len(shard.cases) for shard in shards_of(made.spec)] == [9, 3], "whole batches"
    kept = tmp_path / "embeddings"
    folder, _ = made.plan(tmp_path / "at-once", embeddings=str(kept))
    expected = finish(made, folder)
    entries = sorted(kept.rglob("*.pt"))
    assert len(entries) == asked_about(folder)
    for entry in entries[::2]:
        entry.unlink()
    folder, _ = made.plan(tmp_path / "some-kept", embeddings=str(kept))
    assert finish(made, folder) == expected
    folder, _ = made.plan(tmp_path / "backwards")
    for shard in (1, 0):
        assert Worker(folder).work(only=shard) == 1
    assert finish(made, folder) == expected
    folder, _ = made.plan(tmp_path / "taken-up")
    assert Worker(folder).work(only=0) == 1
    assert finish(made, folder) == expected
    alone = bundle(root, CASES)
    folder, _ = alone.plan(tmp_path / "alone")
    assert finish(alone, folder) != expected, "the encoder does depend on its batch"


def test_another_kind_of_device_is_another_run(root: Path, tmp_path: Path) -> None:
    folder, _ = bundle(root, 1).plan(tmp_path)
    with pytest.raises(UsageError, match="a run on cpu"):
        Worker(folder, "cuda:1")


# ----------------------------------------------------------------------------- by how much


def rows(**changes: list[Any]) -> pa.Table:
    """Two rows of one image: 100 pixels each."""
    facts: dict[str, list[Any]] = {
        "case": ["a", "a"],
        "label": ["x", "y"],
        "scope": ["image"] * 2,
        "slice": [None] * 2,
        "object": [0] * 2,
        "round": [0] * 2,
        "seed": [0] * 2,
        "threshold": [0.5] * 2,
        "candidate": [0] * 2,
        "tp": [30, 0],
        "fp": [10, 0],
        "fn": [10, 0],
        "tn": [50, 100],
        "predicted_iou": [0.7, None],
    }
    return pa.table(facts | changes)


def test_difference_by_hand() -> None:
    same = difference(rows(), rows(predicted_iou=[0.7 + ROUNDING / 2, None]))
    assert same is not None
    assert same.same
    assert str(same) == "identical counts, predicted IoU within 5e-05"
    moved = difference(rows(), rows(tp=[28, 0], fn=[12, 0], predicted_iou=[0.7, None]))
    assert moved is not None
    assert not moved.same
    assert (moved.rows, moved.moved, moved.pixels) == (2, 1, 2)
    assert moved.dice == pytest.approx(60 / 80 - 56 / 78)
    assert str(moved) == "1 of 2 rows differ by up to 2 pixel(s), Dice by up to 3.21e-02"
    rounded = difference(rows(), rows(predicted_iou=[0.7 + 2 * ROUNDING, None]))
    assert rounded is not None
    assert not rounded.same
    assert difference(rows(), rows(label=["x", "z"])) is None
    assert difference(rows()[:0], rows()[:0]).same  # type: ignore[union-attr]  # the same rows: none
