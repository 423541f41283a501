"""TinyViT, the small image encoder of MobileSAM and LiteMedSAM, on timm's building blocks.

The releases and timm name the same tensors differently; `rename` maps the releases' names, so a
released state dict loads strictly. Two things differ from timm's own TinyViT: the last downsampling
keeps the resolution, and LiteMedSAM's stem has 1x1 convolutions that do not reduce it either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from segment_anything.modeling import MaskDecoder, PromptEncoder, TwoWayTransformer
from segment_anything.modeling.common import LayerNorm2d
from timm.models.tiny_vit import Attention, TinyVit
from torch import nn

from reproduce.models.sam import PIXEL_MEAN, PIXEL_STD, load_strictly
from reproduce.models.unfilled import unfilled

DIMS = (64, 128, 160, 320)
# In this order: later patterns see what earlier ones made.
_RENAMES = (
    (r"^patch_embed\.seq\.0\.", "patch_embed.conv1."),
    (r"^patch_embed\.seq\.2\.", "patch_embed.conv2."),
    (r"^layers\.(\d)\.blocks\.", r"stages.\1.blocks."),
    (r"\.c\.weight$", ".conv.weight"),
)
_DOWNSAMPLE = re.compile(r"^layers\.(\d)\.downsample\.")


def rename(key: str) -> str:
    """A tensor's name in the releases -> its name here.

    The releases hang a downsampling on the stage before it, timm on the stage after it.

    >>> rename("layers.0.downsample.conv1.c.weight")
    'stages.1.downsample.conv1.conv.weight'
    >>> rename("layers.2.blocks.5.attn.attention_biases")
    'stages.2.blocks.5.attn.attention_biases'
    """
    key = _DOWNSAMPLE.sub(lambda m: f"stages.{int(m[1]) + 1}.downsample.", key)
    for pattern, replacement in _RENAMES:
        key = re.sub(pattern, replacement, key)
    return key


class TinyVitEncoder(nn.Module):
    """(B, 3, side, side) -> (B, 256, side / stride, side / stride), stride 16 or (stem 1) 4.

    `classes`: the releases of MobileSAM carry an unused classifier; its tensors are kept so that
    the state dict fits strictly. 0: there is none.
    """

    def __init__(self, side: int, stem_kernel: int, classes: int) -> None:
        super().__init__()
        self.img_size = side
        net: Any = TinyVit(
            num_classes=0,
            embed_dims=DIMS,
            depths=(2, 2, 6, 2),
            num_heads=(2, 4, 5, 10),
            window_sizes=(7, 7, 14, 7),
            drop_path_rate=0.0,
        )
        if stem_kernel == 1:
            for convolution in (net.patch_embed.conv1.conv, net.patch_embed.conv2.conv):
                narrow = nn.Conv2d(convolution.in_channels, convolution.out_channels, 1, bias=False)
                convolution.weight, convolution.kernel_size = narrow.weight, (1, 1)
                convolution.stride, convolution.padding = (1, 1), (0, 0)
        net.stages[3].downsample.conv2.conv.stride = (1, 1)
        self.patch_embed, self.stages = net.patch_embed, net.stages
        if classes:
            self.norm_head, self.head = nn.LayerNorm(DIMS[-1]), nn.Linear(DIMS[-1], classes)
        self.neck = nn.Sequential(
            nn.Conv2d(DIMS[-1], 256, 1, bias=False),
            LayerNorm2d(256),
            nn.Conv2d(256, 256, 3, padding=1, bias=False),
            LayerNorm2d(256),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.neck(self.stages(self.patch_embed(x)))
        return features


class TinySam(nn.Module):
    """SAM's prompt encoder and mask decoder behind a TinyViT."""

    def __init__(self, side: int, stem_kernel: int, classes: int) -> None:
        super().__init__()
        grid = (64, 64)
        self.image_encoder = TinyVitEncoder(side, stem_kernel, classes)
        self.prompt_encoder = PromptEncoder(
            embed_dim=256,
            image_embedding_size=grid,
            input_image_size=(side, side),
            mask_in_chans=16,
        )
        self.mask_decoder = MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8),
            transformer_dim=256,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
        )


def load_tiny_sam(state: Mapping[str, torch.Tensor]) -> TinySam:
    """MobileSAM (stem of 3x3 convolutions, 1024 px) or LiteMedSAM (1x1, 256 px), strictly.

    Raises `InputError` naming what does not fit, in timm's names.
    """
    prefix = "image_encoder."
    stem = state.get(f"{prefix}patch_embed.seq.0.c.weight")
    kernel = 3 if stem is None else int(stem.shape[-1])
    head = state.get(f"{prefix}head.weight")
    with unfilled():
        sam = TinySam(1024 if kernel == 3 else 256, kernel, 0 if head is None else len(head))
    renamed = {
        prefix + rename(key.removeprefix(prefix)) if key.startswith(prefix) else key: value
        for key, value in state.items()
    }
    load_strictly(sam, renamed)
    # These are not in the state dict (`persistent=False`), so still without memory.
    for name, values in (("pixel_mean", PIXEL_MEAN), ("pixel_std", PIXEL_STD)):
        sam.register_buffer(name, torch.tensor(values).view(-1, 1, 1), persistent=False)
    with_tables(sam)
    return sam.eval()


def with_tables(net: nn.Module) -> None:
    """Give a network that was made on the meta device the tables of places that attention needs:
    they are in no state dict."""
    for module in net.modules():
        if isinstance(module, Attention):
            table: Any = module.attention_bias_idxs
            module.attention_bias_idxs = torch.empty(table.shape, dtype=torch.long)
            module.init_non_persistent_buffers()
