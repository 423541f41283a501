"""Window attention of SAM-Med3D's encoder without the queries that its window adds.

A cube of 8x8x8 tokens is padded to one window of 14x14x14. What the 2,232 added tokens answer is
cut off again, so that only their keys and values are needed: a fifth of the products, head by head,
in the cache.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def without_added_queries(encoder: Any) -> None:
    """Let the blocks of a `medim` encoder that look through windows answer for their own tokens
    alone. Same sums in the same order; products of fewer rows may round otherwise."""
    for block in encoder.blocks:
        if block.window_size:
            block.forward = partial(_forward, block, block.forward)


def _forward(block: Any, official: Any, x: Tensor) -> Tensor:
    if max(x.shape[1:4]) > block.window_size:  # several windows
        found: Tensor = official(x)
        return found
    x = x + torch.stack([_attended(block.attn, one, block.window_size) for one in block.norm1(x)])
    return x + block.mlp(block.norm2(x))  # type: ignore[no-any-return]


def _attended(attention: Any, x: Tensor, side: int) -> Tensor:
    """(D, H, W, C) -> the same, seen by every token of a window of `side` around it."""
    from medim.models.sam_med3d import get_rel_pos

    depth, height, width, channels = x.shape
    added = (0, 0, 0, side - width, 0, side - height, 0, side - depth)
    qkv = attention.qkv(functional.pad(x, added))
    heads = qkv.view(side**3, 3, attention.num_heads, -1).permute(1, 2, 0, 3)
    tables = [
        get_rel_pos(side, side, table)
        for table in (attention.rel_pos_d, attention.rel_pos_h, attention.rel_pos_w)
    ]
    answers = []
    for q, k, v in zip(*heads, strict=True):
        asked = q.view(side, side, side, -1)[:depth, :height]
        own = asked[:, :, :width]
        scores = (own.reshape(-1, own.shape[-1]) * attention.scale) @ k.T
        whole = scores.view(depth, height, width, side, side, side)
        # As the authors' code places them: each table's last axis along the keys' last one, and the
        # queries' last axis along the keys' first and second.
        whole += torch.einsum("dhwc,dkc->dhwk", own, tables[0][:depth])[:, :, :, None, None]
        whole += torch.einsum("dhwc,hkc->dhwk", asked, tables[1][:height])[:, :, None, :, None]
        whole += torch.einsum("dhwc,wkc->dhwk", asked, tables[2])[:, :, None, None]
        answers.append(scores.softmax(-1) @ v)
    together = torch.stack(answers, dim=1).view(depth, height, width, channels)
    found: Tensor = attention.proj(together)
    return found
