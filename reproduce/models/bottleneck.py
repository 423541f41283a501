"""The small adapter that several methods put beside SAM's layers."""

from __future__ import annotations

import torch
from torch import nn


class Bottleneck(nn.Module):
    """Linear to a quarter of the width, GELU, back; (..., C) -> (..., C), nothing added.

    The names of the parts are those of the checkpoints (SAMUS, Medical SAM Adapter).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.D_fc1, self.D_fc2 = nn.Linear(width, width // 4), nn.Linear(width // 4, width)
        self.act = nn.GELU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = self.D_fc2(self.act(self.D_fc1(x)))
        return changed
