"""Six U-Nets of nnU-Net, under the names of its files: five experts, and what weighs them.

The gate sees the volume and each expert's features of full size; it gives a weight for every
expert, class and voxel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

EXPERTS, CLASSES = 5, 2  # of the release: background and lesion
Size = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Shape:
    """Of all six networks: channels, kernels, strides and convolutions of each stage."""

    widths: tuple[int, ...]
    kernels: tuple[Size, ...]
    strides: tuple[Size, ...]
    down: tuple[int, ...]
    up: tuple[int, ...]


class Unit(nn.Module):
    """Convolution, normalisation, leaky ReLU; the files have each tensor under two names."""

    def __init__(self, before: int, after: int, kernel: Size, stride: Size | int) -> None:
        super().__init__()
        a, b, c = ((side - 1) // 2 for side in kernel)
        self.conv = nn.Conv3d(before, after, kernel, stride, (a, b, c))
        self.norm = nn.InstanceNorm3d(after, eps=1e-5, affine=True)
        self.all_modules = nn.Sequential(self.conv, self.norm, nn.LeakyReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.all_modules(x)
        return out


class Units(nn.Module):
    """Several of them; the first one may stride."""

    def __init__(
        self, count: int, before: int, after: int, kernel: Size, stride: Size | int
    ) -> None:
        super().__init__()
        first = Unit(before, after, kernel, stride)
        more = (Unit(after, after, kernel, 1) for _ in range(count - 1))
        self.convs = nn.Sequential(first, *more)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.convs(x)
        return out


class Encoder(nn.Module):
    def __init__(self, channels: int, shape: Shape) -> None:
        super().__init__()
        steps = zip(
            shape.down,
            pairwise((channels, *shape.widths)),
            shape.kernels,
            shape.strides,
            strict=True,
        )
        self.stages = nn.Sequential(
            *(nn.Sequential(Units(count, *width, kernel, by)) for count, width, kernel, by in steps)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of every stage, the largest first."""
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


class Decoder(nn.Module):
    """With a head for every stage, of which the last one answers."""

    def __init__(self, encoder: Encoder, classes: int, shape: Shape) -> None:
        super().__init__()
        self.encoder = encoder
        stages, upward, heads = [], [], []
        below = list(reversed(shape.widths))
        for number, (count, (deep, wide)) in enumerate(zip(shape.up, pairwise(below), strict=True)):
            by, kernel = shape.strides[-1 - number], shape.kernels[-2 - number]
            upward.append(nn.ConvTranspose3d(deep, wide, by, by))
            stages.append(Units(count, 2 * wide, wide, kernel, 1))
            heads.append(nn.Conv3d(wide, classes, 1))
        self.stages, self.transpconvs = nn.ModuleList(stages), nn.ModuleList(upward)
        self.seg_layers = nn.ModuleList(heads)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        x = features[-1]
        for stage, up, skip in zip(self.stages, self.transpconvs, features[-2::-1], strict=True):
            x = stage(torch.cat([up(x), skip], dim=1))
        out: Tensor = self.seg_layers[-1](x)
        return out


class UNet(nn.Module):
    def __init__(self, channels: int, classes: int, shape: Shape) -> None:
        super().__init__()
        self.encoder = Encoder(channels, shape)
        self.decoder = Decoder(self.encoder, classes, shape)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(1, channels, d, h, w) -> features of that size, logits (1, classes, d, h, w)."""
        features = self.encoder(x)
        return features[0], self.decoder(features)


class Mixture(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        for number in range(1, EXPERTS + 1):
            self.add_module(f"expert{number}", UNet(1, CLASSES, shape))
        self.gate = UNet(1 + EXPERTS * shape.widths[0], EXPERTS * CLASSES, shape)

    def forward(self, x: Tensor) -> Tensor:
        """(1, 1, d, h, w) -> logits (1, 2, d, h, w)."""
        experts = [self.get_submodule(f"expert{n}") for n in range(1, EXPERTS + 1)]
        seen, said = zip(*(expert(x) for expert in experts), strict=True)
        weights = self.gate(torch.cat([x, *seen], dim=1))[1].split(CLASSES, dim=1)
        total: Tensor = said[0] * weights[0]
        for one, weight in zip(said[1:], weights[1:], strict=True):
            total = total + one * weight
        return total
