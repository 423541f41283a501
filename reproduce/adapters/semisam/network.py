"""SemiSAM's student: a 3D U-Net of five levels with instance normalisation that learns nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from catalog.errors import UsageError
from reproduce.contracts import Sample
from reproduce.models.sam import load_strictly
from reproduce.models.sliding import SlidingModel
from reproduce.models.unfilled import unfilled

LEVELS = 5


class Convolutions(nn.Module):
    """Two convolutions of 3 voxels."""

    def __init__(self, taken: int, given: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (
            nn.Sequential(nn.Conv3d(n, given, 3, padding=1), nn.InstanceNorm3d(given), nn.ReLU())
            for n in (taken, given)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.conv2(self.conv1(x))
        return found


class Upwards(nn.Module):
    """A level joined with the one below, enlarged."""

    def __init__(self, below: int, beside: int) -> None:
        super().__init__()
        self.conv = Convolutions(below + beside, beside)

    def forward(self, beside: torch.Tensor, below: torch.Tensor) -> torch.Tensor:
        large = nn.functional.interpolate(below, scale_factor=2, mode="trilinear")
        found: torch.Tensor = self.conv(torch.cat([beside, large], 1))
        return found


class UNet(nn.Module):
    """(B, 1, d, h, w) -> logits (B, classes, d, h, w); dropout is of training alone."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        widths = [width << level for level in range(LEVELS)]
        for level, (taken, given) in enumerate(zip([1, *widths], widths, strict=False), start=1):
            name = "center" if level == LEVELS else f"conv{level}"
            self.add_module(name, Convolutions(taken, given))
        for level in range(LEVELS - 1, 0, -1):
            self.add_module(f"up_concat{level}", Upwards(widths[level], widths[level - 1]))
        self.final = nn.Conv3d(width, classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        beside = []
        for level in range(1, LEVELS):
            x = self.get_submodule(f"conv{level}")(x)
            beside.append(x)
            x = nn.functional.max_pool3d(x, 2)
        x = self.get_submodule("center")(x)
        for level in range(LEVELS - 1, 0, -1):
            x = self.get_submodule(f"up_concat{level}")(beside[level - 1], x)
        found: torch.Tensor = self.final(x)
        return found


class SemiSam(SlidingModel):
    """`test_3D_util.py: test_single_case`."""

    kind = "probability"
    overlap = 0.5
    weights = "constant"

    def of_window(self, window: torch.Tensor) -> torch.Tensor:
        return torch.softmax(super().of_window(window), dim=1)

    def maps(self, sample: Sample) -> torch.Tensor:
        """Files hold (x, y, z)."""
        values = torch.from_numpy(np.array(sample.values, np.float32).transpose(2, 1, 0))
        return self.logits(values)[1:].permute(0, 3, 2, 1)


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> SemiSam:
    """From a state dict. Raises `InputError` naming what does not fit."""
    classes = tuple(name.strip() for name in str(options["classes"]).split(","))
    first, last = (state.get(f"{name}.weight") for name in ("conv1.conv1.0", "final"))
    if last is not None and len(last) != len(classes) + 1:
        raise UsageError(
            f"the file has {len(last) - 1} classes after the background, option classes names "
            f"{len(classes)}: {', '.join(classes)}"
        )
    with unfilled():
        net = UNet(16 if first is None else len(first), len(classes) + 1)
    load_strictly(net, state)
    return SemiSam("semisam", net, int(options["window"]), classes, options, device, dtype)
