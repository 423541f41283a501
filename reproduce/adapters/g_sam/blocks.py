"""G-SAM's parts beside SAM's: pooled attention, dilated adapters, a ResNet's features."""

from __future__ import annotations

from typing import Any

import torch
from segment_anything.modeling.common import LayerNorm2d
from segment_anything.modeling.image_encoder import (
    Attention,
    Block,
    add_decomposed_rel_pos,
    window_partition,
    window_unpartition,
)
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d, gelu, interpolate, relu
from torchvision.models import resnet101

POOLED = 3  # side of the grid that keys and values are averaged to
RATES = (12, 24, 36)


class PooledAttention(Attention):  # type: ignore[misc]  # segment_anything is untyped
    """SAM's attention, but every query sees the image (or window) as 3x3 averages."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, height, width, _ = x.shape
        qkv = self.qkv(x).reshape(batch, height, width, 3, self.num_heads, -1)
        # -> (batch * heads, c, h, w) each
        q, k, v = qkv.permute(3, 0, 4, 5, 1, 2).flatten(1, 2)
        q = q.flatten(2).mT
        k, v = (adaptive_avg_pool2d(part, POOLED).flatten(2).mT for part in (k, v))
        weights = add_decomposed_rel_pos(
            (q * self.scale) @ k.mT,
            q,
            self.rel_pos_h,
            self.rel_pos_w,
            (height, width),
            (POOLED, POOLED),
        )
        seen = (weights.softmax(dim=-1) @ v).reshape(batch, self.num_heads, height, width, -1)
        out: torch.Tensor = self.proj(seen.permute(0, 2, 3, 1, 4).reshape(x.shape))
        return out


class DilatedAdapter(nn.Module):
    """Linear to a quarter, convolutions of several reaches added up, back; nothing added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = width // 4
        self.D_fc1, self.D_fc2 = nn.Linear(width, inner), nn.Linear(inner, width)
        near = [nn.Conv2d(inner, inner, 3, padding=1, bias=False)]
        far = [nn.Conv2d(inner, inner, 3, padding=r, dilation=r, bias=False) for r in RATES]
        self.aspp: Any = nn.Module()
        self.aspp.convs = nn.ModuleList(
            nn.ModuleDict({"conv": conv})
            for conv in (*near, *far, nn.Conv2d(inner, inner, 1, bias=False))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) -> the same."""
        y = gelu(self.D_fc1(x)).permute(0, 3, 1, 2)
        *local, whole = (part["conv"] for part in self.aspp.convs)
        added = sum(relu(conv(y)) for conv in local) + relu(whole(y.mean((2, 3), keepdim=True)))
        changed: torch.Tensor = self.D_fc2((added + y).permute(0, 2, 3, 1))
        return changed


class Refine(nn.Module):
    """Features of the ResNet on their way past a block with global attention."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = width // 8
        self.conv = nn.Sequential(
            nn.Conv2d(width, inner, 1, bias=False),
            LayerNorm2d(inner),
            nn.GELU(),
            nn.Conv2d(inner, inner, 3, padding=1, bias=False, groups=inner),
            LayerNorm2d(inner),
            nn.GELU(),
            nn.Conv2d(inner, width, 1, bias=False),
            LayerNorm2d(width),
            nn.GELU(),
        )
        self.se = nn.ModuleDict(
            {"fc1": nn.Linear(width, width // 4), "fc2": nn.Linear(width // 4, width)}
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> the same."""
        gate = self.se["fc2"](relu(self.se["fc1"](x.mean(dim=(2, 3))))).sigmoid()
        refined: torch.Tensor = self.conv(x) + gate[..., None, None] * x
        return refined


class ParallelBlock(Block):  # type: ignore[misc]  # segment_anything is untyped
    """SAM's block with a dilated adapter beside the MLP."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut, size = x, x.shape[1:3]
        x = self.norm1(x)
        if self.window_size > 0:
            x, padded = window_partition(x, self.window_size)
        x = self.attn(x)
        if self.window_size > 0:
            x = window_unpartition(x, self.window_size, padded, size)
        x = shortcut + x
        normed = self.norm2(x)
        both: torch.Tensor = x + self.mlp(normed) + 0.5 * self.MLP_Adapter(normed)
        return both


class ResNetFeatures(nn.Module):
    """ResNet-101 to its third stage, without the pooling at its start: an eighth of the side.

    The checkpoint holds the network, and once more the parts that are used under their own names.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.backbone = net = resnet101(weights=None)
        self.conv1, self.bn1 = net.conv1, net.bn1
        self.res2, self.res3, self.res4 = net.layer1, net.layer2, net.layer3
        self.conv_f = nn.Conv2d(1024, width, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, S, S) -> (B, C, S / 8, S / 8)."""
        deep: Any = self.res4(self.res3(self.res2(relu(self.bn1(self.conv1(x))))))
        features: torch.Tensor = self.conv_f(deep)
        return features


class OverlappingPatches(nn.Module):
    """Patches of 16 px every 8 px of an image enlarged by 8 px."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, 16, stride=8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, S, S) -> (B, S / 8, S / 8, C)."""
        side = x.shape[-1]
        larger = interpolate(x, (side + 8, side + 8), mode="bilinear", align_corners=False)
        patches: torch.Tensor = self.proj(larger).permute(0, 2, 3, 1)
        return patches
