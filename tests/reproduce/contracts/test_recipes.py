"""The examples of CONTRIBUTING's recipe for an adapter: put in as one file, checked, run, examined.

Each is copied into the package of adapters as somebody would add it, and its claim is run to a
published result on data that other programs wrote.
"""

from __future__ import annotations

import importlib
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import nibabel
import numpy as np
import pytest
import safetensors.torch
import test_contract
import torch
from PIL import Image

import reproduce.adapters
from catalog.errors import InputError, PrerequisiteError, Sam4misError, UsageError
from catalog.records import Claim, Project
from reproduce.ground.plugins import plugin, plugins
from reproduce.judging import words
from reproduce.judging.examining import examine
from reproduce.planning.recipes import Request, build_spec, keeping, recipe
from reproduce.running.engine import Execution, execute, prepare, publish, run_folder
from reproduce.runs.spec import Placement
from reproduce.statistics import read_statistics

EXAMPLES = Path(__file__).resolve().parents[3] / "reproduce" / "templates"
NAMES = ("plane", "volume", "video")


@pytest.fixture(scope="module", autouse=True)
def added(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The examples among the adapters, each in its one file."""
    folder = tmp_path_factory.mktemp("adapters")
    for name in NAMES:
        shutil.copy(EXAMPLES / f"{name}_example.py", folder)
    reproduce.adapters.__path__.append(str(folder))
    _look_again()
    yield
    reproduce.adapters.__path__.remove(str(folder))
    _look_again()
    for name in NAMES:
        sys.modules.pop(f"reproduce.adapters.{name}_example", None)
    importlib.invalidate_caches()


def _look_again() -> None:
    """Which plugins there are is looked up once in a process."""
    plugins.cache_clear()
    words._here.cache_clear()


@pytest.mark.parametrize("name", NAMES)
def test_an_example_keeps_its_contract(name: str) -> None:
    test_contract.test_a_plugin_says_everything_its_contract_asks("adapters", f"{name}-example")
    test_contract.test_an_adapter_can_be_checked_before_it_runs(f"{name}-example")


# ---------------------------------------------------------------------------------- data


def objects() -> tuple[np.ndarray, np.ndarray]:
    """(6, 40, 50) uint8: a bright block on planes 1 to 4 that moves, in noise; and its mask."""
    values = np.random.default_rng(0).integers(0, 60, (6, 40, 50)).astype(np.uint8)
    mask = np.zeros(values.shape, np.uint8)
    for s in range(1, 5):
        mask[s, 10:24, 8 + s : 30 + s] = 1
    values[mask > 0] += 150
    return values, mask


def written(name: str, folder: Path) -> tuple[str, str]:
    """Data for an example, and the plugin that reads them with the class of the object."""
    values, mask = objects()
    if name == "volume":
        for part, stack in (("imagesTr", values.astype(np.float32)), ("labelsTr", mask)):
            (folder / part).mkdir(parents=True)
            image: Any = nibabel.Nifti1Image(stack.transpose(2, 1, 0), np.diag([1.0, 1, 2, 1]))
            nibabel.save(image, folder / part / "case.nii.gz")
        return "volumes", "1"
    parts = ("images", "masks") if name == "plane" else ("frames/v", "masks/v")
    for part, stack in zip(parts, (values, mask), strict=True):
        (folder / part).mkdir(parents=True)
        for s in range(1, 5):
            Image.fromarray(stack[s]).save(folder / part / f"{s}.png")
    return ("folder" if name == "plane" else "video-folder"), "foreground"


def claimed(name: str, dataset: str, prompts: str) -> tuple[Project, Claim]:
    known = {"evidence": "from-code", "place": "o/r@" + "0" * 40 + ":a.py:1"}
    said = {"metric_profile": "house/1", "preprocessing": "unchanged", "postprocessing": "none"}
    said |= {"prompt_profile": prompts, "grid": "original", "mask_selection": "single"}
    claim = {
        "id": "dice",
        "metric": "dice",
        "value": 1.0,
        "scale": 1,
        "decimals": 2,
        "source": {"place": "table 1"},
        "protocol": {field: {"value": word, **known} for field, word in said.items()}
        | {"threshold": {"value": 0.5, **known}},
        "checkpoint": "w",
        "dataset": dataset,
        "split": "train" if dataset == "volumes" else "all",
        "split_source": "described",
        "n": {},
    }
    project = {
        "slug": f"{name}-example",
        "name": "Example",
        "kind": "method",
        "adapter": f"{name}-example",
        "checkpoints": [{"id": "w", "file": "w.safetensors", "layout": "flat"}],
        "claims": [claim],
    }
    made = msgspec.convert(project, Project, strict=False)
    return made, made.claims[0]


def run(
    name: str, prompts: str, folder: Path, **changes: Any
) -> tuple[Path, list[dict[str, Any]], str]:
    """The published folder of a run, its rows, and the class they are of."""
    dataset, label = written(name, folder / "data")
    weights = folder / "w.safetensors"
    safetensors.torch.save_file(
        {"weight": torch.tensor([0.1]), "bias": torch.tensor([-10.0])}, weights
    )
    project, claim = claimed(name, dataset, prompts)
    (item,) = keeping([recipe(project, claim, Request(**changes))])
    spec, asked, _ = build_spec([item], folder / "data", [weights])
    runs = run_folder(folder / "runs", spec)
    placement = Placement(data=str(folder / "data"), checkpoints=[str(weights)], command="test")
    result = execute(runs, prepare(runs, spec, placement, asked), [item], Execution(quiet=True))
    assert result.status == "complete", result.reason
    assert all(check.passed for check in result.checks), result.checks
    target = publish(runs, folder / "published")
    rows = read_statistics(target / "statistics.parquet").to_pylist()
    return target, rows, label


@pytest.mark.parametrize(
    ("name", "prompts"),
    [
        ("plane", "box-tight/1"),
        ("volume", "box-solid/1"),
        ("volume", "box-solid-then-clicks/1"),
        ("video", "box-largest-plane/1"),
    ],
)
def test_an_example_runs_to_a_result_that_is_accepted(
    name: str, prompts: str, tmp_path: Path
) -> None:
    target, rows, _ = run(name, prompts, tmp_path)
    assert examine(target) == []
    rounds = plugin("prompts", prompts.partition("/")[0]).rounds
    assert {row["round"] for row in rows} == set(range(rounds))
    last = [row for row in rows if row["round"] == rounds - 1 and row["scope"] != "slice"]
    dice = [2 * r["tp"] / (2 * r["tp"] + r["fp"] + r["fn"]) for r in last]
    assert min(dice) > 0.95, "the block is brighter than anything around it"
    if rounds > 1:
        before = [row for row in rows if row["round"] == 0 and row["scope"] == "volume"]
        mended = sum(r["fn"] for r in before) - sum(r["fn"] for r in last)
        assert mended == len(last) * (rounds - 1), "every click mends its voxel"


def test_a_run_of_several_rounds_in_3d_is_replayed_with_the_same_counts(tmp_path: Path) -> None:
    target, rows, _ = run("volume", "box-solid-then-clicks/1", tmp_path / "first")
    again, same, _ = run("volume", "box-tight/1", tmp_path / "again", replay=target)
    assert again.name != target.name
    assert same == rows
    assert examine(again) == []


# ----------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("name", "prompts", "told"),
    [
        (
            "plane",
            "box-solid/1",
            "sees one plane at a time, and the prompts of box-solid",
        ),
        ("plane", "clicks-5/1", "was trained for box prompts, not for point"),
        ("plane", "box-then-clicks/1", "was trained for box prompts, not for point"),
        ("plane", "boxes-interpolated-3/1", "fills in the planes between those that are drawn on"),
        ("plane", "none/1", "the claim's prompts are unknown and plane-example needs box"),
        ("volume", "box-tight/1", "sees whole volumes, and the prompts of box-tight are about one"),
        ("volume", "box-largest-plane/1", "was trained for solid-box, point prompts, not for box"),
        ("volume", "boxes-interpolated-3/1", "are about one plane each"),
        ("video", "box-solid/1", "was trained for box prompts, not for solid-box"),
        ("video", "box-middle-plane-then-clicks/1", "trained for box prompts, not for point"),
        ("video", "point-uniform/1", "sees whole volumes, and the prompts of point-uniform"),
    ],
)
def test_prompts_that_a_model_cannot_be_asked_are_refused_before_anything_is_read(
    name: str, prompts: str, told: str
) -> None:
    dataset = {"plane": "folder", "volume": "volumes", "video": "video-folder"}[name]
    project, claim = claimed(name, dataset, prompts)
    with pytest.raises((PrerequisiteError, UsageError), match=told):
        recipe(project, claim, Request())


def test_a_volume_for_a_model_of_volumes_is_no_image() -> None:
    project, claim = claimed("volume", "folder", "box-solid/1")
    with pytest.raises(PrerequisiteError, match="takes volumes, and Folder of images"):
        recipe(project, claim, Request())


def test_unknown_spacing_is_told_with_the_case(tmp_path: Path) -> None:
    """A session that cannot be opened fails its case in words."""
    from reproduce.contracts import Case, Sample

    model = plugin("adapters", "volume-example").build(
        {"weight": torch.ones(1), "bias": torch.ones(1)}, {}, "cpu", "float32"
    )
    stack = Sample.of_volume(Case("v", {}), np.ones((2, 3, 4), np.float32), {})
    with pytest.raises(InputError, match=r"case v: .*spacing of the volume is not known"):
        model.open(stack)


def test_weights_of_another_method_are_named() -> None:
    for name in NAMES:
        with pytest.raises(Sam4misError, match="expected weight and bias, the file has w"):
            plugin("adapters", f"{name}-example").build({"w": torch.ones(1)}, {}, "cpu", "float32")


# ------------------------------------------------------------------------------ sessions


@pytest.mark.parametrize("name", ["volume", "video"])
def test_a_session_that_was_told_to_forget_answers_as_if_it_were_new(name: str) -> None:
    from reproduce.contracts import Case, Sample

    values, mask = objects()
    if name == "volume":
        values = values.astype(np.float32)
    sample = Sample.of_volume(Case("v", {}), values, {"a": mask > 0}, spacing_mm=(2, 1, 1))
    weights = {"weight": torch.tensor([0.1]), "bias": torch.tensor([-10.0])}
    session = (
        plugin("adapters", f"{name}-example").build(weights, {}, "cpu", "float32").open(sample)
    )
    profile = plugin("prompts", {"volume": "box-solid", "video": "box-largest-plane"}[name])
    asked = profile.prompts("v", "a", mask > 0, 0, None)

    def scores() -> list[tuple[int, list[float]]]:
        planes = session.ask(asked).planes("original")
        return [(one.index, one.prediction.scores.ravel().tolist()) for one in planes]

    first = scores()
    session.forget()
    assert scores() == first
    with pytest.raises(InputError, match="Choose a profile of"):
        session.ask([asked[0].__class__("v", "a")])


# --------------------------------------------------------------------------------- the text


def test_the_recipe_names_the_examples_and_prompt_profiles_that_are_there(root: Path) -> None:
    text = (root / "CONTRIBUTING.md").read_text("utf-8")
    recipe_3 = text[text.index("## Recipe 3") : text.index("## Recipe 4")]
    assert set(re.findall(r"`(\w+_example\.py)`", recipe_3)) == {
        p.name for p in EXAMPLES.glob("*_example.py")
    }
    named = re.findall(r"`((?:box|boxes|clicks|recist)-[a-z0-9-]+)`", recipe_3)
    assert len(named) >= 5
    assert set(named) <= set(plugins("prompts"))
