"""SAMUS: SAM ViT-B at 256 px with overlapping patches, a branch of convolutions and adapters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, TwoWayTransformer
from segment_anything.modeling.common import LayerNorm2d
from torch import nn
from torch.nn.functional import interpolate, scaled_dot_product_attention

from reproduce.models.bottleneck import Bottleneck
from reproduce.models.frames import Frame, PromptPlane
from reproduce.models.promptable import PromptedModel
from reproduce.models.sam import load_strictly
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE, PATCH, STRIDE = 256, 16, 8
GRID = SIDE // STRIDE
GLOBAL = (2, 5, 8, 11)


class Convolution(nn.Module):
    """3x3 convolution, normalisation, GELU on (B, C, H, W); the checkpoint calls it `conv`."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(*_convolution(channels_in, channels_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.conv(x)
        return y


class Halving(nn.Module):
    """Maximum over 2x2, then a convolution; the checkpoint calls it `maxpool_conv`."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), *_convolution(channels_in, channels_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.maxpool_conv(x)
        return y


def _convolution(channels_in: int, channels_out: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
        LayerNorm2d(channels_out),
        nn.GELU(),
    ]


class Branch(nn.Module):
    """The convolutions beside the transformer, (B, 3, 256, 256) -> (B, 32, 32, C)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inc = Convolution(3, 64)
        self.downs = nn.ModuleList([Halving(64, 128), Halving(128, 256), Halving(256, width)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.inc(x)
        for down in self.downs:
            x = down(x)
        return x.permute(0, 2, 3, 1)


class CrossAttention(nn.Module):
    """From the transformer's tokens to the branch's, both (B, H, W, C); no relative positions."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: torch.Tensor, branch: torch.Tensor) -> torch.Tensor:
        batch, height, width, _ = x.shape

        def split(y: torch.Tensor) -> torch.Tensor:
            return y.reshape(batch, height * width, self.heads, -1).transpose(1, 2)

        out = scaled_dot_product_attention(
            split(self.q(x)), split(self.k(branch)), split(self.v(branch))
        )
        joined: torch.Tensor = self.proj(out.transpose(1, 2).reshape(batch, height, width, -1))
        return joined


class PositionDown(nn.Module):
    """SAM's 64x64 position embedding brought to 32x32 by a learned halving."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.downs = nn.ModuleList([Halving(width, width)])

    def forward(self, positions: torch.Tensor) -> torch.Tensor:
        down: torch.Tensor = self.downs[0](positions.permute(0, 3, 1, 2))
        return down.permute(0, 2, 3, 1)


class SamusEncoder(ImageEncoderViT):  # type: ignore[misc]  # segment_anything is untyped
    """SAM's encoder on a 32x32 grid whose blocks with global attention also see the branch."""

    def __init__(self, width: int, depth: int, heads: int, mlp_dim: int) -> None:
        super().__init__(
            img_size=GRID * PATCH,
            patch_size=PATCH,
            embed_dim=width,
            depth=depth,
            num_heads=heads,
            mlp_ratio=mlp_dim / width,
            norm_layer=lambda dim: nn.LayerNorm(dim, eps=1e-6),
            use_rel_pos=True,
            window_size=14,
            global_attn_indexes=GLOBAL,
        )
        self.img_size = SIDE
        self.patch_embed.proj.stride = (STRIDE, STRIDE)
        self.pos_embed = nn.Parameter(torch.zeros(1, 64, 64, width))
        self.cnn_embed = Branch(width)
        self.post_pos_embed = PositionDown(width)
        self.input_Adapter = Bottleneck(width)
        for number in GLOBAL:
            block = self.blocks[number]
            block.MLP_Adapter = Bottleneck(width)
            block.Space_Adapter = CrossAttention(width, heads)
            block.refine_Adapter = Convolution(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branch = self.cnn_embed(x)
        # 8 px more, so that patches of 16 px with stride 8 give 32x32 of them.
        wider = interpolate(x, (SIDE + STRIDE, SIDE + STRIDE), mode="bilinear", align_corners=False)
        x = self.patch_embed(wider)
        x = x + self.input_Adapter(x) + self.post_pos_embed(self.pos_embed)
        for number, block in enumerate(self.blocks):
            if number not in GLOBAL:
                x = block(x)
                continue
            inner = block.norm1(x)
            inner = inner + block.Space_Adapter(inner, branch)
            branch = block.refine_Adapter(branch.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            x = x + block.attn(inner)
            inner = block.norm2(x)
            x = x + block.mlp(inner) + 0.5 * block.MLP_Adapter(inner)
        features: torch.Tensor = self.neck((x + 0.5 * branch).permute(0, 3, 1, 2))
        return features


class SamusNet(nn.Module):
    """SAMUS's encoder with SAM's prompt encoder and mask decoder on a 32x32 grid."""

    def __init__(self, width: int, depth: int, heads: int, mlp_dim: int) -> None:
        super().__init__()
        self.image_encoder = SamusEncoder(width, depth, heads, mlp_dim)
        self.prompt_encoder = PromptEncoder(
            embed_dim=256,
            image_embedding_size=(GRID, GRID),
            input_image_size=(SIDE, SIDE),
            mask_in_chans=16,
        )
        self.mask_decoder = MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(depth=2, embedding_dim=256, mlp_dim=2048, num_heads=8),
            transformer_dim=256,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
        )


class Samus(PromptedModel):
    """`utils/data_us.py`: grey, squashed to 256 with Pillow, divided by 255; scored at 256."""

    def frame(self, height: int, width: int) -> Frame:
        return Frame.squashed(height, width, self.side)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        import cv2
        from PIL import Image

        grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        size = (self.side, self.side)
        small = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR))
        return np.repeat((small.astype(np.float32) / np.float32(255))[None], 3, axis=0)

    def mask_pixels(self, mask: NDArray[np.bool_], frame: Frame) -> NDArray[np.bool_]:
        return small_mask(mask)


def small_mask(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(H, W) bool -> (256, 256) bool, Pillow's nearest neighbour."""
    from PIL import Image

    small = Image.fromarray(mask.astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.NEAREST)
    return np.asarray(small) > 0


def prompt_plane(mask: NDArray[np.bool_], options: Mapping[str, Any]) -> PromptPlane:
    """`utils/data_us.py: ImageToImage2D`: the click is taken on the mask that is also scored."""
    height, width = mask.shape
    return PromptPlane(small_mask(mask), Frame.squashed(height, width, SIDE))


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> Samus:
    """SAMUS from its whole state dict. Raises `InputError` naming what does not fit."""

    def rows(key: str, default: int) -> int:
        return int(state[key].shape[0]) if key in state else default

    width = rows("image_encoder.blocks.0.norm1.weight", 768)
    head = state.get("image_encoder.blocks.0.attn.rel_pos_h")
    with unfilled():
        net = SamusNet(
            width,
            12,
            width // (64 if head is None else int(head.shape[1])),
            rows("image_encoder.blocks.0.mlp.lin1.bias", 4 * width),
        )
    load_strictly(net, state)
    return Samus("samus", net, options, device, dtype)
