"""IMIS-Net: SAM with neck and decoder as wide as ViT-B, and tokens of meaning beside the masks'.

The tokens of meaning take part in the decoder's attention, and what is read off them is not a mask.
So they are put behind SAM's mask tokens, and `segment_anything`'s own decoder does the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from segment_anything.modeling.common import LayerNorm2d
from segment_anything.modeling.mask_decoder import MLP
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from reproduce.models.frames import Frame, PromptPlane
from reproduce.models.promptable import PromptedModel, as_colour, channels_first
from reproduce.models.sam import PIXEL_MEAN, PIXEL_STD, VIT_B, build_sam, load_strictly
from reproduce.models.sam_preprocessing import resize_mask
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = VIT_B.image_size
WIDTH = VIT_B.embed_dim
WORDS = 512  # channels of CLIP's text model
# In this order. The encoder's tensors have timm's names, those of its text model once more or less
# `text_model` (transformers 4 or 5), and older ones come with a table of positions.
_RENAMES = (
    (r"^text_model\.text_model\.", "text_model."),
    (r"^image_encoder\.sam_encoder\.neck\.", "image_encoder.unused_neck."),
    (r"^image_encoder\.sam_encoder\.", "image_encoder."),
    (r"^(image_encoder\.blocks\.\d+\.mlp\.)fc(\d)\.", r"\1lin\2."),
)
_TABLE = re.compile(r"^text_model\.(text_model\.)?embeddings\.position_ids$")


def named(key: str) -> str:
    """A tensor's name in the release -> its name here.

    >>> named("image_encoder.sam_encoder.blocks.3.mlp.fc1.bias")
    'image_encoder.blocks.3.mlp.lin1.bias'
    """
    for pattern, replacement in _RENAMES:
        key = re.sub(pattern, replacement, key)
    return key


def network() -> Any:
    """SAM's parts with everything that is in the file; see `build` for what is then left out."""
    sam: Any = build_sam(replace(VIT_B, prompt_embed_dim=WIDTH))
    sam.image_encoder.unused_neck = nn.Sequential(
        nn.Conv2d(WIDTH, 256, 1, bias=False),
        LayerNorm2d(256),
        nn.Conv2d(256, 256, 3, padding=1, bias=False),
        LayerNorm2d(256),
    )
    decoder = sam.mask_decoder
    decoder.semantic_tokens = nn.Embedding(decoder.num_mask_tokens, WIDTH)
    decoder.text_output = nn.Linear(WIDTH, WIDTH // 8)
    decoder.semantic_prediction_head = MLP(WIDTH, 256, WORDS, 3)
    sam.text_model = CLIPTextModel(CLIPTextConfig())
    sam.text_out_dim = nn.Linear(WORDS, WIDTH)
    return sam


class ImisNet(PromptedModel):
    """`test.py`, `model.py: forward_decoder`: three candidates, the best one by predicted IoU."""

    plain_encoder = True
    candidates = slice(1, None)

    def frame(self, height: int, width: int) -> Frame:
        return Frame.squashed(height, width, self.side)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        from PIL import Image

        size = (self.side, self.side)
        square = Image.fromarray(as_colour(image)).resize(size, Image.Resampling.NEAREST)
        mean, std = (np.array(values, np.float32) for values in (PIXEL_MEAN, PIXEL_STD))
        return channels_first((np.asarray(square, np.float32) - mean) / std)

    def mask_pixels(self, mask: NDArray[np.bool_], frame: Frame) -> NDArray[np.bool_]:
        return resize_mask(mask, (self.side, self.side))


def prompt_plane(mask: NDArray[np.bool_], options: Mapping[str, Any]) -> PromptPlane:
    """`data_loader.py: UniversalDataset`: boxes and points are those of the resized mask."""
    height, width = mask.shape
    return PromptPlane(resize_mask(mask, (SIDE, SIDE)), Frame.squashed(height, width, SIDE))


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> ImisNet:
    """IMIS-Net (ViT-B) from its state dict. Raises `InputError` naming what does not fit."""
    with unfilled():
        sam = network()
    load_strictly(sam, {named(k): v for k, v in state.items() if not _TABLE.match(k)})
    for name, values in (("pixel_mean", PIXEL_MEAN), ("pixel_std", PIXEL_STD)):
        # Not in the state dict (`persistent=False`), so still without memory.
        sam.register_buffer(name, torch.tensor(values).view(-1, 1, 1), persistent=False)
    decoder = sam.mask_decoder
    tokens = torch.cat([decoder.mask_tokens.weight, decoder.semantic_tokens.weight])
    decoder.mask_tokens.weight = nn.Parameter(tokens, requires_grad=False)
    # What only words need, and what nothing needs.
    del sam.text_model, sam.text_out_dim, sam.image_encoder.unused_neck
    del decoder.semantic_tokens, decoder.semantic_prediction_head, decoder.text_output
    return ImisNet("imis-net", sam, options, device, dtype)
