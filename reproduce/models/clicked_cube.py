"""A cube around the clicks, asked once: how 3DSAM-adapter and ProMISe answer about a volume."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from catalog.errors import InputError
from reproduce.models.lifted import Lifted, sizes_of
from reproduce.models.millimetre import MillimetreModel
from reproduce.models.sam import load_strictly
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ClickedCube(MillimetreModel):
    """`test.py`: the cube whose middle is that of the clicks; outside of it nothing is answered.

    told  order in which a click's (plane, row, column) and the cube's first voxel are set against
          each other when the network is told of it
    """

    kind = "probability"

    def __init__(
        self,
        name: str,
        net: Lifted,
        told: tuple[tuple[int, int], ...],
        options: Mapping[str, Any],
        device: str,
    ) -> None:
        super().__init__(name, options, device)
        self.net = net.eval().to(device)
        self.told = told

    def scores(self, volume: torch.Tensor, clicks: NDArray[np.float64]) -> torch.Tensor:
        """Probability of the foreground, 0 outside of the cube."""
        voxels = np.rint(clicks).astype(np.int64)
        first = (voxels.max(axis=0) + voxels.min(axis=0)) // 2 - self.net.side // 2
        low = np.maximum(first, 0)
        high = np.minimum(first + self.net.side, volume.shape)
        there = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        inside = tuple(slice(a, b) for a, b in zip(low - first, high - first, strict=True))
        cube = torch.zeros((self.net.side,) * 3)
        cube[inside] = volume[there]
        places = np.stack([voxels[:, i] - first[j] for i, j in self.told], axis=1)
        logits = self.net(
            cube.to(self.device), torch.as_tensor(places, dtype=torch.float32).to(self.device)
        )
        found = torch.zeros(volume.shape, device=self.device)
        found[there] = torch.softmax(logits, dim=0)[1][inside]
        return found


def load(state: Mapping[str, torch.Tensor], dtype: str) -> Lifted:
    """The network with its weights. Raises `InputError` listing what does not fit."""
    if dtype != "float32":
        raise InputError(f"this model runs in float32, got {dtype}. Leave out --precision.")
    with unfilled():
        net = Lifted(sizes_of(state))
    load_strictly(net, state)
    return net


def build_3dsam_adapter(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> ClickedCube:
    """Clicks as (plane, column, row), each against its own first voxel."""
    told = ((0, 0), (2, 2), (1, 1))
    return ClickedCube("3DSAM-adapter", load(state, dtype), told, options, device)


def build_promise(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> ClickedCube:
    """`tester.py: get_points_prompt` sets row against plane, plane against column and column
    against row, and so tells another place than the click's wherever these differ."""
    renamed = {
        key.replace("mask_decoder.cls_hao.", "mask_decoder.head."): value
        for key, value in state.items()
    }
    told = ((1, 0), (0, 2), (2, 1))
    return ClickedCube("ProMISe", load(renamed, dtype), told, options, device)
