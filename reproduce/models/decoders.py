"""Mask decoders that several releases have in place of SAM's own."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from segment_anything.modeling.common import LayerNorm2d
from segment_anything.modeling.mask_decoder import MLP
from segment_anything.modeling.transformer import TwoWayAttentionBlock
from torch import nn


def enlarge_sixteenfold(decoder: Any, width: int) -> None:
    """SAM's decoder with two more doublings, in place: masks have the side of the input.

    width  of the prompt embedding (MA-SAM, MedSegX: `keep_resolution`)
    """
    widths = [width, width // 4, width // 8, width // 16, width // 32]
    steps: list[nn.Module] = []
    for before, after in pairwise(widths):
        steps += [nn.ConvTranspose2d(before, after, 2, stride=2), LayerNorm2d(after), nn.GELU()]
    del steps[-2]  # no normalisation after the last
    decoder.output_upscaling = nn.Sequential(*steps)
    decoder.output_hypernetworks_mlps = nn.ModuleList(
        MLP(width, width, widths[-1], 3) for _ in range(decoder.num_mask_tokens)
    )


def other_self_attention(decoder: Any, width: int, hidden: int) -> None:
    """The transformer that Medical SAM Adapter and GBT-SAM have, in place of SAM's.

    width  of the prompt embedding;  hidden  of the MLP
    """
    for layer in decoder.transformer.layers:
        layer.__class__ = DecoderBlock
        layer.mlp = DecoderMlp(width, hidden)


class DecoderMlp(nn.Module):
    """Linear, ReLU, Linear under the checkpoint's names."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Sequential(nn.Linear(width, hidden), nn.ReLU())])
        self.fc = nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.fc(self.layers[0](x))
        return y


class DecoderBlock(TwoWayAttentionBlock):  # type: ignore[misc]  # segment_anything is untyped
    """SAM's block with another self attention: values have their positions added too, and the
    first layer keeps its residual."""

    def forward(
        self,
        queries: torch.Tensor,
        keys: torch.Tensor,
        query_pe: torch.Tensor,
        key_pe: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.skip_first_layer_pe:
            queries = queries + query_pe
        queries = self.norm1(queries + self.self_attn(q=queries, k=queries, v=queries))
        seen = self.cross_attn_token_to_image(q=queries + query_pe, k=keys + key_pe, v=keys)
        queries = self.norm2(queries + seen)
        queries = self.norm3(queries + self.mlp(queries))
        told = self.cross_attn_image_to_token(q=keys + key_pe, k=queries + query_pe, v=queries)
        return queries, self.norm4(keys + told)
