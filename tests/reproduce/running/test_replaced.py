"""What is replaced between planning and working off makes no result under the old hashes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from running_bundle import WEIGHTS, Bundle, project_root, write_phantoms

from catalog.errors import InputError
from catalog.registry import Registry
from reproduce.obtaining.weights import obtain_all
from reproduce.planning.recipes import Request, build_spec, find_claims, recipe
from reproduce.running.results import read_records
from reproduce.running.worker import Worker
from reproduce.runs.spec import Plan
from reproduce.statistics import read_statistics, write_statistics


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of two pictures that is planned and waits; its data and weights lie beside it."""
    root = project_root(tmp_path, monkeypatch, dataset="folder", split="all")
    data, weights = write_phantoms(tmp_path / "data", 2), tmp_path / "weights.safetensors"
    shutil.copy(WEIGHTS, weights)
    ((project, claim),) = find_claims(Registry.load(root), "selftest/phantom-dice")
    item = recipe(project, claim, Request(data=data))
    spec, prompts, _ = build_spec([item], data, [weights])
    place = {"data": str(data), "checkpoints": [str(weights)]}
    folder, _ = Bundle(root, item, spec, prompts).plan(tmp_path / "runs", **place)
    return folder


def mirrored(path: Path) -> None:
    Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path)


def other_weights(path: Path) -> None:
    from safetensors.torch import load_file, save_file

    save_file({name: tensor + 1e-3 for name, tensor in load_file(path).items()}, path)


@pytest.mark.parametrize(
    ("name", "replace"),
    [
        ("data/images/p0.png", mirrored),
        ("data/masks/p2.png", mirrored),
        ("weights.safetensors", other_weights),
    ],
)
def test_a_file_that_was_replaced_is_not_taken_for_the_planned_one(
    begun: Path, tmp_path: Path, name: str, replace: Callable[[Path], None]
) -> None:
    path = tmp_path / name
    kept = path.read_bytes()
    replace(path)
    if name.startswith("data"):
        Worker(begun).work()
        (record,) = (begun / "shards").glob("*.json")
        failed = json.loads(record.read_text("utf-8"))["failed"]
        assert list(failed) == [path.stem]
        assert "replaced after the run was planned" in failed[path.stem]
        return
    with pytest.raises(InputError, match="replaced after the run was planned"):
        Worker(begun).work()
    path.write_bytes(kept)
    assert Worker(begun).work() == 1


def test_other_prompts_than_the_planned_ones_are_refused(begun: Path) -> None:
    path = begun / "prompts.json"
    head, *lines = path.read_text("utf-8").splitlines()
    prompt = json.loads(lines[-1])
    box = next(name for name in prompt if name.startswith("box"))
    prompt[box][0][-1] += 1
    path.write_text("\n".join([head, *lines[:-1], json.dumps(prompt)]) + "\n", "utf-8")
    with pytest.raises(InputError, match=r"prompts\.json: expected the file with sha256"):
        Worker(begun).work()


def test_weights_that_were_replaced_in_the_cache_are_not_planned_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project_root(tmp_path, monkeypatch, dataset="folder", split="all")
    data, weights = write_phantoms(tmp_path / "data", 1), tmp_path / "cache/manual/w.safetensors"
    weights.parent.mkdir(parents=True)
    shutil.copy(WEIGHTS, weights)
    ((project, claim),) = find_claims(Registry.load(root), "selftest/phantom-dice")
    item = recipe(project, claim, Request(data=data))
    (kept,) = obtain_all(project.slug, item.checkpoints)
    kept.chmod(0o644)
    other_weights(kept)
    assert obtain_all(project.slug, item.checkpoints) == [kept], "its name says the hash it had"
    with pytest.raises(InputError, match="not the checkpoint sam-phantom any more"):
        build_spec([item], data, [kept])


def test_a_finished_shard_is_the_one_that_the_run_left(begun: Path) -> None:
    """Statistics of other weights in its place were "reproduced, class A", the gates kept."""
    Worker(begun).work()
    spec = Plan.read(begun).spec
    (record,), (table,) = ((begun / "shards").glob(f"*.{end}") for end in ("json", "parquet"))
    assert len(read_records(begun, spec)) == 1
    kept, own = table.read_bytes(), record.read_text("utf-8")
    rows = read_statistics(table)
    write_statistics(table, rows.slice(1))
    with pytest.raises(InputError, match=f"Delete {record.name}"):
        read_records(begun, spec)
    table.write_bytes(kept)
    record.write_text(json.dumps({**json.loads(own), "name": "0" * 16}), "utf-8")
    with pytest.raises(InputError, match=f"Delete {record.name}"):
        read_records(begun, spec)


def test_what_was_not_replaced_runs_to_the_end(begun: Path) -> None:
    assert Worker(begun).work() == 1
    (record,) = (begun / "shards").glob("*.json")
    assert json.loads(record.read_text("utf-8"))["failed"] == {}
