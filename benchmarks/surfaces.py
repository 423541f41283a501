"""Suite `surfaces`: NSD and HD95 beside surface-distance, from equal masks to noise, on a CPU.

No pair of masks is a good case for one way only: surfaces that run close are found line by line,
far ones by a distance transform. So each scenario has its own ratio, and the worst one counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Contender, interleave, machine, median_ratio, with_kind, write
from benchmarks.kernels import scores_of

Masks = tuple[NDArray[np.bool_], NDArray[np.bool_]]
Pair = tuple[Callable[[], Masks], tuple[float, ...]]
SHAPE = (96, 192, 192)
MM = (2.0, 0.8, 0.8)
TOLERANCE_MM = 2.0
CONTENDERS = {
    "ours": "benchmarks.surfaces:ours",
    "surface-distance": "benchmarks.surfaces:surface_distance",
}


def bumpy(shape: tuple[int, ...], move: float = 0.0, size: float = 1.0) -> NDArray[np.bool_]:
    """One bumpy ellipsoid (ellipse in 2D) in the middle, moved along the last axis in voxels."""
    grid = np.ogrid[tuple(slice(n) for n in shape)]
    middle = [n / 2 for n in shape]
    middle[-1] += move
    squares = sum(
        ((axis - at) / (0.22 * size * n)) ** 2
        for axis, at, n in zip(grid, middle, shape, strict=True)
    )
    waves = np.sin(grid[-1] / 5 - move / 5) * np.sin(grid[-2] / 7)
    return np.asarray(squares + 0.15 * waves < 1)


def moved(shape: tuple[int, ...], voxels: int) -> Masks:
    return bumpy(shape), bumpy(shape, voxels)


def noisy(shape: tuple[int, ...], both: bool) -> Masks:
    """A mask against itself with one voxel in 500 flipped, or both so."""
    rng = np.random.default_rng(3)
    one, other = bumpy(shape), bumpy(shape, 2) ^ (rng.random(shape) < 0.002)
    return (one ^ (rng.random(shape) < 0.002) if both else one), other


def whole(shape: tuple[int, ...]) -> Masks:
    """An object against everything."""
    return bumpy(shape), np.ones(shape, np.bool_)


def corners(shape: tuple[int, ...]) -> Masks:
    """Two small objects in opposite corners: the box of both is the whole array."""
    one, other = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    one[tuple(slice(2, 14) for _ in shape)] = True
    other[tuple(slice(n - 14, n - 2) for n in shape)] = True
    return one, other


def many(shape: tuple[int, ...], count: int = 200) -> Masks:
    """Small objects all over, of which one in five is missed and all are moved by a voxel or so."""
    rng = np.random.default_rng(5)
    one, other = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    for number in range(count):
        at = [int(rng.integers(8, n - 8)) for n in shape]
        size = int(rng.integers(2, 6))
        one[tuple(slice(a - size, a + size) for a in at)] = True
        if number % 5:
            other[tuple(slice(a - size + 1, a + size + 1) for a in at)] = True
    return one, other


PAIRS: dict[str, Pair] = {
    "perfect": (lambda: moved(SHAPE, 0), MM),
    "1 voxel off": (lambda: moved(SHAPE, 1), MM),
    "5 voxels off": (lambda: moved(SHAPE, 5), MM),
    "25 voxels off": (lambda: moved(SHAPE, 25), MM),
    "60 voxels off": (lambda: moved(SHAPE, 60), MM),
    "noise in one": (lambda: noisy(SHAPE, False), MM),
    "noise in both": (lambda: noisy(SHAPE, True), MM),
    "empty against full": (lambda: (np.zeros(SHAPE, np.bool_), np.ones(SHAPE, np.bool_)), MM),
    "object against the whole volume": (lambda: whole(SHAPE), MM),
    "opposite corners": (lambda: corners(SHAPE), MM),
    "5:1, 1 voxel off": (lambda: moved((40, 192, 192), 1), (5.0, 1.0, 1.0)),
    "5:1, 25 voxels off": (lambda: moved((40, 192, 192), 25), (5.0, 1.0, 1.0)),
    "1:5, 5 voxels off": (lambda: moved((128, 128, 40), 5), (1.0, 1.0, 5.0)),
    "many small objects": (lambda: many(SHAPE), MM),
    "2D, perfect": (lambda: moved((1024, 1024), 0), (1.0, 1.0)),
    "2D, 1 pixel off": (lambda: moved((1024, 1024), 1), (1.0, 1.0)),
    "2D, 25 pixels off": (lambda: moved((1024, 1024), 25), (1.0, 1.0)),
    "2D, 150 pixels off": (lambda: moved((1024, 1024), 150), (1.0, 1.0)),
    "2D, noise in one": (lambda: noisy((1024, 1024), False), (1.0, 1.0)),
    "2D, 256 x 256, 5 pixels off": (lambda: moved((256, 256), 5), (1.0, 1.0)),
}


def ours(options: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """`surface_histograms` of as many copies of the pair as there are threads."""
    from reproduce.statistics.surface import SurfaceSpec, surface_histograms

    threads = options["threads"]

    def scenario(pair: Pair) -> Callable[[], list[float]]:
        (one, other), spacing = pair[0](), pair[1]
        spec = SurfaceSpec("surfel", "header", f"{one.ndim}d")

        def work() -> list[float]:
            entries = surface_histograms([(one, other, spec, spacing)] * threads, threads)
            return scores_of(entries[0])

        return work

    return {name: scenario(pair) for name, pair in PAIRS.items() if name in options["pairs"]}


def surface_distance(options: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """DeepMind's surface-distance on the same, in as many threads."""
    from concurrent.futures import ThreadPoolExecutor

    from surface_distance import (
        compute_robust_hausdorff,
        compute_surface_dice_at_tolerance,
        compute_surface_distances,
    )

    threads = options["threads"]
    vars(np)["Inf"] = np.inf  # which NumPy 2 took away, and the peer uses for an empty mask

    def scenario(pair: Pair) -> Callable[[], list[float]]:
        (one, other), spacing = pair[0](), pair[1]

        def single(_: int) -> list[float]:
            distances = compute_surface_distances(one, other, spacing)
            return [
                float(compute_surface_dice_at_tolerance(distances, TOLERANCE_MM)),
                float(compute_robust_hausdorff(distances, 95)),
            ]

        def work() -> list[float]:
            with ThreadPoolExecutor(threads) as pool:
                return next(iter(pool.map(single, range(threads))))

        return work

    return {name: scenario(pair) for name, pair in PAIRS.items() if name in options["pairs"]}


def run(
    say: Callable[[str], None],
    quick: bool = False,
    repeats: int = 7,
    names: list[str] | None = None,
) -> dict[str, Any]:
    """Measure, write `results/surfaces-<kind of processor>.json`, return the document."""
    chosen = names or list(PAIRS)
    scenarios = {}
    for threads in (1, 2):
        options = {"threads": threads, "pairs": chosen}
        contenders = [Contender(name, target, options) for name, target in CONTENDERS.items()]
        try:
            for name in chosen:
                measured = interleave(contenders, name, 1 if quick else repeats, say)
                scenarios[f"{name} ({threads})"] = {
                    "title": f"{name}, {threads} thread{'s' * (threads > 1)}",
                    "contenders": measured,
                    **compare(measured),
                }
        finally:
            for contender in contenders:
                contender.close()
    document = {
        "title": "NSD and HD95 against surface-distance, same masks, CPU with "
        + machine()["arithmetic"],
        "baseline": "ours",
        "settings": {"shape": SHAPE, "repetitions": repeats},
        "machine": machine(),
        "scenarios": scenarios,
    }
    if not quick:
        write(with_kind("surfaces"), document)
    return document


def compare(measured: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """How many times longer the peer takes, and how far its values are from ours."""
    mine, peer = measured["ours"], measured["surface-distance"]
    found = {
        kind: round(median_ratio(peer[f"{kind}_all_s"], mine[f"{kind}_all_s"]), 2)
        for kind in ("wall", "cpu")
    }
    a, b = np.asarray(peer.pop("outcome")), np.asarray(mine.pop("outcome"))
    with np.errstate(invalid="ignore"):  # two infinite distances are the same
        difference = float(np.max(np.where(a == b, 0.0, np.abs(a - b))))
    return {
        "ratios": {"surface-distance": found["wall"]},
        "cpu_ratios": {"surface-distance": found["cpu"]},
        "difference": {"surface-distance": difference},
    }
