"""Medical SAM Adapter: SAM with adapters after attention and beside the MLP, and its own decoder.

The mask decoder's transformer is not SAM's (`reproduce.models.decoders.other_self_attention`), and
relative positions have other names. A SAM checkpoint therefore fills neither of them, and the
release does not notice (`load_state_dict(strict=False)`): they start from their initial values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from segment_anything.modeling.image_encoder import Block, window_partition, window_unpartition
from torch import nn
from torch.nn.functional import interpolate

from catalog.errors import InputError
from reproduce.contracts import Grid
from reproduce.models.bottleneck import Bottleneck
from reproduce.models.decoders import other_self_attention
from reproduce.models.frames import Frame, PromptPlane
from reproduce.models.promptable import PromptedModel, as_colour, channels_first
from reproduce.models.sam import PIXEL_MEAN, PIXEL_STD, VARIANTS, build_sam, load_strictly
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from numpy.typing import NDArray


class AdaptedBlock(Block):  # type: ignore[misc]  # segment_anything is untyped
    """SAM's block with a bottleneck after attention and half of one beside the MLP.

    Windows are padded before the normalisation, so that padding tokens are its bias, not zero.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut, (height, width) = x, x.shape[1:3]
        if self.window_size > 0:
            x, padded = window_partition(x, self.window_size)
        x = self.attn(self.norm1(x))
        x = x + self.Space_Adapter(x)
        if self.window_size > 0:
            x = window_unpartition(x, self.window_size, padded, (height, width))
        x = shortcut + x
        normed = self.norm2(x)
        both: torch.Tensor = x + self.mlp(normed) + 0.5 * self.MLP_Adapter(normed)
        return both


def load(state: Mapping[str, torch.Tensor]) -> Any:
    """The network, loaded strictly; its image size is read off the relative positions.

    The checkpoint calls those `rel_h` and `rel_w`, SAM `rel_pos_h` and `rel_pos_w`.
    """
    state = {
        key.replace(".attn.rel_h", ".attn.rel_pos_h").replace(".attn.rel_w", ".attn.rel_pos_w"): v
        for key, v in state.items()
    }
    blocks = {k.split(".")[2] for k in state if k.startswith("image_encoder.blocks.")}
    variant = next((v for v in VARIANTS.values() if v.depth == len(blocks)), None)
    if variant is None:
        raise InputError(
            f"the checkpoint has {len(blocks)} encoder blocks; expected 12, 24 or 32 (vit_b, "
            "vit_l, vit_h). The TinyViT and EfficientSAM variants of Medical SAM Adapter are not "
            "supported."
        )
    rows = state.get(f"image_encoder.blocks.{variant.global_attn_indexes[0]}.attn.rel_pos_h")
    side = variant.image_size if rows is None else (len(rows) + 1) // 2 * variant.patch
    tokens = state.get("mask_decoder.mask_tokens.weight")
    config = replace(
        variant, image_size=side, multimask_outputs=3 if tokens is None else len(tokens) - 1
    )
    with unfilled():
        sam: Any = build_sam(config)
        # Always SAM's 64x64, whatever the image size.
        sam.image_encoder.pos_embed = nn.Parameter(torch.empty(1, 64, 64, config.embed_dim))
        for block in sam.image_encoder.blocks:
            block.__class__ = AdaptedBlock
            for name in ("MLP_Adapter", "Space_Adapter", "Depth_Adapter"):
                setattr(block, name, Bottleneck(config.embed_dim))
        other_self_attention(sam.mask_decoder, config.prompt_embed_dim, config.decoder_mlp_dim)
    load_strictly(sam, state)
    encoder = sam.image_encoder
    encoder.pos_embed = nn.Parameter(
        interpolate(
            encoder.pos_embed.permute(0, 3, 1, 2),
            (config.grid, config.grid),
            mode="bicubic",
            align_corners=False,
        ).permute(0, 2, 3, 1),
        requires_grad=False,
    )
    return sam


def prompt_plane(mask: NDArray[np.bool_], options: Mapping[str, Any]) -> PromptPlane:
    """`dataset/isic.py`: the mask goes to the network's size with Pillow's default (bicubic), and
    `utils.py: random_click` chooses among the pixels of its largest value."""
    from PIL import Image

    side = int(options["image_size"])
    height, width = mask.shape
    frame = Frame.squashed(height, width, side)
    grey = np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).resize((side, side)))
    return PromptPlane((grey == grey.max()) & (grey > 0), frame)


class MedicalSamAdapter(PromptedModel):
    """`function.py: validation_sam`: squashed, logits brought to `out_size` in one step.

    The decoder's first masks are the classes' (REFUGE: disc, cup); option `channel` says which.
    """

    def __init__(
        self, name: str, sam: Any, options: Mapping[str, Any], device: str, dtype: str
    ) -> None:
        super().__init__(name, sam, options, device, dtype)
        channel = int(options["channel"])
        self.candidates = slice(channel, channel + 1)

    def frame(self, height: int, width: int) -> Frame:
        return Frame.squashed(height, width, self.side)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        from PIL import Image

        small = Image.fromarray(as_colour(image)).resize(
            (self.side, self.side), Image.Resampling.BILINEAR
        )
        values = channels_first(np.asarray(small)) / np.float32(255)
        if not self.options["normalise"]:
            return values
        mean, std = (np.array(v, dtype=np.float32)[:, None, None] for v in (PIXEL_MEAN, PIXEL_STD))
        normal: NDArray[np.float32] = (values * np.float32(255) - mean) / std
        return normal

    def mask_pixels(self, mask: NDArray[np.bool_], frame: Frame) -> NDArray[np.bool_]:
        # Bilinear, then cut to whole numbers: a pixel stays foreground only where all of it was.
        from PIL import Image

        size = (self.options["out_size"], self.options["out_size"])
        small = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR)
        whole: NDArray[np.bool_] = np.asarray(small) == 255
        return whole

    def scores(self, low_res: torch.Tensor, frame: Frame, grid: Grid) -> torch.Tensor:
        out = int(self.options["out_size"])
        size = (out, out) if grid == "model_input" else (frame.height, frame.width)
        return interpolate(low_res, size, mode="bilinear", align_corners=False)


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> MedicalSamAdapter:
    """Medical SAM Adapter (ViT, `-mod sam_adpt`) from the `state_dict` of its checkpoint."""
    return MedicalSamAdapter("medical-sam-adapter", load(state), options, device, dtype)
