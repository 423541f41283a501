"""Prompt profiles: by hand, and that nothing but the case can change a prompt."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reproduce.asking.prompt_grid import first_prompts
from reproduce.asking.replay import encode_prompts, encoded_lines, prompts_sha256, read_prompts
from reproduce.contracts import Prompt, PromptKind, PromptProfile
from reproduce.ground.plugins import plugin, plugins
from reproduce.prompting.key_planes import KeyPlaneProfile

Mask = NDArray[np.bool_]


def _two_parts() -> Mask:
    """A 3x6 block and, diagonal to nothing, a single pixel."""
    mask = np.zeros((10, 12), bool)
    mask[2:5, 3:9] = True
    mask[7, 1] = True
    return mask


def _boxes(name: str, mask: Mask, seed: int = 0) -> list[list[float]]:
    found = plugin("prompts", name).prompts("case", "a", mask, seed, None)
    return [prompt.box_xy.tolist() for prompt in found]


def _points(name: str, mask: Mask, seed: int = 0) -> list[list[list[float]]]:
    found = plugin("prompts", name).prompts("case", "a", mask, seed, None)
    return [prompt.points_xy.tolist() for prompt in found]


def test_boxes_by_hand() -> None:
    mask = _two_parts()
    assert _boxes("box-tight", mask) == [[1, 2, 8, 7]]
    assert _boxes("box-tight-exclusive", mask) == [[1, 2, 9, 8]]
    assert _boxes("box-component", mask) == [[3, 2, 8, 4], [1, 7, 1, 7]]
    assert _boxes("box-largest", mask) == [[3, 2, 8, 4]]
    assert _boxes("box-largest-exclusive", mask) == [[3, 2, 9, 5]]
    assert _boxes("box-largest-3", mask) == [[3, 2, 8, 4], [1, 7, 1, 7]]
    assert _boxes("box-image", mask) == [[0, 0, 11, 9]]
    assert _boxes("box-min-100", mask) == []


def test_a_fixed_shift_of_20_at_1024_is_scaled_to_the_image() -> None:
    mask = np.zeros((512, 256), bool)
    mask[100:200, 100:150] = True
    # 20 pixels of 1024 are 5 of 256 across and 10 of 512 down
    assert _boxes("box-out-20-1024", mask) == [[95, 90, 154, 209]]


def test_a_box_is_clipped_to_the_image() -> None:
    mask = np.ones((64, 64), bool)
    assert _boxes("box-out-20-1024", mask) == [[0, 0, 63, 63]]


def test_points_by_hand() -> None:
    mask = _two_parts()
    # the block's middle row is two deep; of its equal pixels the first in scan order
    assert _points("point-center-edt", mask) == [[[4, 3]]]
    assert _points("point-first", mask) == [[[3, 2]]]
    # 19 pixels: number 9 in scan order is the fourth of the second row
    assert _points("point-middle", mask) == [[[6, 3]]]
    assert _points("point-component-center-edt", mask) == [[[4, 3]], [[1, 7]]]


def test_the_border_of_the_image_is_background() -> None:
    full = np.ones((9, 9), bool)
    assert _points("point-center-edt", full) == [[[4, 4]]]


def test_clicks_go_to_the_largest_error() -> None:
    mask = np.zeros((20, 20), bool)
    mask[2:11, 2:11] = True
    profile = plugin("prompts", "clicks-5")
    (first,) = profile.prompts("case", "a", mask, 0, None)
    assert first.points_xy.tolist() == [[6, 6]]
    predicted = mask.copy()
    predicted[2:11, 2:5] = False  # 27 missed
    predicted[14:19, 14:19] = True  # 25 false
    second = profile.refine(first, mask, predicted)
    assert second.points_xy.tolist() == [[6, 6], [3, 3]]
    assert second.point_labels.tolist() == [1, 1]
    assert second.round == 1
    predicted[2:11, 2:5] = True
    third = profile.refine(second, mask, predicted)
    assert third.points_xy.tolist()[-1] == [16, 16]
    assert third.point_labels.tolist() == [1, 1, 0]
    perfect = profile.refine(third, mask, mask)
    assert perfect.points_xy.tolist() == third.points_xy.tolist()
    assert perfect.round == 3


def test_a_box_keeps_standing_while_clicks_follow() -> None:
    mask = _two_parts()
    profile = plugin("prompts", "box-then-clicks")
    (first,) = profile.prompts("case", "a", mask, 0, None)
    assert first.points_xy is None
    second = profile.refine(first, mask, np.zeros_like(mask))
    assert second.box_xy.tolist() == first.box_xy.tolist()
    assert second.points_xy.tolist() == [[4, 3]]


# ------------------------------------------------------------------------------------- properties

masks = st.builds(
    lambda seed, height, width, density: (
        np.random.default_rng(seed).random((height, width)) < density
    ),
    st.integers(0, 2**31),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([0.0, 0.01, 0.3, 0.9, 1.0]),
)


def shown(
    profile: PromptProfile, case: str, label: str, mask: Mask, seed: int, plane: int | None = None
) -> list[Prompt]:
    """Prompts for a mask of one plane, which profiles of stacks see as a stack of one."""
    if profile.scope == "stack":
        return profile.prompts(case, label, mask[None], seed, None)
    return profile.prompts(case, label, mask, seed, plane)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(mask=masks, seed=st.integers(0, 5))
def test_every_profile_on_any_mask(mask: Mask, seed: int) -> None:
    height, width = mask.shape
    for profile in plugins("prompts").values():
        found = shown(profile, "case", "a", mask, seed, 3)
        if profile.kind != "none" and not profile.blind and not mask.any():
            assert found == []
        assert [prompt.object_index for prompt in found] == list(range(len(found)))
        for prompt in found:
            # A profile of stacks names the prompt's plane, or none where it is about the whole.
            assert prompt.plane in ((3,) if profile.scope == "plane" else (0, None))
            assert (prompt.seed, prompt.round) == (seed, 0)
            if prompt.box_xy is not None:
                x0, y0, x1, y1 = prompt.box_xy
                assert 0 <= x0 <= x1 <= width
                assert 0 <= y0 <= y1 <= height
            if prompt.points_xy is not None:
                on = [mask[int(y), int(x)] for x, y in prompt.points_xy]
                told = [bool(label) for label in prompt.point_labels]
                # A diameter may cross what does not belong to the object.
                assert on == told or (profile.name.startswith("recist") and all(told))


def _same(one: list[Prompt], other: list[Prompt]) -> bool:
    """But for the seed that they were drawn with."""
    plain = (list(encoded_lines(replace(p, seed=0) for p in prompts)) for prompts in (one, other))
    return next(plain) == next(plain)


def test_order_and_other_cases_cannot_change_a_prompt() -> None:
    rng = np.random.default_rng(0)
    work = [
        (f"case-{k}", label, rng.random((30, 30)) < 0.2, seed)
        for k in range(5)
        for label in ("a", "b")
        for seed in (0, 1)
    ]
    for profile in plugins("prompts").values():
        alone = {
            (case, label, seed): shown(profile, case, label, mask, seed)
            for case, label, mask, seed in work
        }
        shuffled = list(work)
        random.Random(1).shuffle(shuffled)
        np.random.seed(123)
        for case, label, mask, seed in shuffled:
            again = shown(profile, case, label, mask, seed)
            assert _same(alone[case, label, seed], again), profile.name


def test_what_calls_itself_random_is_and_nothing_else() -> None:
    mask = np.zeros((200, 200), bool)
    mask[40:150, 30:170] = True
    predicted = np.zeros_like(mask)
    predicted[:60] = True
    for profile in plugins("prompts").values():
        drawn = []
        for seed in range(4):
            found = shown(profile, "case", "a", mask, seed)
            if profile.rounds > 1:
                seen = (
                    (mask, predicted) if profile.scope == "plane" else (mask[None], predicted[None])
                )
                found = [profile.refine(p, *seen) for p in found]
            drawn.append(found)
        differ = any(not _same(drawn[0], other) for other in drawn[1:])
        assert differ == profile.random, profile.name


def test_jitter_stays_within_its_amount() -> None:
    mask = np.zeros((256, 256), bool)
    mask[100:140, 80:160] = True
    tight = np.array([80, 100, 159, 139])
    shifts = {tuple(np.subtract(_boxes("box-shift-5-256", mask, s)[0], tight)) for s in range(60)}
    assert shifts == {(-out, -out, out, out) for out in range(6)}
    for seed in range(60):
        out = np.subtract(_boxes("box-out-uniform-20-1024", mask, seed)[0], tight)
        assert (out * [-1, -1, 1, 1] >= 0).all()
        assert np.abs(out).max() <= 5  # 20 of 1024 are 5 of 256
        assert np.abs(np.subtract(_boxes("box-uniform-3-256", mask, seed)[0], tight)).max() <= 3
        assert np.abs(np.subtract(_boxes("box-normal-10", mask, seed)[0], tight)).max() <= 20


def test_replay_files_are_the_same_bytes_and_read_back(tmp_path: Path) -> None:
    mask = _two_parts()
    for name in ("box-component", "points-1-1-uniform", "box-normal-10"):
        profile = plugin("prompts", name)
        made = [p for seed in (0, 1) for p in profile.prompts("c", "a", mask, seed, 2)]
        content = encode_prompts(profile, [0, 1], made)
        again = [p for seed in (0, 1) for p in profile.prompts("c", "a", mask, seed, 2)]
        assert prompts_sha256(content) == prompts_sha256(encode_prompts(profile, [0, 1], again))
        path = tmp_path / f"{name}.json"
        path.write_bytes(content)
        assert _same(read_prompts(path), made)


@pytest.mark.parametrize("name", sorted(plugins("prompts")))
def test_every_profile_says_what_it_is_and_where_from(name: str) -> None:
    profile = plugin("prompts", name)
    assert profile.version >= 1
    assert set(profile.kinds) <= set(get_args(PromptKind))
    assert len(profile.description) > 20
    assert profile.source
    assert name.islower()


def test_a_box_is_enlarged_about_its_middle() -> None:
    """By hand, as CalculateBoxes of vpulab/gbt-sam: 6 x 3 between first and last pixel, times 4/3
    about (7, 4.5) is 8 x 4; the second one is cut at the image, whose size is allowed."""
    profile = plugin("prompts", "box-enlarged-4-3")
    mask = np.zeros((20, 30), bool)
    mask[3:7, 4:11] = True
    (prompt,) = profile.prompts("c", "x", mask, 0, None)
    np.testing.assert_allclose(prompt.box_xy, [3.0, 2.5, 11.0, 6.5])
    mask = np.zeros((20, 30), bool)
    mask[0:20, 18:30] = True
    (prompt,) = profile.prompts("c", "x", mask, 0, None)
    np.testing.assert_allclose(prompt.box_xy, [18 - 11 / 6, 0, 30, 20])
    assert not profile.random


def test_a_box_on_every_plane_is_taken_from_the_squashed_slices() -> None:
    """As vpulab/gbt-sam: Resize without antialiasing, pixels that are wholly 1, both sides times
    4/3; where nothing is the box has no size. Asked in pixels of the volume."""
    import torch

    from reproduce.adapters.gbt_sam.session import prompt_volume

    profile, adapter = plugin("prompts", "box-every-plane-4-3"), plugin("adapters", "gbt-sam")
    assert (profile.for_stacks, profile.random, profile.blind) == (True, False, True)
    mask = np.zeros((4, 20, 30), bool)
    mask[1, 3:7, 4:11] = True
    mask[2, 9, 9] = True
    side = 96
    bring = adapter.prompt_grid({"image_size": side})
    made = first_prompts(profile, bring, "c", "x", mask, 0, None)
    assert [prompt.plane for prompt in made] == [0, 1, 2, 3]
    for plane in (0, 2, 3):  # of a single pixel none on the square is wholly 1
        np.testing.assert_array_equal(made[plane].box_xy, [0, 0, 0, 0])
    soft = torch.from_numpy(mask[1].astype(np.float32))[None, None]
    there = torch.nn.functional.interpolate(soft, [side, side], mode="bilinear")[0, 0].numpy()
    y, x = np.where(there == 1)
    width, height = x.max() - x.min(), y.max() - y.min()
    middle = x.min() + width / 2, y.min() + height / 2
    expected = [
        max(0, middle[0] - width / 1.5),
        max(0, middle[1] - height / 1.5),
        min(side, middle[0] + width / 1.5),
        min(side, middle[1] + height / 1.5),
    ]
    on_squares = np.array(made[1].box_xy) * ([side / 30, side / 20] * 2)
    np.testing.assert_allclose(on_squares, expected, atol=1e-9)
    empty = first_prompts(profile, bring, "c", "x", np.zeros((2, 20, 30), bool), 0, None)
    assert len(empty) == 2, "every plane of a volume without the object is asked about"
    assert prompt_volume(mask, {"image_size": side}, (None, None, None)).mask.shape == (4, 96, 96)


def test_nine_clicks_go_where_the_error_is_deepest() -> None:
    """Against the release's own steps: OpenCV's distance of the padded XOR, one of its maxima."""
    import cv2

    profile = plugin("prompts", "clicks-9")
    mask = np.zeros((40, 50), bool)
    mask[5:16, 5:16] = True
    mask[20:39, 20:39] = True
    (prompt,) = profile.prompts("c", "x", mask, 3, None)
    predicted = np.zeros_like(mask)
    predicted[2:16, 4:16] = True  # too high; misses the larger square
    assert prompt.points_xy is not None
    for wrong, click in ((mask, prompt.points_xy[0]), (mask ^ predicted, None)):
        padded = np.pad(wrong.astype(np.uint8), 1)
        deep = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
        if click is None:
            following = profile.refine(prompt, mask, predicted)
            assert following.points_xy is not None
            assert following.point_labels is not None
            assert len(following.points_xy) == 2
            click = following.points_xy[1]
            assert following.point_labels[1] == 1
        x, y = click.astype(int)
        assert deep[y, x] == deep.max()
    assert (profile.rounds, profile.follows, profile.feeds) == (9, "first", False)


def test_names_of_classes_are_prompts_of_their_own(tmp_path) -> None:
    from reproduce.asking.replay import make_prompts
    from reproduce.contracts import Case, Sample

    class One:
        def load(self, case: Case, options: object) -> Sample:
            there, absent = np.ones((4, 4), bool), np.zeros((4, 4), bool)
            labels = {"liver": there, "spleen": absent}
            return Sample.of_image(case, np.zeros((4, 4, 3), np.uint8), labels)

    def asked(name: str) -> list[tuple[str, bool]]:
        made = make_prompts(One(), {}, [Case("c", {})], plugin("prompts", name), [0])  # type: ignore[arg-type]  # duck-typed
        return [(prompt.label, prompt.oracle) for prompt in made]

    assert asked("text") == [("liver", False), ("spleen", False)]
    assert asked("class-presence") == [("liver", True)]  # chosen by looking at the answer
    assert plugin("prompts", "text").kind == "text"
    assert plugin("adapters", "adaptivesam").prompts == ("text",)


# ------------------------------------------------------------------------------------ key planes


def in_depth() -> Mask:
    """Five planes: 2 pixels on plane 1, 6 on planes 2 and 3, 1 on plane 4."""
    mask = np.zeros((5, 8, 9), bool)
    mask[1, 3, 3:5] = True
    mask[2:4, 2:4, 4:7] = True
    mask[4, 7, 0] = True
    return mask


def test_key_planes_by_hand() -> None:
    for name, plane, box in (
        ("box-middle-plane", 3, [4, 2, 6, 3]),  # the later of the two middle ones of 1, 2, 3, 4
        ("box-largest-plane", 2, [4, 2, 6, 3]),  # the first of two equal ones
    ):
        (prompt,) = plugin("prompts", name).prompts("c", "a", in_depth(), 0, None)
        assert prompt.plane == plane
        assert prompt.box is not None
        assert prompt.box_xy is not None
        assert prompt.box[:, 0].tolist() == [plane, plane]
        assert prompt.box_xy.tolist() == box
    (prompt,) = plugin("prompts", "mask-first-plane").prompts("c", "a", in_depth(), 0, None)
    assert prompt.plane == 1
    assert prompt.mask is not None
    np.testing.assert_array_equal(prompt.mask, in_depth()[1])
    (prompt,) = plugin("prompts", "point-first-plane").prompts("c", "a", in_depth(), 0, None)
    assert prompt.points is not None
    assert prompt.points[0].tolist() in ([1, 3, 3], [1, 3, 4])
    assert (
        plugin("prompts", "mask-first-plane").prompts("c", "a", in_depth() & False, 0, None) == []
    )


def test_each_object_of_a_stack_has_a_key_plane_of_its_own(tmp_path: Path) -> None:
    profile = KeyPlaneProfile("each", 1, "masks of components", "test", "first", per="component")
    mask = np.zeros((4, 6, 6), bool)
    mask[0:2, 0:2, 0:2] = True
    mask[2:4, 4, 4] = True
    found = profile.prompts("c", "a", mask, 0, None)
    assert [(p.object_index, p.plane) for p in found] == [(0, 0), (1, 2)]
    path = tmp_path / "prompts.json"
    path.write_bytes(encode_prompts(profile, [0], found))
    for read, made in zip(read_prompts(path), found, strict=True):
        assert (read.plane, read.object_index) == (made.plane, made.object_index)
        assert read.mask is not None
        assert made.mask is not None
        np.testing.assert_array_equal(read.mask, made.mask)


def test_the_deepest_voxel_of_a_stack() -> None:
    mask = np.zeros((5, 9, 11), bool)
    mask[1:4, 2:7, 5:10] = True  # 3 x 5 x 5: one voxel from each plane outside, in the middle one
    (prompt,) = plugin("prompts", "clicks-3d-5-centre").prompts("c", "a", mask, 0, None)
    assert prompt.points is not None
    assert prompt.points.tolist() == [[2, 3, 6]]  # the first that is 2 voxels from all sides
