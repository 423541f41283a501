"""What models of volumes share: windows of planes, the grid of 1 mm, clicks, pruned memories."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made import waves
from numpy.typing import NDArray
from running_bundle import bundle
from seeded import layout, seeded
from test_sam2 import SCALED, answered
from torch.nn.functional import interpolate

from catalog.errors import InputError
from reproduce.adapters.zap.network import gaussian, starts
from reproduce.asking.loop import Evaluator
from reproduce.asking.replay import by_case, make_prompts
from reproduce.contracts import Case, Prompt, Sample
from reproduce.ground.plugins import plugin
from reproduce.models import sam2
from reproduce.models.millimetre import Millimetre, MillimetreModel, brought
from reproduce.models.sam2_video import COURSES, Sam2Video
from reproduce.models.windows import WindowModel
from reproduce.statistics import StatisticsBuilder


def volume(values: NDArray[Any], spacing: tuple[float, ...] | None = (3.0, 1.0, 0.5)) -> Sample:
    return Sample.of_volume(Case("v", {}), values, {}, spacing_mm=spacing)


# ------------------------------------------------------------------------------ windows of planes


class Middle(WindowModel):
    """Class 1 where a window's sum in a place exceeds its middle plane's by more than 2."""

    planes, side = 3, 4

    def pixels(self, window: NDArray[Any]) -> NDArray[np.float32]:
        return np.repeat(window.astype(np.float32)[:, None], 3, axis=1)

    def logits(self, pixels: torch.Tensor) -> torch.Tensor:
        plane = pixels[:, :1]
        return torch.cat([plane[1:2] - plane, 0.3 * plane.sum(dim=0, keepdim=True) + plane], dim=1)

    def to_planes(self, probability: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        return probability


def test_probabilities_of_windows_are_added_up_where_they_overlap() -> None:
    values = np.random.default_rng(0).normal(size=(6, 4, 4)).astype(np.float32)
    model = Middle("middle", ["one"], {}, "cpu")
    found = [
        answer.prediction.scores[0, 0].numpy()
        for answer in model.open(volume(values)).ask([]).planes("original")
    ]
    padded = np.concatenate([values[:1], values, values[-1:]])
    total = np.zeros((8, 2, 4, 4))
    for first in range(6):
        logits = model.logits(torch.from_numpy(model.pixels(padded[first : first + 3])))
        total[first : first + 3] += torch.softmax(logits, dim=1).numpy()
    np.testing.assert_array_equal(found, total[1:-1].argmax(axis=1))
    assert 0 < np.mean(found) < 1


def test_windows_take_one_channel_and_a_stack_of_one_plane() -> None:
    model = Middle("middle", ["one"], {}, "cpu")
    with pytest.raises(InputError, match="middle takes planes of one channel, these have 3"):
        model.open(volume(np.zeros((2, 4, 4, 3))))
    answers = list(model.open(volume(np.ones((1, 4, 4)))).ask([]).planes("original"))
    assert [answer.index for answer in answers] == [0]


# --------------------------------------------------------------------------------- volumes at 1 mm


class Ramp(MillimetreModel):
    """Scores that are the standardised values, wherever the click is."""

    kind = "logit"

    def scores(self, volume: torch.Tensor, clicks: NDArray[np.float64]) -> torch.Tensor:
        self.clicks = clicks
        return volume


CLICK = Prompt("v", "x", points=np.array([[2.0, 10, 8]]), point_labels=np.array([1]))


def test_scores_come_back_by_trilinear_interpolation() -> None:
    values = np.random.default_rng(1).normal(50, 60, (5, 20, 30)).astype(np.float32)
    model = Ramp("ramp", {"data": "kits"}, "cpu")
    answers = model.open(volume(values)).ask([CLICK]).planes("original")
    found = torch.stack([answer.prediction.scores[0, 0] for answer in answers])
    small = interpolate(torch.from_numpy(values)[None, None], (15, 20, 15), mode="trilinear")
    small = (small.clip(-54, 247) - 59.53867) / 55.457336
    expected = interpolate(small, (5, 20, 30), mode="trilinear")[0, 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(model.clicks, [[6, 10, 4]])


@given(
    shape=st.tuples(*[st.integers(2, 20)] * 3),
    spacing=st.tuples(*[st.floats(0.6, 6)] * 3),
    share=st.tuples(*[st.floats(0, 0.999)] * 3),
)
@settings(max_examples=30)
def test_voxels_of_1_mm_go_to_the_original_and_back(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], share: tuple[float, ...]
) -> None:
    grid = Millimetre(shape, spacing)
    voxel = np.array([int(s * n) for s, n in zip(share, grid.size, strict=True)])
    there = grid.to_image(voxel)
    assert (np.rint(grid.to_input(there)) == voxel).all()
    mask = np.zeros(shape, bool)
    mask[tuple(there.astype(int))] = True
    assert brought(mask, {}, spacing).mask[tuple(voxel)], "what a voxel of 1 mm shows is there"


def test_what_a_model_at_1_mm_cannot_take_is_told() -> None:
    model = Ramp("ramp", {"data": "kits"}, "cpu")
    values = np.zeros((2, 20, 30), np.float32)
    with pytest.raises(InputError, match="resamples to 1 mm, and the spacing"):
        model.open(volume(values, None))
    with pytest.raises(InputError, match="thinner than 1 mm"):
        model.open(volume(values, (0.4, 1.0, 1.0)))
    with pytest.raises(InputError, match="ramp takes volumes of one channel"):
        model.open(volume(np.zeros((2, 20, 30, 3))))
    with pytest.raises(InputError, match="scored on the original grid"):
        model.reference(volume(values), "model_input")
    session = model.open(volume(values))
    off = Prompt("v", "x", points=np.zeros((1, 3)), point_labels=np.array([0]))
    for wrong in (Prompt("v", "x", box=np.zeros((2, 3))), off):
        with pytest.raises(InputError, match="ramp takes clicks on the object and nothing else"):
            session.ask([wrong])
    for name in ("3dsam-adapter", "promise"):
        with pytest.raises(InputError, match="not a SAM lifted to 3D: expected, among others"):
            plugin("adapters", name).build({"w": torch.zeros(1)}, {}, "cpu", "float32")
    state = seeded(layout("sam_adapter_3d_scaled"))
    with pytest.raises(InputError, match="runs in float32, got bfloat16"):
        plugin("adapters", "3dsam-adapter").build(state, {}, "cpu", "bfloat16")


@pytest.mark.slow  # for the seconds that MONAI takes to be imported
def test_windows_and_weights_are_those_of_monai() -> None:
    from monai.data.utils import compute_importance_map, dense_patch_slices

    for length in (32, 40, 48, 63, 100):
        theirs = dense_patch_slices((length,), (32,), (16,))
        assert starts(length, 32) == [one[0].start for one in theirs]
    theirs = compute_importance_map((16, 16, 16), mode="gaussian", sigma_scale=0.25)
    np.testing.assert_allclose(gaussian(16), theirs, rtol=1e-5)


# --------------------------------------------------------------------------------- pruned memories


def test_memories_are_left_out_once_there_are_as_many_as_are_looked_at() -> None:
    """Asked on plane 0: seven memories are there from plane 7 on."""
    sample = volume(waves(9)[:, :64, :64].copy(), None)
    told = Prompt.on_plane("v", "x", 0, points_xy=[[30.0, 30.0]], point_labels=np.array([1]))
    state = seeded(layout("sam2_scaled"))
    found = [
        answered(
            Sam2Video(sam2.load(state, 128, 8, SCALED, pruned), COURSES["forward"], "cpu"),
            sample,
            [told],
        )[0]
        for pruned in (0, 2)
    ]
    np.testing.assert_array_equal(found[0][:7], found[1][:7])
    assert all(np.abs(found[0][plane] - found[1][plane]).max() > 1e-3 for plane in (7, 8))


# ------------------------------------------------------------------------------------ whole runs


class Tumours:
    """One made CT with a tumour, and two classes that it has not."""

    name, version, labels, splits, may_show_images = "made", 1, (), {"all": ""}, True
    dimensionality = "3d"

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        return [Case("a", {})]

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        values = waves()[:, :40, :48] * 1.5 - 100
        tumour: NDArray[np.bool_] = np.zeros(values.shape, bool)
        tumour[1:4, 10:22, 12:30] = True
        absent = np.zeros_like(tumour)
        labels = {"class 1": tumour, "class 2": absent, "class 3": absent}
        return Sample.of_volume(case, values, labels, spacing_mm=(4.0, 1.0, 0.7))


@pytest.mark.parametrize(
    ("name", "weights", "options", "prompts"),
    [
        ("3dsam-adapter", ["sam_adapter_3d_scaled"], {"data": "colon"}, "point-3d-uniform"),
        ("ma-sam", ["sam_scaled", "ma_sam_scaled"], {"image_size": 96}, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_run_counts_every_target_on_every_plane(
    root: Path, name: str, weights: list[str], options: dict[str, Any], prompts: str | None
) -> None:
    adapter, data = plugin("adapters", name), cast(Any, Tumours())
    state: dict[str, torch.Tensor] = {}
    for each in weights:
        state |= seeded(layout(each))
    profile = None if prompts is None else plugin("prompts", prompts)
    bring, cases = adapter.prompt_grid(options), data.cases(Path(), "all", {})
    made = [] if profile is None else make_prompts(data, {}, cases, profile, [0], bring=bring)
    spec = msgspec.structs.replace(
        bundle(root, 1).spec, cases=[], rounds=1, adapter=name, seeds=[0], labels={}
    )
    builder = StatisticsBuilder()
    Evaluator(
        spec=spec,
        dataset=data,
        model=adapter.build(state, options, "cpu", "float32"),
        profile=profile,
        prompts=by_case(made),
        bring=bring,
    ).evaluate(cases, builder)
    rows = [row for row in builder.table().to_pylist() if row["scope"] == "slice"]
    truth = {row["label"]: 0 for row in rows}
    for row in rows:
        truth[row["label"]] += row["tp"] + row["fn"]
    assert truth == {"class 1": 3 * 12 * 18, "class 2": 0, "class 3": 0}
    assert len(rows) == len(truth) * 5
    assert any(row["fp"] + row["tp"] for row in rows)
