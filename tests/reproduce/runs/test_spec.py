"""What a run is: its id, of its inputs alone, and plan files of other versions."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest
from running_bundle import bundle

from catalog.errors import InputError
from reproduce.runs.spec import Plan, shards_of


def test_run_id_is_of_inputs_only(root: Path) -> None:
    first, second = bundle(root, 3), bundle(root, 3)
    assert first.spec.run_id() == second.spec.run_id()
    second.spec.title, second.spec.claims = "other", []
    assert first.spec.run_id() == second.spec.run_id()
    for name, value in (
        ("precision", "bfloat16"),
        ("device", "cuda"),
        ("batch", 2),
        ("grid", "model_input"),
        ("thresholds", [0.4]),
        ("prompt_sha256", "0" * 64),
        ("adapter_version", 99),
        ("cases", first.spec.cases[:2]),
    ):
        changed = msgspec.structs.replace(first.spec, **{name: value})
        assert changed.run_id() != first.spec.run_id(), name
    checkpoint = msgspec.structs.replace(first.spec.checkpoints[0], sha256="0" * 64)
    changed = msgspec.structs.replace(first.spec, checkpoints=[checkpoint])
    assert changed.run_id() != first.spec.run_id()


def test_plan_of_another_version_is_no_plan(tmp_path: Path, root: Path) -> None:
    folder, _ = bundle(root, 1).plan(tmp_path)
    text = (folder / "plan.json").read_text().replace("run/2", "run/0")
    (folder / "plan.json").write_text(text)
    with pytest.raises(InputError, match="expected the plan of a run of this version"):
        Plan.read(folder)


def test_class_numbers_as_keys_are_the_run_they_are_after_a_file(root: Path) -> None:
    """Options from YAML have numbers as keys; those that a worker reads from plan.json have text.
    The ids of runs without such keys are what they were."""
    spec = msgspec.structs.replace(
        bundle(root, 2).spec, dataset_options={"labels": {2: "b", 1: "a"}, "window": [0, 1]}
    )
    read = msgspec.json.decode(msgspec.json.encode(spec), type=type(spec))
    assert set(read.dataset_options["labels"]) == {"1", "2"}
    assert read.run_id() == spec.run_id()
    assert [s.name for s in shards_of(read)] == [s.name for s in shards_of(spec)]
    other = msgspec.structs.replace(spec, dataset_options={"labels": {2: "a", 1: "b"}})
    assert other.run_id() != spec.run_id()
    plain = bundle(root, 2).spec
    identity = msgspec.json.encode(plain.identity(), order="deterministic")
    assert plain.run_id().endswith(hashlib.sha256(identity).hexdigest()[:16])


def test_the_first_rule_of_run_ids_stays(root: Path) -> None:
    """run/1 knew neither device nor batch: runs published by it keep their id."""
    spec = msgspec.structs.replace(bundle(root, 2).spec, schema="run/1")
    other = msgspec.structs.replace(spec, batch=4, device="cuda")
    assert other.run_id() == spec.run_id() != bundle(root, 2).spec.run_id()
    assert {"batch", "device"}.isdisjoint(spec.identity())


def test_old_runs_keep_their_id_and_a_grid_changes_it(root):
    spec = bundle(root, 1).spec
    before = msgspec.structs.replace(spec, schema="run/1")
    assert "prompt_grid" not in before.identity()
    other = msgspec.structs.replace(spec, prompt_grid="model_input")
    assert other.run_id() != spec.run_id()
