"""H-SAM: SAMed's encoder with LoRA, and two decoders one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn.functional import interpolate

from catalog.errors import InputError
from reproduce.adapters.h_sam.decoder import FirstDecoder, SecondDecoder
from reproduce.models.lora import merge
from reproduce.models.promptable import Encoded
from reproduce.models.sam import VARIANTS, build_sam, load_strictly, resize_positions
from reproduce.models.samed import Samed, classes_of
from reproduce.models.unfilled import unfilled

POINT_KINDS = 11  # nine classes and two box corners; without prompts none is used


class HSam(Samed):
    """`utils.py: test_single_volume`; SAMed's way of the slice, then the mean of two decoders."""

    def logits(self, embedding: Encoded) -> torch.Tensor:
        net, size = self.sam, (self.side, self.side)
        _, dense = net.prompt_encoder(points=None, boxes=None, masks=None)
        positions = net.prompt_encoder.get_dense_pe()
        features = embedding.features + dense
        first, upscaled = net.mask_decoder.decode(features, positions)
        grid = features.shape[-2:]
        coarse = interpolate(first, grid, mode="bilinear", align_corners=False)
        second = net.mask_decoder2.decode(features, positions, coarse, upscaled)
        first, second = (
            interpolate(masks, size, mode="bilinear", align_corners=False)
            for masks in (first, second)
        )
        return second if self.options["stage"] == 2 else (first + second) / 2


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> HSam:
    """H-SAM from a SAM checkpoint (encoder) with the LoRA file's tensors laid over it."""
    norm = state.get("mask_decoder2.norm1.weight")
    tokens = state.get("mask_decoder2.mask_tokens.weight")
    blocks = {k.split(".")[2] for k in state if k.startswith("image_encoder.blocks.")}
    variant = next((v for v in VARIANTS.values() if v.depth == len(blocks)), None)
    if norm is None or tokens is None or variant is None:
        raise InputError(
            "the checkpoint is not H-SAM's: expected mask_decoder2.norm1.weight and "
            "mask_decoder2.mask_tokens.weight (its LoRA file) and 12, 24 or 32 encoder blocks "
            f"(the SAM checkpoint); got {len(blocks)} blocks and {len(state)} tensors."
        )
    grid, classes = round(len(norm) ** 0.5), len(tokens)
    config = replace(variant, image_size=grid * variant.patch)
    merged = resize_positions(merge(state), config.image_size, config.global_attn_indexes)
    with unfilled():
        net: Any = build_sam(config)
        net.prompt_encoder.point_embeddings = nn.ModuleList(
            [nn.Embedding(1, 256) for _ in range(POINT_KINDS)]
        )
        net.prompt_encoder2 = net.prompt_encoder  # one object under two names, as in the release
        net.mask_decoder = FirstDecoder(classes)
        net.mask_decoder2 = SecondDecoder(classes, grid)
    load_strictly(net, merged)
    return HSam("h-sam", net, classes_of(classes - 1), options, device, dtype)
