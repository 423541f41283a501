"""GBT-SAM's network: four channels, LoRA, and adapters that mix four neighbouring slices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.functional import interpolate

from catalog.errors import InputError
from reproduce.models.decoders import other_self_attention
from reproduce.models.lora import merge_loralib
from reproduce.models.sam import build_sam, config_of, load_strictly
from reproduce.models.sam_encoder import FusedAttention, precision
from reproduce.models.unfilled import unfilled

SLICES = 4  # seen together
NAMES = {".attn.rel_h": ".attn.rel_pos_h", ".attn.rel_w": ".attn.rel_pos_w"}


class DepthAdapter(nn.Module):
    """Every token mixed with those of the same place in the slices beside it, then a bottleneck.

    Names of the parts are the checkpoint's.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depth_mix = nn.Linear(SLICES, SLICES)
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, width // 4), nn.GELU(), nn.Linear(width // 4, width)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(4, H, W, C) -> the same."""
        mixed = self.depth_mix(x.permute(1, 2, 3, 0)).permute(3, 0, 1, 2)
        added: torch.Tensor = self.mlp(self.norm(mixed))
        return added


class DepthEncoder(nn.Module):
    """SAM's encoder over four slices, (4, channels, side, side) -> (4, C, g, g)."""

    def __init__(self, encoder: Any, dtype: torch.dtype) -> None:
        super().__init__()
        self.net = encoder
        self.attention = nn.ModuleList(
            FusedAttention(block, dtype, windows_first=True) for block in encoder.blocks
        )

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        x = self.net.patch_embed(slices)
        # Positions are always made for 64x64 patches.
        places = self.net.pos_embed.permute(0, 3, 1, 2)
        x = x + interpolate(places, x.shape[1:3], mode="bicubic").permute(0, 2, 3, 1)
        for block, attention in zip(self.net.blocks, self.attention, strict=True):
            beside = block.depth_adapter(x)
            attention(x)
            x += beside
            x += block.mlp(block.norm2(x))
        features: torch.Tensor = self.net.neck(x.permute(0, 3, 1, 2))
        return features


def load(state: Mapping[str, torch.Tensor], image_size: int, dtype: str) -> Any:
    """The network for inputs of `image_size` pixels, loaded strictly; positions are always made
    for 1024. Raises `InputError` for another method's file.
    """
    mix = "image_encoder.blocks.0.depth_adapter.depth_mix.weight"
    plain = {}
    for key, value in merge_loralib(state, "qv").items():
        for theirs, ours in NAMES.items():
            key = key.replace(theirs, ours)
        plain[key] = value
    hidden = plain.get("mask_decoder.transformer.layers.0.mlp.layers.0.0.weight")
    if mix not in plain or hidden is None:
        raise InputError(
            f"the checkpoint is not GBT-SAM's: expected {mix} and "
            "mask_decoder.transformer.layers.0.mlp.layers.0.0.weight; got "
            f"{len(state)} tensors, the first ones {', '.join(sorted(state)[:5]) or 'none'}."
        )
    config = config_of(plain | {"mask_decoder.transformer.layers.0.mlp.lin1.weight": hidden})
    with unfilled():
        sam: Any = build_sam(config)
        channels = plain["image_encoder.patch_embed.proj.weight"].shape[1]
        sam.image_encoder.patch_embed.proj = nn.Conv2d(
            channels, config.embed_dim, config.patch, stride=config.patch
        )
        for block in sam.image_encoder.blocks:
            block.depth_adapter = DepthAdapter(config.embed_dim)
        other_self_attention(sam.mask_decoder, config.prompt_embed_dim, len(hidden))
    load_strictly(sam, plain)
    grid = image_size // config.patch
    sam.prompt_encoder.input_image_size = (image_size, image_size)
    sam.prompt_encoder.image_embedding_size = (grid, grid)
    sam.image_encoder = DepthEncoder(sam.image_encoder, precision(dtype))
    return sam
