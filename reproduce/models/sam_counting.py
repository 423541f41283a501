"""Confusion counts straight from low-resolution logits, a few full-size masks at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from reproduce.contracts import Grid
from reproduce.models.sam_model import SamEmbedding, target_size, upsample_logits
from reproduce.statistics.counting import confusion

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Bytes of upsampled logits alive at once. On a CPU as much as stays in the cache.
CHUNK_BYTES = {"cpu": 8 << 20, "cuda": 1 << 30}


@torch.inference_mode()
def count_from_low_res(
    low_res: torch.Tensor,
    embedding: SamEmbedding,
    side: int,
    reference: torch.Tensor,
    *,
    grid: Grid = "original",
    thresholds: Sequence[float] = (0.5,),
    valid: torch.Tensor | None = None,
) -> NDArray[np.int64]:
    """TP, FP, FN, TN of N prompts x C candidates against N reference masks.

    low_res     (N, C, l, l) logits;  side: the model's square input in px
    reference   (N, h, w) bool on `grid`, same device;  valid (h, w) bool or None
    thresholds  probabilities
    returns     (N, C, T, 4) int64, the integers that `confusion` gives for the upsampled whole:
                each mask goes through the same calls, only fewer together
    """
    height, width = target_size(embedding, grid)
    prompts, candidates = low_res.shape[:2]
    each = 4 * candidates * max(height * width, side * side)
    step = max(1, CHUNK_BYTES.get(low_res.device.type, CHUNK_BYTES["cpu"]) // each)
    counts = np.empty((prompts, candidates, len(thresholds), 4), np.int64)
    for start in range(0, prompts, step):
        part = slice(start, start + step)
        scores = upsample_logits(low_res[part], side, embedding.resized, (height, width))
        counts[part] = confusion(scores, "logit", thresholds, reference[part], valid)
    return counts
