"""SAM-Med3D: the cube it sees, the way there and back, and a run of several rounds in 3D."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from running_bundle import bundle
from seeded import seeded

from catalog.errors import InputError
from reproduce.adapters.sam_med3d import PLUGIN, SIDE, SamMed3d, cut_out
from reproduce.asking.loop import Evaluator
from reproduce.asking.replay import by_case, decoded, encoded_lines, identity, make_prompts
from reproduce.contracts import Case, Prompt, Sample
from reproduce.ground.plugins import plugin
from reproduce.models.cubes import Cube, Resampled, nearest
from reproduce.scoring.engine import score
from reproduce.statistics import StatisticsBuilder


@pytest.fixture(scope="module")
def model() -> SamMed3d:
    """The network of the release with two blocks (one looks through windows, one at everything),
    narrower, with seeded weights."""
    from medim.models.sam_med3d import build_sam3D_vit_b_ori

    net = build_sam3D_vit_b_ori(
        encoder_embed_dim=48,
        encoder_depth=2,
        encoder_num_heads=2,
        encoder_global_attn_indexes=[1],
        prompt_embed_dim=48,
    )
    shapes = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    return PLUGIN.build(seeded({"tensors": shapes}), {}, "cpu", "float32")


def test_its_encoder_gives_what_the_authors_one_gives(model: SamMed3d) -> None:
    encoder = model.net.image_encoder
    windows = [block for block in encoder.blocks if block.window_size]
    assert windows
    cube = torch.randn((1, 1, SIDE, SIDE, SIDE), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours = encoder(cube)
        for block in windows:
            of_class, block.forward = block.forward, partial(type(block).forward, block)
            theirs = encoder(cube)
            block.forward = of_class
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


# ------------------------------------------------------------------------------------- the cube


def test_a_resampled_grid_has_the_middle_of_the_original() -> None:
    """By hand: 4 voxels of 3 mm are 8 of 1.5 mm, the first a quarter voxel before the first."""
    grid = Resampled((4, 1, 6), (3.0, 9.0, 1.5), 1.5)
    assert grid.size == (8, 1, 6), "an axis of one voxel keeps it"
    np.testing.assert_allclose(grid.to_original(np.zeros(3)), [-0.25, 0.0, 0.0])
    values = np.arange(4.0)[:, None, None] + np.zeros((4, 1, 6))
    expected = [0.0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.0]
    np.testing.assert_allclose(grid.image(values)[:, 0, 2], expected)
    part, first = grid.mask(values == 1)
    assert (part.shape, first) == ((2, 1, 6), (2, 0, 0)), "the box that holds all of it"
    assert part.all()
    assert grid.mask(values > 9)[0].size == 0


def test_what_lies_outside_a_volume_is_nothing() -> None:
    grid = Resampled((6, 5, 4), (1.5, 1.5, 1.5), 1.5)
    cube = Cube.around(grid, np.array([2, 2, 1]), np.array([3, 2, 2]), 8)
    assert cube.origin == (-1, -2, -2), "half a voxel off is moved down"
    found = cube.cut(np.ones(grid.size))
    assert found.sum() == 6 * 5 * 4
    assert found[0].sum() == 0
    back = torch.stack([cube.plane_of(torch.from_numpy(found), s) for s in range(6)])
    assert (back == 1).all()


@given(
    shape=st.tuples(*[st.integers(2, 40)] * 3),
    spacing=st.tuples(*[st.floats(0.3, 6)] * 3),
    share=st.tuples(*[st.floats(0, 1)] * 3),
)
def test_places_go_to_the_cube_and_back(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], share: tuple[float, ...]
) -> None:
    grid = Resampled(shape, spacing, 1.5)
    if not all(grid.size):
        return
    mask = np.zeros(shape, bool)
    mask[tuple(int(s * (n - 1)) for s, n in zip(share, shape, strict=True))] = True
    cut = cut_out(mask, spacing)
    voxels = np.random.default_rng(0).integers(0, SIDE, (5, 3))
    there = cut.to_input(cut.to_image(voxels))
    np.testing.assert_allclose(there, voxels, atol=1e-9)
    assert Cube.between(grid, cut.around, SIDE) == cut.cube, "what is told is what was cut"
    assert (nearest(there) == voxels).all()


# ----------------------------------------------------------------------------------- a whole run


class Volumes:
    """Two made volumes: 30 planes of 3 mm, an organ in each, another organ in one of them."""

    name, version, labels, splits, may_show_images = "made", 1, (), {"all": ""}, True
    dimensionality = "3d"

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        return [Case("a", {}), Case("b", {})]

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        rng = np.random.default_rng(ord(case.id))
        organ: NDArray[np.bool_] = np.zeros((30, 40, 50), bool)
        organ[8:20, 10:30, 12:36] = True
        other = np.zeros_like(organ)
        if case.id == "a":
            other[2:5, 30:36, 40:46] = True
        values = (rng.random(organ.shape) * 50 + 100 * organ + 60 * other).astype(np.float32)
        labels = {"organ": organ, "other": other}
        return Sample.of_volume(case, values, labels, spacing_mm=(3.0, 1.5, 1.5))


def evaluated(
    root: Path, model: SamMed3d, recorded: list[bytes] | None = None
) -> tuple[StatisticsBuilder, list[bytes]]:
    """Counts and the prompts of later rounds; `recorded`: ask these, never the profile."""
    data: Any = Volumes()
    profile = plugin("prompts", "clicks-3d-5-random")
    replayed = None
    if recorded is not None:
        profile = replace(profile, click="none")
        replayed = {identity(prompt): prompt for prompt in map(decoded, recorded)}
    cases = data.cases(Path(), "all", {})
    made = make_prompts(data, {}, cases, profile, [0], bring=PLUGIN.prompt_grid({}))
    later: list[Prompt] = []
    spec = msgspec.structs.replace(
        bundle(root, 1).spec, cases=[], rounds=profile.rounds, adapter="sam-med3d", seeds=[0]
    )
    evaluator = Evaluator(
        spec=spec,
        dataset=data,
        model=model,
        profile=profile,
        prompts=by_case(made),
        bring=PLUGIN.prompt_grid({}),
        recorded=replayed,
        on_prompts=later.extend,
    )
    builder = StatisticsBuilder(surface=["surfel/header/3d"])
    evaluator.evaluate(cases, builder)
    return builder, list(encoded_lines(later))


@pytest.fixture(scope="module")
def counted(root: Path, model: SamMed3d) -> tuple[StatisticsBuilder, list[bytes]]:
    return evaluated(root, model)


def test_a_run_in_3d_has_a_row_for_every_target_plane_and_round(
    counted: tuple[StatisticsBuilder, list[bytes]],
) -> None:
    builder, later = counted
    rows = builder.table().to_pylist()
    whole = [row for row in rows if row["scope"] == "volume"]
    targets = {(row["case"], row["label"], row["round"]) for row in whole}
    assert len(whole) == len(targets) == 2 * 2 * 5, "the organ that `b` has not as well"
    assert len(rows) == len(whole) * (1 + 30)
    for row in whole:
        planes = [
            other
            for other in rows
            if other["scope"] == "slice"
            and all(other[key] == row[key] for key in ("case", "label", "round"))
        ]
        for name in ("tp", "fp", "fn", "tn"):
            assert row[name] == sum(plane[name] for plane in planes)
    absent = [row for row in whole if (row["case"], row["label"]) == ("b", "other")]
    assert {(row["tp"], row["fp"], row["fn"]) for row in absent} == {(0, 0, 0)}
    asked = [row for row in whole if row not in absent]
    assert {row["tp"] + row["fn"] for row in asked} == {12 * 20 * 24, 3 * 6 * 6}
    assert any(row["tp"] for row in asked)
    assert len(later) == 3 * 4, "every later click of the three targets is kept"
    assert all(row["surfaces"][0]["definition"] == "surfel/header/3d" for row in whole)
    found = score(builder.table(), "house/1", "dice")
    assert found.n_cases == 2


def test_the_same_run_again_asks_and_counts_the_same(
    root: Path, model: SamMed3d, counted: tuple[StatisticsBuilder, list[bytes]]
) -> None:
    one, other = counted, evaluated(root, model)
    assert one[0].table() == other[0].table()
    assert one[1] == other[1]


def test_recorded_rounds_in_3d_asked_again_count_the_same(
    root: Path, model: SamMed3d, counted: tuple[StatisticsBuilder, list[bytes]]
) -> None:
    before, later = counted
    after, asked = evaluated(root, model, later)
    assert after.table() == before.table()
    assert asked == later
    with pytest.raises(NotImplementedError):  # which is what makes the replay
        replace(plugin("prompts", "clicks-3d-5-random"), click="none").refine(
            decoded(later[0]), np.ones((2, 2, 2), bool), np.zeros((2, 2, 2), bool)
        )


# -------------------------------------------------------------------------------------- refusals


def test_what_it_cannot_take_is_told(model: SamMed3d) -> None:
    volume = np.ones((4, 5, 6), np.float32)
    with pytest.raises(InputError, match="spacing of the volume is not known"):
        model.open(Sample.of_volume(Case("v", {}), volume, {}))
    session = model.open(Sample.of_volume(Case("v", {}), volume, {}, spacing_mm=(1, 1, 1)))
    with pytest.raises(InputError, match="SAM-Med3D needs a click"):
        session.ask([Prompt("v", "x", box=np.zeros((2, 3)))])
    click = Prompt("v", "x", points=np.ones((1, 3)), point_labels=np.array([1]))
    with pytest.raises(InputError, match="no positive values to standardise by"):
        session.ask([click])
    with pytest.raises(InputError, match="runs in float32"):
        PLUGIN.build({}, {}, "cpu", "bfloat16")


def test_without_the_reference_the_cube_lies_around_the_click(model: SamMed3d) -> None:
    """`crop=click`: no prompt grid, and the cube's middle is the first click."""
    assert PLUGIN.prompt_grid({"crop": "click"}) is None
    values = np.random.default_rng(0).random((100, 100, 100)).astype(np.float32) + 1
    session = model.open(Sample.of_volume(Case("v", {}), values, {}, spacing_mm=(1.5, 1.5, 1.5)))
    click = Prompt("v", "x", points=np.array([[50.0, 40, 30]]), point_labels=np.array([1]))
    (cube,) = session.ask([click]).cubes
    assert [origin + SIDE // 2 for origin in cube.origin] == [50, 40, 30]
