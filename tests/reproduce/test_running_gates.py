"""Each gate of a run fails when what it guards is broken, and then no verdict is given.

The shipped small SAM runs on phantoms; one property of the loaded model is spoilt on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from running_bundle import bundle

from catalog.errors import InputError
from catalog.records import Check, Result
from reproduce.checkpoints import loading
from reproduce.judging.verdict import gates
from reproduce.models.sam_model import SamModel
from reproduce.running.engine import RESULT

CASES = 2


def run(root: Path, out: Path, **changes: Any) -> Result:
    _, result = bundle(root, CASES, **changes).run(out, gate=True)
    return result


def gate(result: Result, name: str) -> Check:
    (check,) = [check for check in result.checks if check.name == name]
    return check


def shifted(embeddings: Sequence[Any], by: float) -> list[Any]:
    """The same embeddings with `by` deviations of noise added, another noise every time."""
    return [
        replace(e, features=e.features + by * e.features.std() * torch.randn_like(e.features))
        for e in embeddings
    ]


@pytest.fixture
def encode(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replace `SamModel.encode` by a function of (model, images, the proper encode)."""
    proper = SamModel.encode

    def spoil(by: Any) -> None:
        monkeypatch.setattr(
            SamModel, "encode", lambda self, images: by(self, images, lambda: proper(self, images))
        )

    return spoil


def decides_nothing(result: Result, name: str) -> None:
    assert not gate(result, name).passed
    assert name in {check.name for check in gates(result) if not check.passed}


def test_an_encoder_that_depends_on_its_batch_is_seen(root, tmp_path, encode) -> None:
    encode(lambda _, images, proper: shifted(proper(), 1.0) if len(images) > 1 else proper())
    result = run(root, tmp_path)
    decides_nothing(result, "batch-parity")
    assert gate(result, "deterministic-rerun").passed, "single images are left alone"
    assert gate(result, "batch-parity").value > 5e-4


def test_a_model_that_draws_lots_is_seen(root, tmp_path, encode) -> None:
    encode(lambda _, images, proper: shifted(proper(), 1.0))
    decides_nothing(run(root, tmp_path), "deterministic-rerun")


def test_an_encoder_that_lower_precision_breaks_is_seen(root, tmp_path, encode) -> None:
    torch.manual_seed(0)
    noise: list[torch.Tensor] = []

    def broken(model: SamModel, _: Any, proper: Any) -> list[Any]:
        found = proper()
        if model.dtype == "float32":
            return found
        if not noise:  # the same every time, so that only fidelity is hurt
            noise.append(torch.randn_like(found[0].features))
        return [replace(e, features=e.features + e.features.std() * noise[0]) for e in found]

    encode(broken)
    result = run(root, tmp_path, precision="bfloat16")
    decides_nothing(result, "fidelity")
    assert gate(result, "deterministic-rerun").passed
    assert gate(result, "batch-parity").passed
    assert "allowed 5e-03" in gate(result, "fidelity").detail


def test_keys_that_do_not_fit_never_give_a_result(root, tmp_path, monkeypatch) -> None:
    """Strict loading is what `exact-keys` stands for: with one key less there is no run at all."""
    read = loading.read_parts

    def lacking(parts: Any) -> dict[str, Any]:
        state = dict(read(parts))
        state.pop(next(iter(state)))
        return state

    monkeypatch.setattr(loading, "read_parts", lacking)
    with pytest.raises(InputError, match="1 missing"):
        run(root, tmp_path)
    assert not list(tmp_path.rglob(RESULT))
