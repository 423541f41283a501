"""Integers from score maps, on their device: confusion counts and score histograms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.contracts import ScoreKind
from reproduce.statistics.arrays import in_float32, is_bool, is_tensor, on_host, thread_count

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from reproduce.statistics.arrays import Array


def decision(threshold: float, kind: ScoreKind) -> float:
    """The value that scores of a kind are compared with (`score > decision`) for a probability.

    Source: sigmoid(x) > t is x > log(t / (1 - t)); a label is 0 or 1, so that 0.5 parts them.
    """
    if kind == "label":
        return 0.5
    if kind == "probability":
        return threshold
    if threshold <= 0:
        return -math.inf
    return math.inf if threshold >= 1 else math.log(threshold) - math.log1p(-threshold)


def confusion(
    scores: Array,
    kind: ScoreKind,
    thresholds: Sequence[float],
    reference: Array,
    valid: Array | None = None,
) -> NDArray[np.int64]:
    """TP, FP, FN, TN of every candidate at every threshold.

    scores     (N, C, *spatial) float or bool
    reference  (N, *spatial) bool on the same device;  valid (*spatial) bool or None
    returns    (N, C, T, 4) int64: tp, fp, fn, tn over the valid pixels
    """
    import numpy as np

    scores, reference, valid = map(on_host, (scores, reference, valid))
    count: Callable[..., Counted] = _count_on_device if is_tensor(scores) else _count_on_cpu
    cuts = [decision(threshold, kind) for threshold in thresholds]
    inside = None if valid is None else valid.reshape(-1)
    flat, truth = scores.reshape(*scores.shape[:2], -1), reference.reshape(len(reference), -1)
    found, positives, total = count(flat, cuts, truth, inside)
    tp, predicted = found[..., 0], found[..., 1]
    fp, fn = predicted - tp, positives[:, None, None] - tp
    return np.stack([tp, fp, fn, total - tp - fp - fn], axis=-1)


# Bytes of scores from which starting threads costs less than it saves.
WORTH_THREADS = 16_000_000
# Pixels counted at a time: a piece of two masks stays in the cache of a core, so that three passes
# read it from memory once.
PIECE = 1 << 19

Counted = tuple["NDArray[np.int64]", "NDArray[np.int64]", int]


def _count_on_cpu(
    scores: NDArray[Any],
    cuts: Sequence[float],
    references: NDArray[np.bool_],
    within: NDArray[np.bool_] | None,
) -> Counted:
    """On a CPU: sums and absolute differences of bytes by OpenCV, piece by piece.

    Returns (N, C, T, 2) true positives and predicted positives, (N,) positives, and the number of
    pixels that count. True positives are (predicted + positives - differing) / 2. Packing eight
    pixels a byte for population counts takes 1.7 times as long (`benchmarks/NOTES.md`).
    """
    import cv2
    import numpy as np

    pixels = scores.shape[2]

    def count(n: int, begin: int, end: int) -> tuple[list[list[tuple[int, int]]], int]:
        """True and predicted positives by score and cut, and positives, between two pixels of n."""
        found = [[(0, 0)] * len(cuts) for _ in range(scores.shape[1])]
        positives = 0
        room = np.empty(min(PIECE, end - begin), np.bool_)
        for start in range(begin, end, PIECE):
            piece = slice(start, min(start + PIECE, end))
            valid = None if within is None else within[piece]
            reference = references[n, piece]
            if valid is not None:
                reference = reference & valid
            expected = reference.view(np.uint8)
            present = int(cv2.sumElems(expected)[0])
            positives += present
            for c, counted in enumerate(found):
                values = scores[n, c, piece]
                for t, cut in enumerate(cuts):
                    predicted = values
                    if values.dtype != np.bool_ or not 0 <= cut < 1:
                        predicted = np.greater(values, cut, out=room[: len(values)])
                    if valid is not None:
                        predicted = np.logical_and(predicted, valid, out=room[: len(values)])
                    marks = predicted.view(np.uint8)
                    differing = int(cv2.norm(marks, expected, cv2.NORM_L1))
                    marked = int(cv2.sumElems(marks)[0])
                    both, all_marked = counted[t]
                    both += (marked + present - differing) // 2
                    counted[t] = both, all_marked + marked
        return found, positives

    threads = thread_count() if scores.nbytes >= WORTH_THREADS else 1
    # one stack for all threads is cut into as many parts
    parts = -(-threads // max(1, len(scores)))
    size = max(1, -(-pixels // parts))
    jobs = [
        (n, at, min(at + size, pixels)) for n in range(len(scores)) for at in range(0, pixels, size)
    ]
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:  # these let go of the interpreter meanwhile
            counted = list(pool.map(lambda job: count(*job), jobs))
    else:
        counted = [count(*job) for job in jobs]
    result = np.zeros((*scores.shape[:2], len(cuts), 2), np.int64)
    positives = np.zeros(len(scores), np.int64)
    for (n, _, _), (found, present) in zip(jobs, counted, strict=True):
        result[n] += found
        positives[n] += present
    return result, positives, pixels if within is None else int(np.count_nonzero(within))


def _count_on_device(
    flat: torch.Tensor, cuts: Sequence[float], truth: torch.Tensor, inside: torch.Tensor | None
) -> Counted:
    """The same on another device; only the counts travel."""
    import numpy as np
    import torch

    if inside is not None:
        truth = truth & inside
    found = []
    for cut in cuts:
        predicted = flat > cut
        if inside is not None:
            predicted &= inside
        found.append(torch.stack([(predicted & truth[:, None]).sum(-1), predicted.sum(-1)], dim=-1))
    counts = torch.stack(found, dim=2).cpu().numpy().astype(np.int64)
    total = flat.shape[2] if inside is None else int(inside.sum())
    return counts, truth.sum(1).cpu().numpy().astype(np.int64), total


@lru_cache(maxsize=8)
def _edges(bins: int, kind: ScoreKind) -> NDArray[np.float32]:
    import numpy as np

    return np.array([decision(k / bins, kind) for k in range(bins)], np.float32)


def histogram(
    scores: Array,
    kind: ScoreKind,
    bins: int,
    reference: Array,
    valid: Array | None = None,
) -> NDArray[np.int64]:
    """Counts of scores per bin, for foreground and background pixels.

    scores, reference, valid as in `confusion`; returns (N, C, 2, bins + 1) int64, first the
    foreground. Bins as in `reproduce.statistics.schema`.
    """
    import numpy as np

    scores, reference, valid = map(on_host, (scores, reference, valid))
    count: Callable[..., NDArray[np.int64]] = _bins_on_device if is_tensor(scores) else _bins
    edges = _edges(bins, kind)
    inside = None if valid is None else valid.reshape(-1)

    def counted(n: int, c: int) -> NDArray[np.int64]:
        values, truth = in_float32(scores[n, c]).reshape(-1), reference[n].reshape(-1)
        if inside is not None:
            values, truth = values[inside], truth[inside]
        return count(values, truth, edges).reshape(2, bins + 1)

    maps = list(product(*map(range, scores.shape[:2])))
    threads = thread_count() if math.prod(scores.shape) >= WORTH_THREADS // 4 else 1
    if threads > 1 and not is_tensor(scores):
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(lambda at: counted(*at), maps))
    else:
        found = [counted(*at) for at in maps]
    return np.array(found, np.int64).reshape(*scores.shape[:2], 2, bins + 1)


def _bins(
    values: NDArray[np.float32], truth: NDArray[np.bool_], edges: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Pixels of every bin, first those of the foreground. How many edges lie below a value is its
    bin: `value > edge[k]` means bin > k."""
    import numpy as np

    bucket = np.searchsorted(edges, values)
    bucket[~truth] += len(edges) + 1
    return np.bincount(bucket, minlength=2 * (len(edges) + 1))


def _bins_on_device(values: Any, truth: Any, edges: NDArray[np.float32]) -> NDArray[np.int64]:
    """The same on another device; only the counts travel."""
    import torch

    bucket = torch.bucketize(values, torch.from_numpy(edges).to(values.device))
    bucket += torch.where(truth, 0, len(edges) + 1)
    found: NDArray[np.int64] = torch.bincount(bucket, minlength=2 * (len(edges) + 1)).cpu().numpy()
    return found


def checked(scores: Array, kind: ScoreKind, place: str) -> Array:
    """`scores` as float32 (bool stays). Raises `InputError` for NaN and values off the range."""
    if is_bool(scores):
        return scores
    if kind == "label":
        if bool(((scores != 0) & (scores != 1)).any()):
            raise InputError(
                f"{place}: labels must be 0 or 1, got values between "
                f"{float(scores.min()):g} and {float(scores.max()):g}. "
                "Pass probabilities as kind='probability', class indices one mask per class."
            )
        marked: Array = scores > 0.5
        return marked
    values: Any = in_float32(scores)
    # A sum is one pass and is NaN as soon as one element is; infinite logits of both signs are
    # legal, so that only then the elements are looked at one by one.
    if math.isnan(float(values.sum())) and (broken := int((values != values).sum())):
        raise InputError(
            f"{place}: {broken} scores are NaN. "
            "The model overflowed or its weights are broken; try dtype float32."
        )
    if kind == "probability" and math.prod(values.shape):
        low, high = float(values.min()), float(values.max())
        if low < 0 or high > 1:
            raise InputError(
                f"{place}: probabilities must lie in 0-1, got {low:g} to {high:g}. "
                "Pass logits as kind='logit'."
            )
    found: Array = values
    return found
