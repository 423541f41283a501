"""W-Net of Galdran et al.: two small U-Nets, the second sees the image and the first's logits.

Written from the architecture of agaldran/lwnet @ ce72ddab (models/res_unet_adrian.py,
models/get_model.py); parameter names are those of its released checkpoints, so they load strictly.
All tensors are (N, C, H, W) float; H and W must be divisible by 2 ** (number of layers - 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn


def _conv_relu_norm(channels_in: int, channels_out: int) -> list[nn.Module]:
    """3x3 convolution, ReLU, batch norm: the order of the released weights (norm comes last)."""
    convolution = nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1)
    return [convolution, nn.ReLU(), nn.BatchNorm2d(channels_out)]


class ResidualBlock(nn.Module):
    """Two convolutions beside a 1x1 shortcut; halves the resolution first where `pool`."""

    def __init__(self, channels_in: int, channels_out: int, pool: bool) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(2) if pool else nn.Identity()
        self.shortcut = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, kernel_size=1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.block = nn.Sequential(
            *_conv_relu_norm(channels_in, channels_out),
            *_conv_relu_norm(channels_out, channels_out),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(x)
        return cast("Tensor", self.block(x) + self.shortcut(x))


class _Wrapped(nn.Module):
    """A sequence under the attribute `block`, a level that the official parameter names have."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.block = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.block(x))


class UpBlock(nn.Module):
    """Doubles the resolution and joins the encoder's features, which pass one convolution first."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.up_layer = _Wrapped(nn.ConvTranspose2d(channels_in, channels_out, 2, stride=2))
        self.conv_layer = ResidualBlock(2 * channels_out, channels_out, pool=False)
        self.conv_bridge_layer = _Wrapped(*_conv_relu_norm(channels_out, channels_out))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        joined = torch.cat([self.up_layer(x), self.conv_bridge_layer(skip)], dim=1)
        return cast("Tensor", self.conv_layer(joined))


class UNet(nn.Module):
    """Residual U-Net; `layers` are the channels from full resolution downwards."""

    def __init__(self, channels_in: int, classes: int, layers: Sequence[int]) -> None:
        super().__init__()
        downward = list(pairwise(layers))
        self.first = ResidualBlock(channels_in, layers[0], pool=False)
        self.down_path = nn.ModuleList(ResidualBlock(a, b, pool=True) for a, b in downward)
        self.up_path = nn.ModuleList(UpBlock(b, a) for a, b in reversed(downward))
        self.final = nn.Conv2d(layers[0], classes, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        features = [self.first(x)]
        for down in self.down_path:
            features.append(down(features[-1]))
        x = features.pop()
        for up in self.up_path:
            x = up(x, features.pop())
        return cast("Tensor", self.final(x))


class WNet(nn.Module):
    """(N, 3, H, W) RGB in 0-1 -> (N, classes, H, W) logits of the second U-Net."""

    def __init__(self, classes: int = 1, layers: Sequence[int] = (8, 16, 32)) -> None:
        super().__init__()
        self.unet1 = UNet(3, classes, layers)
        self.unet2 = UNet(3 + classes, classes, layers)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.unet2(torch.cat([x, self.unet1(x)], dim=1)))
