"""A model whose first stage finds the objects: its prompts are kept, and asked again without it."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from made import made_picture
from running_bundle import QUIET, bundle
from seeded import layout, seeded

from catalog.errors import InputError, UsageError
from catalog.records import Claim, Project
from reproduce.adapters.promptnucseg.network import PromptNucSeg
from reproduce.asking.replay import Replay, encoded_lines, read_prompts, replay_file
from reproduce.contracts import Plane
from reproduce.datasets import pannuke
from reproduce.ground.plugins import plugin
from reproduce.judging.asked import asked_of
from reproduce.judging.coverage import missing_or_extra
from reproduce.planning.recipes import Request, build_spec, recipe
from reproduce.running.engine import execute, prepare, run_folder
from reproduce.runs.spec import Placement
from reproduce.scoring import score
from reproduce.statistics import read_statistics
from reproduce.statistics.parity import difference

FILES = ("promptnucseg_prompter_scaled", "promptnucseg_segmentor_scaled")
CLAIM = {
    "id": "made",
    "metric": "pq",
    "value": 0.5,
    "scale": 1,
    "decimals": 2,
    "source": {"place": "made"},
    "protocol": {
        "metric_profile": {"value": "pannuke/1", "evidence": "from-code", "place": "made"},
        "prompt_profile": {"value": "self/1", "evidence": "from-code", "place": "made"},
        "grid": {"value": "original", "evidence": "from-code", "place": "made"},
    },
    "dataset": "pannuke",
    "split": "cellvit-fold-0",
    "run": {"adapter": {"answers": "types"}, "checkpoints": ["first", "second"]},
}


class Ground:
    """Two patches, weights of both stages, and runs on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        data = folder / "data" / "fold1"
        data.mkdir(parents=True)
        masks = np.zeros((2, 48, 48, 6))
        masks[0, 4:20, 4:20, 0], masks[0, 20:40, 4:20, 0] = 3, 9
        masks[0, 10:30, 25:45, 2] = 1
        images = np.stack([made_picture(48, 48), made_picture(96, 96)[40:88, 40:88]])
        np.save(data / "images.npy", images.astype(float))
        np.save(data / "masks.npy", masks)
        np.save(data / "types.npy", np.array(["Breast", "Colon"]))
        self.files = []
        for name in FILES:
            state = seeded(layout(name))
            path = folder / f"{name}.pth"
            torch.save({"model": {k.removeprefix("prompter."): v for k, v in state.items()}}, path)
            self.files.append(path)
        self.project = msgspec.convert(
            {
                "slug": "made",
                "name": "made",
                "kind": "method",
                "adapter": "promptnucseg",
                "checkpoints": [
                    {"id": "first", "layout": "model/prompter"},
                    {"id": "second", "layout": "model"},
                ],
            },
            Project,
        )

    def run(self, replay: Path | None = None) -> Path:
        claim = msgspec.convert(CLAIM, Claim)
        item = recipe(self.project, claim, Request(replay=replay))
        data = self.folder / "data"
        spec, prompts, _ = build_spec([item], data, self.files)
        folder = run_folder(self.folder / "runs", spec)
        weights = [str(path) for path in self.files]
        place = Placement(data=str(data), checkpoints=weights, threads=1, command="test")
        result = execute(
            folder, prepare(folder, spec, place, prompts), [item], QUIET, gate=replay is None
        )
        assert all(check.passed for check in result.checks)
        table = read_statistics(folder / "statistics.parquet")
        assert not list(missing_or_extra(table, asked_of(result, folder)))
        return folder


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("found"))


@pytest.fixture
def two_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pannuke.COUNTS, 1, 2)


@pytest.fixture(scope="module")
def found(ground: Ground) -> Path:
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(pannuke.COUNTS, 1, 2)
        return ground.run()


def test_what_the_first_stage_finds_is_kept_and_every_class_counted(found: Path) -> None:
    assert not (found / "prompts.json").exists()
    replay = Replay.read(found)
    assert replay.profile == "self/1"
    assert {prompt.case for prompt in replay.first} == {"Breast/0_0", "Colon/0_1"}
    numbers = [p.object_index for p in replay.first if p.case == "Breast/0_0"]
    assert numbers == list(range(len(numbers)))
    table = read_statistics(found / "statistics.parquet")
    assert table.num_rows == 10  # five types in two patches
    assert None not in table["components"].to_pylist()
    rows = {(r["case"], r["label"]): r for r in table.to_pylist()}
    assert len(rows["Breast/0_0", "neoplastic"]["components"]["reference_size"]) == 2
    assert score(table, "pannuke/1").counted.averaged == 2  # types that the patches have


def test_the_second_stage_runs_without_the_first(
    ground: Ground, found: Path, two_patches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the first stage was asked")

    monkeypatch.setattr(PromptNucSeg, "find", never)
    again = ground.run(replay=found)
    assert again.name != found.name
    tables = [read_statistics(one / "statistics.parquet") for one in (found, again)]
    assert str(difference(*tables)).startswith("identical counts")
    assert read_prompts(again / "prompts.json") is not None
    assert not (again / "rounds.json").exists()
    # other points, other masks: they are what is asked
    moved = found.parent / "moved"
    shutil.copytree(found, moved, dirs_exist_ok=True)
    few = [p for p in read_prompts(found / "rounds.json") if p.case == "Breast/0_0"][:1]
    (moved / "rounds.json").write_bytes(replay_file("self/1", [0], list(encoded_lines(few))))
    third = ground.run(replay=moved)
    rows = read_statistics(third / "statistics.parquet").to_pylist()
    assert sum(r["tp"] + r["fp"] for r in rows if r["case"] == "Colon/0_1") == 0
    assert len(rows) == 10


def test_a_model_without_a_first_stage_is_not_asked_what_another_found(
    root: Path, found: Path
) -> None:
    with pytest.raises(UsageError, match="not for none"):
        bundle(root, 2, replay=found)


def test_without_the_first_stage_s_weights_only_given_points_are_asked(ground: Ground) -> None:
    state = seeded(layout(FILES[1]))
    model = plugin("adapters", "promptnucseg").build(state, {}, "cpu", "float32")
    (looked,) = model.encode([Plane(made_picture(40, 40))])
    with pytest.raises(InputError, match="weights of the first stage"):
        model.find(looked, "a", None)
    with pytest.raises(InputError, match="patches of 256 px at most"):
        model.frame(257, 20)
