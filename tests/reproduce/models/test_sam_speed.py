"""What makes runs quick must not change a number: counting in parts, working ahead."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from reproduce.ground.ahead import ahead
from reproduce.models import products, sam_encoder
from reproduce.statistics import counting, nearest
from reproduce.statistics.arrays import on_host


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.bool])
@pytest.mark.parametrize("size", [(8, 8), (7, 9), (1, 1), (33, 70)])
@pytest.mark.parametrize("piece", [1 << 20, 50])
def test_byte_sums_equal_sums_of_booleans(
    dtype: torch.dtype, size: tuple[int, int], piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CPU's kernel, whole and in pieces by threads, against the one for other devices."""
    monkeypatch.setattr(counting, "PIECE", piece)
    monkeypatch.setattr(counting, "WORTH_THREADS", 0 if piece == 50 else 1 << 30)
    generator = torch.Generator().manual_seed(2)
    scores = torch.randn((4, 3, *size), generator=generator).to(dtype)
    reference = torch.rand((4, *size), generator=generator) > 0.5
    valid = torch.rand(size, generator=generator) > 0.3
    cuts = [0.5] if dtype == torch.bool else [-np.inf, -0.3, 0.0, 0.5, np.inf]
    for area in (None, valid.flatten()):
        arguments = (scores.flatten(2), cuts, reference.flatten(1), area)
        ours = counting._count_on_cpu(*map(on_host, arguments))
        plain = counting._count_on_device(*arguments)
        np.testing.assert_array_equal(ours[0], plain[0])
        np.testing.assert_array_equal(ours[1], plain[1])
        assert ours[2] == plain[2]


def test_ahead_keeps_the_order_and_runs_in_other_threads() -> None:
    both = threading.Barrier(2)

    def work(n: int) -> int:
        if n < 2:
            both.wait()  # the first is not done before the second has begun
        return n * n

    assert list(ahead(work, range(20), threads=3, depth=5)) == [n * n for n in range(20)]
    assert list(ahead(work, range(2, 5), threads=0, depth=5)) == [4, 9, 16]


def test_ahead_raises_in_turn_and_takes_no_more_than_asked() -> None:
    taken: list[int] = []

    def items() -> object:
        for n in range(100):
            taken.append(n)
            yield n

    def work(n: int) -> int:
        if n == 2:
            raise ValueError("two")
        return n

    made = ahead(work, items(), threads=2, depth=3)  # type: ignore[arg-type]
    assert [next(made), next(made)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(made)
    assert len(taken) <= 6


@pytest.mark.parametrize(
    "spacing", [(1.0, 1.0), (0.3, 2.5), (1.0, 1.0, 1.0), (5.0, 0.8, 0.7), (0.5, 0.5, 4.0)]
)
@pytest.mark.parametrize("apart", [0, 3, 30])
def test_nearest_distances_equal_the_distance_transform(
    spacing: tuple[float, ...], apart: int
) -> None:
    """Against SciPy's transform of the whole box: close surfaces, far ones, a single target."""
    rng = np.random.default_rng(5)
    shape = (60, 70) if len(spacing) == 2 else (24, 40, 44)
    at, targets = rng.random(shape) > 0.97, rng.random(shape) > 0.97
    if apart:  # nothing near: the far end of the last axis only, with lines that hold nothing
        at[..., apart:] = False
        targets[..., : min(apart + 8, shape[-1] - 2)] = False
        targets[1::2] = False
    lonely = np.zeros(shape, dtype=np.bool_)
    lonely[(0,) * len(shape)] = True
    where = np.flatnonzero(at)
    for there in (targets, lonely):
        expected = distance_transform_edt(~there, sampling=spacing)[at]
        found = nearest.nearest_distances(where, np.flatnonzero(there), shape, spacing)
        np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert np.isinf(nearest.nearest_distances(where, where[:0], shape, spacing)).all()
    assert nearest.nearest_distances(where[:0], where, shape, spacing).shape == (0,)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.lists(st.integers(1, 14), min_size=2, max_size=3).map(tuple),
    spacing=st.tuples(*[st.sampled_from([0.3, 1.0, 5.0])] * 3),
    share=st.sampled_from([0.002, 0.05, 0.5]),
    line=st.sampled_from([0, 2, 1 << 40]),
    seed=st.integers(0, 99),
)
def test_every_way_to_the_nearest_voxel_gives_the_same(
    shape: tuple[int, ...], spacing: tuple[float, ...], share: float, line: int, seed: int
) -> None:
    """Lines alone (they cost nothing), as planned, and handed over as early as can be."""
    rng = np.random.default_rng(seed)
    spacing = spacing[: len(shape)]
    background = rng.random(shape) >= share
    background.reshape(-1)[rng.integers(background.size)] = False
    targets, queries = np.flatnonzero(~background), np.arange(background.size)
    expected = distance_transform_edt(background, sampling=spacing).reshape(-1) ** 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "LINE_NS", line)
        ways = [nearest.by_lines(queries, targets, background, spacing)]
    ways += [
        way(queries, targets, background, spacing)
        for way in (nearest.by_tree, nearest.by_transform)
    ]
    for found in ways:
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_surfaces_far_apart_go_through_the_box_and_few_voxels_through_a_tree(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The way follows from sizes and distances alone; what is close is found by lines."""
    taken: list[str] = []
    for name in ("by_tree", "by_transform"):
        way = getattr(nearest, name)
        monkeypatch.setattr(
            nearest, name, lambda *a, way=way, name=name: (taken.append(name), way(*a))[1]
        )

    def ask(queries: object, targets: object, shape: tuple[int, ...]) -> list[str]:
        taken.clear()
        masks = [np.zeros(shape, dtype=np.bool_) for _ in range(2)]
        masks[0][queries], masks[1][targets] = True, True  # type: ignore[index]
        nearest.nearest_distances(*map(np.flatnonzero, masks), shape, (1.0,) * len(shape))
        return list(taken)

    slab, far = np.s_[:, :20], np.s_[:, 67]
    assert ask(slab, np.s_[:, ::4], (70, 70, 70)) == []
    assert ask(slab, far, (70, 70, 70)) == ["by_transform"]
    assert ask(np.s_[0, 0, 0], np.s_[69, 69, 69], (70, 70, 70)) == ["by_tree"]
    assert ask(np.s_[5, 5], np.s_[60, 60], (70, 70)) == ["by_tree"]


def test_products_of_both_libraries_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attention and linear layers by oneDNN, as on processors of AMD, against torch's own."""
    torch.manual_seed(3)
    side, heads, channels = 32, 2, 16
    q, k, v = torch.randn(3, 2, heads, side * side, channels)
    q = q[:, :, : 9 * side]  # a strip of nine rows: no multiple of what is done at once
    to_rows, to_columns = torch.randn(9, side, channels), torch.randn(side, side, channels)
    x, weight, bias = torch.randn(5, 7, 24), torch.randn(11, 24), torch.randn(11)
    found = []
    for onednn in (False, True):
        monkeypatch.setattr(products, "_here", lambda onednn=onednn: onednn)
        assert sam_encoder.by_onednn(q) == onednn
        attended = sam_encoder._attend(q, k, v, to_rows, to_columns)
        found.append((attended, products.product(x, weight, bias), products.product(x, weight)))
    for plain, ours in zip(*found, strict=True):
        assert plain.shape == ours.shape
        torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-5)
    assert not sam_encoder.by_onednn(q.bfloat16())
