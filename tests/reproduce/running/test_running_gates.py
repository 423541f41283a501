"""Each gate of a run fails when what it guards is broken, and then no verdict is given.

The shipped small SAM runs on phantoms; one property of the loaded model is spoilt on purpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from running_bundle import QUIET, bundle

from catalog.errors import InputError
from catalog.records import Check, Result
from reproduce.asking.kept import bytes_of
from reproduce.checkpoints import loading
from reproduce.ground.plugins import plugin
from reproduce.judging.verdict import gates
from reproduce.models.sam_model import SamModel
from reproduce.running.engine import RESULT, Execution, execute
from reproduce.running.gates import GATES
from reproduce.runs.spec import Plan

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


# ------------------------------------------------------------------------- what a run costs


class Counts:
    """How often cases of the phantoms are read, and how many go through the encoder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: list[str] = []
        self.encoded = 0
        data = type(plugin("datasets", "phantoms"))
        load, encode = data.load, SamModel.encode

        def reading(dataset: Any, case: Any, options: Any) -> Any:
            self.read.append(case.id)
            return load(dataset, case, options)

        def encoding(model: SamModel, planes: Any) -> Any:
            self.encoded += len(planes)
            return encode(model, planes)

        monkeypatch.setattr(data, "load", reading)
        monkeypatch.setattr(SamModel, "encode", encoding)


def test_prompts_run_gates_and_outlines_read_each_case_once(root, tmp_path, monkeypatch) -> None:
    made = Counts(monkeypatch)
    _, result = bundle(root, 8).run(tmp_path, gate=True)
    assert sorted(made.read) == [case["id"] for case in result.inputs["cases"]]
    assert result.contours
    assert all(contours.image for contours in result.contours)


def test_what_has_no_room_is_read_for_the_prompts_and_for_the_run(
    root, tmp_path, monkeypatch
) -> None:
    """The first cases stay, which the gates look at: no case is read a third time."""
    one = plugin("datasets", "phantoms")
    (first,) = one.cases(root, "test", {"count": 1})
    size = bytes_of(one.load(first, {"count": 1}))
    monkeypatch.setenv("SAM4MIS_KEPT_GIB", str(3.5 * size / 2**30))
    made = Counts(monkeypatch)
    bundle(root, 8).run(tmp_path, gate=True)
    times = [made.read.count(name) for name in dict.fromkeys(made.read)]
    assert times == [1, 1, 1, 2, 2, 2, 2, 2]


@pytest.mark.parametrize(("batch", "again"), [(1, 3), (4, 5)])
def test_gates_evaluate_few_cases_again(root, tmp_path, monkeypatch, batch, again) -> None:
    """At most a tenth of a run of 50 cases; nothing is encoded for the outlines."""
    made = Counts(monkeypatch)
    bundle(root, 8, batch=batch).run(tmp_path / "a")
    alone = made.encoded
    made.encoded = 0
    _, result = bundle(root, 8, batch=batch).run(tmp_path / "b", gate=True)
    assert made.encoded - alone <= again <= 50 * 0.1
    assert all(check.passed for check in result.checks)


def test_gates_that_were_tried_are_not_tried_again(root, tmp_path, monkeypatch, capsys) -> None:
    """Killed after the first gate, before the result was written."""
    made = bundle(root, CASES)
    folder, result = made.run(tmp_path, gate=True)
    (folder / RESULT).unlink()
    kept = msgspec.json.decode((folder / GATES).read_bytes())
    del kept["deterministic-rerun"]
    kept["batch-parity"]["detail"] = "kept"
    (folder / GATES).write_bytes(msgspec.json.encode(kept))
    counts = Counts(monkeypatch)
    again = execute(folder, Plan.read(folder), [made.item], Execution())
    assert counts.encoded == 1
    assert gate(again, "batch-parity").detail == "kept"
    assert gate(again, "deterministic-rerun") == gate(result, "deterministic-rerun")
    assert "gates: " in capsys.readouterr().err
    (folder / GATES).write_text("{")
    with pytest.raises(InputError, match=r"gates\.json: expected the gates of a run"):
        execute(folder, Plan.read(folder), [made.item], QUIET)
