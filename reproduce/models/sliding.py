"""Automatic 3D networks that see a volume through overlapping windows, put together by MONAI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import torch
from monai.inferers.utils import sliding_window_inference

from reproduce.models.sam_encoder import precision
from reproduce.models.volumes import VolumeModel


class SlidingModel(VolumeModel):
    """A network of windows (1, 1, d, h, w) -> logits (1, classes, d, h, w).

    side     of a window in voxels; smaller volumes are padded with 0 on both sides
    overlap  part of a window that the next one along an axis shares with it
    weights  how logits are averaged where windows overlap: all the same, or by a Gaussian whose
             deviation is an eighth of the window
    """

    overlap: ClassVar[float]
    weights: ClassVar[Literal["constant", "gaussian"]]

    def of_window(self, window: torch.Tensor) -> torch.Tensor:
        """(1, 1, d, h, w) -> logits (1, classes, d, h, w)."""
        logits: torch.Tensor = self.net(window)
        return logits

    def logits(self, values: torch.Tensor) -> torch.Tensor:
        """The network's input (d, h, w) float32 -> logits (classes, d, h, w) float32."""
        return self.slide(values, lambda window, place: self.of_window(window))

    def slide(
        self, values: torch.Tensor, predictor: Callable[[torch.Tensor, Any], torch.Tensor]
    ) -> torch.Tensor:
        """The network's input (d, h, w) -> what `predictor` says of (window, its slices), averaged.

        Slices are those of the padded volume.
        """
        kind = precision(self.dtype)
        device = torch.device(self.device)
        with torch.autocast(device.type, kind, enabled=kind is not torch.float32):
            found: Any = sliding_window_inference(
                values[None, None].to(device),
                roi_size=(self.side,) * 3,
                sw_batch_size=1,
                predictor=predictor,
                overlap=self.overlap,
                mode=self.weights,
                with_coord=True,
            )
        logits: torch.Tensor = found[0].float()
        return logits
