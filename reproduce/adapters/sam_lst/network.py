"""SAM-LST: SAM's encoder and a ResNet-18 side by side, joined by one learned weight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torchvision.models import resnet18

from reproduce.models.sam import build_sam, config_of, load_strictly
from reproduce.models.samed import Samed, classes_of
from reproduce.models.unfilled import unfilled


class LadderNet(nn.Module):
    """The whole model under the checkpoint's names; the encoder stands there twice."""

    def __init__(self, sam: Any) -> None:
        super().__init__()
        self.sam = sam
        self.sam.alpha = nn.Parameter(torch.empty(1))
        self.CNN_encoder = resnet18(weights=None)
        self.sam_encoder = sam.image_encoder


class SamLst(Samed):
    """`my_sam_LST.py`, `utils.py: test_single_volume`; slices are SAMed's."""

    def __init__(self, name: str, net: LadderNet, *others: Any) -> None:
        super().__init__(name, net.sam, *others)
        self.ladder = net.CNN_encoder.eval().to(self.device)
        self.gate = self.sam.alpha.sigmoid()
        self.trunk, self.encoder = self.encoder, self.both

    def both(self, pixels: torch.Tensor) -> torch.Tensor:
        """(B, 3, side, side) -> (B, 256, g, g): SAM's features and those of the third stage."""
        side = self.ladder
        x = side.maxpool(side.relu(side.bn1(side.conv1(pixels))))
        x = side.layer3(side.layer2(side.layer1(x)))
        joined: torch.Tensor = self.gate * self.trunk(pixels) + (1 - self.gate) * x
        return joined


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> SamLst:
    """SAM-LST from the state dict of its whole model."""
    config = config_of({key.removeprefix("sam."): value for key, value in state.items()})
    with unfilled():
        net = LadderNet(build_sam(config))
    load_strictly(net, state)
    return SamLst("sam-lst", net, classes_of(config.multimask_outputs), options, device, dtype)
