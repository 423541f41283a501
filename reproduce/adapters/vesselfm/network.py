"""vesselFM: MONAI's DynUNet with six levels and residual blocks, asked in windows of 128 voxels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from monai.networks.nets.dynunet import DynUNet
from monai.transforms.intensity.array import ScaleIntensityRangePercentiles

from catalog.errors import InputError
from reproduce.contracts import Sample
from reproduce.models.sam import load_strictly
from reproduce.models.sliding import SlidingModel
from reproduce.models.unfilled import unfilled

LEVELS = 6
WINDOW = 128


def network() -> DynUNet:
    """`vesselfm/seg/configs/model/dyn_unet_base.yaml`."""
    return DynUNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=1,
        kernel_size=[[3] * 3] * LEVELS,
        strides=[[1] * 3, *[[2] * 3] * (LEVELS - 1)],
        upsample_kernel_size=[[2] * 3] * (LEVELS - 1),
        filters=[32, 64, 128, 256, 320, 320],
        res_block=True,
    )


class VesselFm(SlidingModel):
    """`module.py: PLModuleFinetune.test_step` with the transforms of `default_finetune.yaml`."""

    kind = "probability"
    overlap = 0.5
    weights = "constant"

    def maps(self, sample: Sample) -> torch.Tensor:
        return self.logits(self.values(sample)).sigmoid()

    def values(self, sample: Sample) -> torch.Tensor:
        """The network's input, (S, H, W) float32."""
        stored = np.asarray(sample.values, np.float32)
        low, high = np.percentile(stored, (1, 99))
        if low == high:
            raise InputError(
                f"case {sample.case.id}: its 1st and 99th percentile are both {low:g}; vesselFM "
                "scales by what lies between them. Is this the volume, not its mask?"
            )
        scale = ScaleIntensityRangePercentiles(1, 99, 0, 1, clip=self.options["clip"])
        scaled: Any = scale(torch.from_numpy(stored)[None])
        values: torch.Tensor = scaled[0]
        return values


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> VesselFm:
    """vesselFM from its state dict. Raises `InputError` naming what does not fit."""
    with unfilled():
        net = network()
    load_strictly(net, state)
    return VesselFm("vesselfm", net, WINDOW, ("vessel",), options, device, dtype)
