"""I-MedSAM's decoder: a small network asked at coordinates (`SegField` of the release)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.functional import interpolate

FREQUENCIES = 10
PIXELS_AT_ONCE = 1 << 15  # the widest layer has 1024 values a pixel


class Field(nn.Module):
    """Logits at any pixel from interpolated features and the pixel's coordinates.

    `seg_net` has the release's parts under its names: a coarse network, a fine one, and a last
    layer of each.
    """

    def __init__(self, width: int, upscaled: int, inner: int = 256) -> None:
        super().__init__()
        given = upscaled + width + 3 * (2 * FREQUENCIES + 1)
        self.seg_net = nn.ModuleList(
            [
                nn.Sequential(*_layer(given, 4 * inner), *_layer(4 * inner, 2 * inner)),
                nn.Sequential(*_layer(given + inner, inner), *_layer(inner, inner)),
                nn.ModuleList([nn.Sequential(nn.Linear(2 * inner, inner + 1))]),
                nn.ModuleList(
                    [nn.Sequential(*_layer(inner, inner // 2), nn.Linear(inner // 2, 1))]
                ),
            ]
        )

    def forward(
        self, upscaled: torch.Tensor, positions: torch.Tensor, size: tuple[int, int]
    ) -> torch.Tensor:
        """Logits (1, 1, h, w) of one object.

        upscaled   (1, C, 4g, 4g) features of the decoder
        positions  (1, W, g, g) of the image embedding
        size       (h, w) of the grid that is asked for
        """
        parts: Any = self.seg_net
        coarse_net, fine_net, (coarse_head,), (fine_head,) = parts
        count = size[0] * size[1]
        # The release takes the pixels where two passes differ most. Dropout is off, so that they
        # differ nowhere, and `topk` takes whichever it does of equal values.
        again = torch.zeros(count, device=upscaled.device).topk(count // 8).indices
        refined = torch.zeros(count, dtype=torch.bool, device=upscaled.device)
        refined[again] = True
        logits = []
        for start, features in self.described(upscaled, positions, size):
            found = coarse_head(coarse_net(features))
            here = refined[start : start + len(features)]
            values = found[:, 0].clone()
            values[here] = fine_head(fine_net(torch.cat([features, found[:, 1:]], 1)[here]))[:, 0]
            logits.append(values)
        return torch.cat(logits).reshape(1, 1, *size)

    def described(
        self, upscaled: torch.Tensor, positions: torch.Tensor, size: tuple[int, int]
    ) -> Iterator[tuple[int, torch.Tensor]]:
        """(number of the first pixel, what is known of some pixels in reading order)."""
        dense = [
            interpolate(x, size, mode="bilinear", align_corners=False)[0].flatten(1)
            for x in (upscaled, positions)
        ]
        device = upscaled.device
        # Depth is a third coordinate that is always at its lower end.
        axes = [torch.linspace(-1, 1, n, device=device) for n in (1, *size)]
        places = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
        octaves = 2 ** torch.linspace(0, FREQUENCIES, FREQUENCIES, device=device)
        for start in range(0, len(places), PIXELS_AT_ONCE):
            part = slice(start, start + PIXELS_AT_ONCE)
            here = places[part]
            angles = (2 * math.pi * here[..., None] * octaves).flatten(1)
            waves = torch.sin(torch.cat([angles, angles + math.pi / 2], -1))
            yield start, torch.cat([*(x[:, part].T for x in dense), waves, here], -1)


def _layer(before: int, after: int) -> tuple[nn.Module, ...]:
    return nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU()
