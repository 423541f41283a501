"""The benchmarks compare like with like: both sides of a ratio give the same numbers."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from benchmarks import encoder, gpu, loops
from benchmarks.__main__ import SUITES
from benchmarks.gpu import encoder_flop


def test_every_suite_can_be_run() -> None:
    for name in SUITES:
        assert callable(importlib.import_module(f"benchmarks.{name}").run)


def test_ours_and_the_papers_loop_give_the_same_dice(real: Path, tmp_path: Path) -> None:
    """All scenarios on a tiny network: float32 equal up to a pixel at the boundary."""
    assert real.is_dir()
    options = {
        "variant": "tiny",
        "device": "cpu",
        "precision": "float32",
        "images": 2,
        "slices": 3,
        "work": str(tmp_path),
    }
    theirs, ours = loops.papers_loop(options), loops.ours(options)
    assert set(theirs) == set(ours) == set(encoder.SCENARIOS)
    for name, work in theirs.items():
        expected = work()
        assert (
            len(expected)
            == {
                "one_box": 2,
                "sixteen_boxes": 32,
                "ten_prompt_sets": 20,
                "stack": 1,
            }[name]
        )
        np.testing.assert_allclose(ours[name](), expected, atol=1e-4)


def test_ratios_by_hand() -> None:
    measured = {
        encoder.BASELINE: {"wall_s": 10.0, "cpu_s": 20.0, "peak_mib": 4000, "outcome": [0.5, 0.7]},
        "ours": {"wall_s": 4.0, "cpu_s": 5.0, "peak_mib": 1000, "outcome": [0.5, 0.69]},
    }
    found = encoder.compare(measured)
    assert found["ratios"] == {"ours": 2.5}
    assert found["cpu_ratios"] == {"ours": 4.0}
    assert found["memory"] == {"ours": 0.25}
    assert found["dice_difference"]["ours"] == pytest.approx(0.01)


def test_work_of_the_encoder_by_hand() -> None:
    """ViT-B: 12 blocks of 77.3 GFLOP in linear layers, 4 of 51.5 in global attention, and so on."""
    assert encoder_flop("vit_b") == pytest.approx(
        12 * 2 * 4096 * (4 * 768**2 + 2 * 768 * 3072)
        + 4 * 4 * 4096**2 * 768
        + 8 * 4 * 25 * 196**2 * 768
        + 2 * 4096 * 256 * (768 + 9 * 256)
        + 2 * 4096 * 768 * 768
    )


def test_a_card_is_measured_as_far_as_the_time_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU with a tiny network: what there is no time for is listed, the rest has rates."""
    monkeypatch.setattr(gpu, "surfaces", lambda device: {"ours_s": 0.1})
    monkeypatch.setattr(gpu, "whole_model", lambda adapter, variant, device: {"per_s": 2.0})
    monkeypatch.setattr(gpu, "matrix_rate", lambda device: 1e9)
    monkeypatch.setattr(gpu, "REAL", Path("/nowhere"))

    def no_memory(*_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(gpu, "scaling", no_memory)
    found = gpu.run(lambda _: None, True, "cpu", ("tiny",), (("sam", "vit_b"), ("samed", "vit_b")))
    assert found["rates"] == [
        {"adapter": "sam", "checkpoints": ["sam-vit-b"], "per_s": 2.0},
        {"adapter": "samed", "checkpoints": [], "per_s": 2.0},
    ]
    assert "out of memory" in found["not_measured"]["scaling_tiny"]
    assert "not here" in found["not_measured"]["loop_tiny"]
    monkeypatch.setattr(gpu, "MINUTES", -1)
    assert gpu.run(lambda _: None, True, "cpu", ("tiny",))["rates"] == []
