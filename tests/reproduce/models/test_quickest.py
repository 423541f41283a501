"""`--precision auto`: what is quickest on this machine, measured once and kept with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reproduce.models import quickest


def test_the_quicker_precision_is_chosen_and_float32_where_little_is_gained() -> None:
    assert quickest.choice({"float32": 1.0, "bfloat16": 0.5}) == "bfloat16"
    assert quickest.choice({"float32": 1.0, "bfloat16": 2.2}) == "float32"
    assert quickest.choice({"float32": 1.0, "bfloat16": 0.95}) == "float32"


def test_a_machine_is_measured_once_and_another_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAM4MIS_CACHE", str(tmp_path / "cache"))
    answers = iter([{"float32": 1.0, "bfloat16": 0.4}, {"float32": 1.0, "bfloat16": 3.0}])
    monkeypatch.setattr(quickest, "measured", lambda device: next(answers))
    monkeypatch.setattr(quickest, "arithmetic", lambda device: ["torch", "one processor"])
    first = quickest.quickest("cpu")
    assert first.chosen == "bfloat16"
    assert "bfloat16 0.400 s" in first.words()
    assert "one processor" in first.words()
    assert quickest.quickest("cpu") == first
    monkeypatch.setattr(quickest, "arithmetic", lambda device: ["torch", "another"])
    assert quickest.quickest("cpu").chosen == "float32"
    (tmp_path / "cache" / "precision.json").write_text("{", "utf-8")
    answers = iter([{"float32": 1.0, "bfloat16": 0.1}])
    assert quickest.quickest("cpu").chosen == "bfloat16"


def test_both_precisions_are_measured_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quickest, "REPEATS", 2)
    seconds = quickest.measured("cpu")
    assert set(seconds) == {"float32", "bfloat16"}
    assert min(seconds.values()) > 0
