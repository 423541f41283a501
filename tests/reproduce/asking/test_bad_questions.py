"""What a model cannot be asked, and data on which it cannot be: one error each, by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from made import write_nifti
from PIL import Image
from running_bundle import bundle

from catalog.errors import InputError
from reproduce.adapters.sam_med3d import PLUGIN as SAM_MED3D
from reproduce.asking.loop import Evaluator
from reproduce.asking.replay import by_case, make_prompts
from reproduce.contracts import Case, Grid, Plane, PlaneModel, Prediction, Prompt, Reference, Sample
from reproduce.ground.plugins import plugin
from reproduce.statistics import StatisticsBuilder


class Logits(PlaneModel):
    """Says the same of everything, and keeps what it was asked and the logits that it gave."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.asked: list[Prompt] = []
        self.given: list[torch.Tensor] = []

    def preprocessing_id(self) -> str:
        return "logits"

    def encode(self, planes: Sequence[Plane]) -> list[Any]:
        return [plane.image.shape[:2] for plane in planes]

    def predict(self, embedding: Any, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        self.asked += prompts
        low_res = torch.zeros((len(prompts), 1, 4, 4), device=self.device)
        self.given.append(low_res)
        scores = torch.full((len(prompts), 1, *embedding), -1.0, device=self.device)
        return Prediction(scores, "logit", tuple(p.label for p in prompts), low_res=low_res)

    def reference(self, plane: Plane, grid: Grid) -> Reference:
        return Reference(plane.labels, plane.valid)


class Data:
    """One volume of four planes, in memory."""

    name, version, labels, splits, may_show_images = "data", 1, (), {"all": ""}, False
    dimensionality = "3d"

    def load(self, case: Case, options: Any) -> Sample:
        mask = np.zeros((4, 8, 8), bool)
        mask[1:3, 2:6, 2:6] = True
        return Sample.of_volume(case, np.zeros((4, 8, 8), np.uint8), {"organ": mask})


CASE = Case("v", {})


def ask(root: Path, model: PlaneModel, profile: str, prompts: list[Prompt], **more: Any) -> None:
    data: Any = Data()
    asks = plugin("prompts", profile)
    spec = msgspec.structs.replace(bundle(root, 1).spec, cases=[], rounds=asks.rounds, seeds=[0])
    evaluator = Evaluator(spec, data, model, asks, by_case(prompts), **more)
    evaluator.evaluate([CASE], StatisticsBuilder())


def test_a_question_without_a_plane(root: Path) -> None:
    prompt = Prompt("v", "organ", points=np.ones((1, 3)), point_labels=np.ones(1, np.int64))
    with pytest.raises(InputError, match="case v: the prompt for 'organ' names no plane"):
        ask(root, Logits("cpu"), "point-first", [prompt])


@pytest.mark.parametrize("name", ["box", "points"])
def test_a_question_across_planes(root: Path, name: str) -> None:
    corners = np.array([[1.0, 2, 2], [2.0, 5, 5]])
    more = {"point_labels": np.ones(2, np.int64)} if name == "points" else {}
    prompt = Prompt("v", "organ", 1, **{name: corners}, **more)
    with pytest.raises(InputError, match="case v: the prompt for 'organ' reaches beyond plane 1"):
        ask(root, Logits("cpu"), "box-tight", [prompt])


def test_unknown_spacing_is_told_before_a_model_is_loaded() -> None:
    data: Any = Data()
    with pytest.raises(InputError, match=r"case v: SAM-Med3D resamples to 1\.5 mm, and the"):
        make_prompts(
            data,
            {},
            [CASE],
            plugin("prompts", "clicks-3d-5-random"),
            [0],
            bring=SAM_MED3D.prompt_grid({}),
        )


def test_more_classes_than_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A label file is small; a mask for each of its classes is not."""
    data = plugin("datasets", "volumes")
    (case,) = data.cases(write_nifti(tmp_path), "train", {})
    labels = {"labels": {number: f"organ {number}" for number in range(1, 200)}}
    monkeypatch.setenv("SAM4MIS_FILE_GIB", str(150 * 12 * 40 * 48 / 2**30))
    data.load(case, {"labels": {1: "organ"}})
    with pytest.raises(InputError, match=r"made\.nii\.gz: the stack of all masks opens to"):
        data.load(case, labels)


def test_a_video_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each frame is small; the frames that come after the first are not read."""
    for folder in ("frames", "masks"):
        (tmp_path / folder / "a").mkdir(parents=True)
        for number in range(9):
            Image.new("L", (30, 20), number % 2).save(tmp_path / folder / "a" / f"{number}.png")
    (tmp_path / "frames" / "a" / "8.png").write_bytes(b"not read")
    data = plugin("datasets", "video-folder")
    (case,) = data.cases(tmp_path, "all", {})
    monkeypatch.setenv("SAM4MIS_FILE_GIB", str(8 * 30 * 20 * 3 / 2**30))
    with pytest.raises(InputError, match=r"frames.a: the video opens to .* \(9x20x30x3\)"):
        data.load(case, {"labels": {1: "tool"}})


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_logits_that_are_fed_back_never_leave_the_device(root: Path, device: str) -> None:
    """A round is asked with the very memory that the model answered with in the round before; who
    keeps the prompts of later rounds keeps none of it."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    model, later = Logits(device), list[Prompt]()
    data: Any = Data()
    profile = plugin("prompts", "clicks-5-random")
    prompts = make_prompts(data, {}, [CASE], profile, [0])
    ask(root, model, profile.name, prompts, on_prompts=later.extend)
    memory = [given.untyped_storage().data_ptr() for given in model.given]
    rounds = [[p for p in model.asked if p.plane == 1 and p.round == turn] for turn in range(5)]
    assert all(len(asked) == 1 for asked in rounds)
    assert rounds[0][0].mask_input is None
    for turn, (prompt,) in enumerate(rounds[1:]):
        fed = prompt.mask_input
        assert isinstance(fed, torch.Tensor)
        assert fed.device.type == device
        assert fed.untyped_storage().data_ptr() == memory[turn]
    assert len(later) == 2 * 4
    assert all(prompt.mask_input is None for prompt in later)
