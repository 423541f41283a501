"""Whole masks as prompts: what they are changed to, how they are kept, who is asked together."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import max_pool3d

from reproduce.asking.loop import Evaluator
from reproduce.asking.replay import encode_prompts, read_prompts
from reproduce.asking.rounds import View
from reproduce.contracts import Case, Prompt, Sample, StackModel
from reproduce.ground.plugins import plugin
from reproduce.prompting.solid_masks import SHIFTED, shifted

Mask = NDArray[np.bool_]


def drawn(seed: int = 0) -> Mask:
    """Blobs that touch the faces of the volume."""
    mask = np.random.default_rng(seed).random((6, 12, 11)) < 0.1
    mask[:2, 3:8, 2:7] = True
    mask[3:6, 6:12, 5:11] = True
    return cast("Mask", mask)


def made(name: str, mask: Mask, seed: int = 0) -> Mask:
    (prompt,) = plugin("prompts", name).prompts("c", "a", mask, seed, None)
    assert prompt.plane is None
    assert prompt.oracle, "the answer itself is given"
    return cast("Mask", prompt.mask)


def grown(mask: Mask) -> Mask:
    """By a cube of three voxels, as the released script does it, with nothing beyond the volume."""
    pooled = max_pool3d(torch.from_numpy(mask)[None].float(), 3, stride=1, padding=1)
    return cast("Mask", (pooled[0] > 0).numpy())


def test_masks_are_changed_as_the_release_changes_them() -> None:
    mask = drawn()
    smaller = ~grown(~mask)
    np.testing.assert_array_equal(made("mask-solid", mask), mask)
    np.testing.assert_array_equal(made("mask-solid-dilated-1", mask), grown(mask))
    np.testing.assert_array_equal(made("mask-solid-eroded-1", mask), smaller)
    np.testing.assert_array_equal(made("mask-solid-hollowed-1", mask), mask & ~smaller)
    assert smaller[0].any(), "a face of the volume is no reason to erode"
    lone = np.zeros((3, 4, 4), np.bool_)
    lone[1, 2, 2] = True
    assert not made("mask-solid-eroded-1", lone).any(), "asked with nothing, not left out"
    assert plugin("prompts", "mask-solid").prompts("c", "a", lone & False, 0, None) == []


def test_a_mask_moves_by_up_to_three_voxels_and_never_comes_back_on_the_other_side() -> None:
    one = np.zeros((9, 9, 9), np.bool_)
    one[4, 4, 4] = True
    places = {
        tuple(int(a) for a in np.argwhere(made("mask-solid-shifted-3", one, seed))[0] - 4)
        for seed in range(300)
    }
    assert {a for place in places for a in place} == set(range(*SHIFTED))
    assert len(places) > 150, "each axis has a draw of its own"
    mask = drawn()
    for by in ((0, 0, 0), (1, -2, 2), (-3, 0, 1), (7, 0, 0)):
        expected = np.zeros_like(mask)
        for place in np.argwhere(mask) + np.array(by):
            if all(0 <= a < size for a, size in zip(place, mask.shape, strict=True)):
                expected[tuple(place)] = True
        np.testing.assert_array_equal(shifted(mask, by), expected)


def test_a_whole_mask_is_kept_in_the_replay_file(tmp_path: Path) -> None:
    profile = plugin("prompts", "mask-solid-shifted-3")
    prompts = [p for seed in (0, 1) for p in profile.prompts("c", "a", drawn(), seed, None)]
    (tmp_path / "prompts.json").write_bytes(encode_prompts(profile, (0, 1), prompts))
    again = read_prompts(tmp_path / "prompts.json")
    for one, other in zip(prompts, again, strict=True):
        np.testing.assert_array_equal(cast("Mask", one.mask), cast("Mask", other.mask))
        assert (one.plane, one.oracle, one.seed) == (other.plane, other.oracle, other.seed)


@pytest.mark.parametrize("joint", [False, True])
def test_a_model_whose_objects_share_voxels_is_asked_about_all_at_once(joint: bool) -> None:
    """Otherwise large volumes are asked object by object, whatever the memory of a GPU."""
    model = StackModel()
    model.joint = joint
    sample = Sample.of_volume(Case("c", {}), np.zeros((70, 1024, 1024), np.uint8), {})
    prompts = [Prompt("c", label, seed=seed) for label in ("b", "a") for seed in (0, 1)]
    view = View(sample, range(70), prompts, cast("Any", None))
    asker = SimpleNamespace(model=model, by_plane=False)
    chunks = list(Evaluator._chunks(cast("Evaluator", asker), view))
    told = [[(p.label, p.seed) for p in chunk] for chunk in chunks]
    if joint:
        assert told == [[("b", 0), ("a", 0)], [("b", 1), ("a", 1)]]
    else:
        assert told == [[("a", 0)], [("a", 1)], [("b", 0)], [("b", 1)]]
