"""G-SAM: SAM with a ResNet beside its encoder and positions made by convolutions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate

from catalog.errors import InputError
from reproduce.adapters.g_sam.blocks import (
    DilatedAdapter,
    OverlappingPatches,
    ParallelBlock,
    PooledAttention,
    Refine,
    ResNetFeatures,
)
from reproduce.models.bottleneck import Bottleneck
from reproduce.models.frames import Frame
from reproduce.models.promptable import Encoded, as_colour, channels_first
from reproduce.models.sam import VIT_B, SamConfig, build_sam, load_strictly
from reproduce.models.sam_preprocessing import resize_mask
from reproduce.models.semantic import OverlappingModel
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEAN, STD = (0.466, 0.471, 0.380), (0.195, 0.194, 0.192)  # of values 0-1
GRID = 32  # of the image embedding, whatever the size that the encoder is asked for
PATCHES = "image_encoder.patch_embed.proj.weight"


class DepthwisePositions(nn.Module):
    """A 3x3 convolution of every channel by itself; a checkpoint's name for it is `name`."""

    def __init__(self, width: int, name: str) -> None:
        super().__init__()
        conv = nn.Conv2d(width, width, 3, padding=1, groups=width)
        setattr(self, name, conv if name == "conv" else nn.Sequential(conv))
        self.of = name

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> the same."""
        positions: torch.Tensor = getattr(self, self.of)(x)
        return positions


def config_of(state: Mapping[str, torch.Tensor]) -> SamConfig:
    """The encoder's sizes. Raises `InputError` for another method's file."""
    tokens = state.get("mask_decoder.mask_tokens.weight")
    rows: dict[int, torch.Tensor] = {}
    while (key := f"image_encoder.blocks.{len(rows)}.attn.rel_pos_h") in state:
        rows[len(rows)] = state[key]
    if PATCHES not in state or tokens is None or not rows or len(tokens) != 4:
        raise InputError(
            f"the checkpoint is not G-SAM's of ISBI 2012: expected {PATCHES}, encoder blocks and "
            f"mask_decoder.mask_tokens.weight of 4 rows; got {len(state)} tensors, "
            f"{len(rows)} blocks, {'no' if tokens is None else len(tokens)} mask tokens. The "
            "weights of sets with several classes are of another decoder."
        )
    width = len(state[PATCHES])
    return replace(
        VIT_B,
        image_size=8 * GRID,
        patch=8,
        embed_dim=width,
        mlp_dim=4 * width,
        depth=len(rows),
        heads=width // rows[0].shape[1],
        global_attn_indexes=tuple(n for n, r in rows.items() if len(r) == 2 * GRID - 1),
    )


def load(state: Mapping[str, torch.Tensor]) -> Any:
    """The network, loaded strictly."""
    config = config_of(state)
    width = config.embed_dim
    with unfilled():
        sam: Any = build_sam(config)
        encoder = sam.image_encoder
        encoder.patch_embed = OverlappingPatches(width)
        encoder.cnn_embed = ResNetFeatures(width)
        del encoder.pos_embed
        encoder.pos_embed = DepthwisePositions(width, "conv")
        encoder.input_Adapter = Bottleneck(width)
        for block in encoder.blocks:
            block.__class__, block.attn.__class__ = ParallelBlock, PooledAttention
            block.MLP_Adapter = DilatedAdapter(width)
            if block.window_size == 0:
                block.refine_Adapter = Refine(width)
        sam.positional_encoder = DepthwisePositions(config.prompt_embed_dim, "proj")
    load_strictly(sam, state)
    return sam


class GSam(OverlappingModel):
    """`test.py`: one mask at 256 px, foreground from a probability of 0.5 on."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.side = 8 * GRID
        self.encoder = self.features

    def frame(self, height: int, width: int) -> Frame:
        return Frame.squashed(height, width, self.side)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        from PIL import Image

        small = Image.fromarray(as_colour(image)).resize(
            (self.side, self.side), Image.Resampling.BILINEAR
        )
        values = channels_first(np.asarray(small)) / np.float32(255)
        mean, std = (np.array(v, np.float32)[:, None, None] for v in (MEAN, STD))
        normal: NDArray[np.float32] = (values - mean) / std
        return normal

    def mask_pixels(self, mask: NDArray[np.bool_], frame: Frame) -> NDArray[np.bool_]:
        return resize_mask(mask, (self.side, self.side))

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """(B, 3, side, side) -> (B, 256, g, g)."""
        encoder = self.sam.image_encoder
        beside = encoder.cnn_embed(pixels)
        x = encoder.patch_embed(pixels)
        x = x + encoder.input_Adapter(x) + beside.permute(0, 2, 3, 1)
        for number, block in enumerate(encoder.blocks):
            if block.window_size == 0:
                beside = block.refine_Adapter(beside)
            x = block(x)
            if number == 0:
                x = x + encoder.pos_embed(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        features: torch.Tensor = encoder.neck(x.permute(0, 3, 1, 2) + 0.5 * beside)
        return features

    def logits(self, embedding: Encoded) -> torch.Tensor:
        sam, features = self.sam, embedding.features
        sparse, dense = sam.prompt_encoder(points=None, boxes=None, masks=None)
        low_res, _ = sam.mask_decoder.predict_masks(
            image_embeddings=features,
            image_pe=sam.positional_encoder(features),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
        )
        size = (self.side, self.side)
        return interpolate(low_res[:, :1], size, mode="bilinear", align_corners=False)


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> GSam:
    """G-SAM of ISBI 2012 from the state dict of its whole model."""
    return GSam("g-sam", load(state), ("membrane",), options, device, dtype)
