"""What makes runs quick must not change a number: counting in parts, working ahead."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from reproduce.ground.ahead import ahead
from reproduce.statistics import counting
from reproduce.statistics.nearest import nearest_distances


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
        ours, plain = counting._count_on_cpu(*arguments), counting._count_on_device(*arguments)
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
    for there in (targets, lonely):
        expected = distance_transform_edt(~there, sampling=spacing)[at]
        np.testing.assert_allclose(nearest_distances(at, there, spacing), expected, rtol=1e-14)
    assert np.isinf(nearest_distances(at, np.zeros_like(at), spacing)).all()
    assert nearest_distances(np.zeros_like(at), targets, spacing).shape == (0,)
