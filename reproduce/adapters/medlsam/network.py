"""MedLAM: a 3D U-Net that says where in a body a cube lies, and what every voxel looks like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.functional import interpolate, max_pool3d

from reproduce.models.sam import load_strictly

SIDE = 64  # of the cubes, in voxels of 3 mm
#: Level -> widths of its two convolutions' inputs and outputs, in units.
WIDTHS = {0: (0, 2, 2), 1: (2, 2, 2), 2: (2, 2, 4), 3: (4, 4, 8), 4: (8, 8, 16)}
WIDTHS |= {5: (24, 8, 8), 6: (12, 4, 4), 7: (6, 4, 4), 8: (6, 4, 4)}


def convolution(taken: int, given: int) -> nn.Module:
    """3x3x3, instance normalisation, ReLU, under the release's names."""
    inner, outer = nn.Module(), nn.Module()
    inner.Conv = nn.Conv3d(taken, given, 3, padding=1)
    outer.model = nn.Module()
    outer.model.conv1_1 = inner
    return outer


class MedLam(nn.Module):
    """Cubes (1, 1, 64, 64, 64) -> their place, and features at a quarter, a half and the whole."""

    def __init__(self, unit: int, classes: int) -> None:
        super().__init__()
        for level, (taken, between, given) in WIDTHS.items():
            first = convolution(taken * unit or 1, between * unit)
            self.add_module(f"conv{level}_1", first)
            self.add_module(f"conv{level}_2", convolution(between * unit, given * unit))
        # What it was trained with beside; nothing here asks it.
        self.classification = nn.Sequential(nn.Conv3d(4 * unit, classes, 1))
        self.fc1 = nn.Linear((SIDE // 16) ** 3 * 16 * unit, 8 * unit)
        self.fc2 = nn.Linear(8 * unit, 4 * unit)
        self.fc3 = nn.Linear(4 * unit, 3)

    def level(self, x: torch.Tensor, number: int) -> torch.Tensor:
        for which in (1, 2):
            conv: Any = self.get_submodule(f"conv{number}_{which}.model.conv1_1.Conv")
            x = torch.relu_(nn.functional.instance_norm(conv(x)))
        return x

    def descend(self, x: torch.Tensor) -> list[torch.Tensor]:
        """What each level on the way down gives."""
        found = [self.level(x, 0)]
        for number in range(1, 5):
            found.append(self.level(max_pool3d(found[-1], 2), number))
        return found

    def place(self, lowest: torch.Tensor) -> torch.Tensor:
        """(1, 3): where the cube's middle lies, on the network's own scale."""
        found: torch.Tensor = self.fc3(self.fc2(self.fc1(lowest.flatten(1))))
        return found

    def features(self, levels: list[torch.Tensor]) -> list[torch.Tensor]:
        """(1, channels, d, h, w) at a quarter, a half and the whole of the cube's side."""
        x, found = levels[-1], []
        for number in range(5, 9):
            large = interpolate(x, scale_factor=2, mode="trilinear")
            x = self.level(torch.cat([large, levels[8 - number]], 1), number)
            found.append(x)
        return found[1:]


def load(state: Mapping[str, torch.Tensor]) -> MedLam:
    """From a state dict. Raises `InputError` naming what does not fit."""
    last, head = state.get("fc3.weight"), state.get("classification.0.weight")
    unit = 24 if last is None or last.ndim != 2 else last.shape[1] // 4
    with torch.device("meta"):
        net = MedLam(max(unit, 1), 3 if head is None else len(head))
    load_strictly(net, state)
    return net
