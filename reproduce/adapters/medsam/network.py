"""MedSAM: SAM ViT-B with its own input (squashed, 0-1, no mean and deviation) and output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import interpolate

from reproduce.contracts import Grid, ScoreKind
from reproduce.models.frames import Frame
from reproduce.models.promptable import PromptedModel, as_colour, channels_first
from reproduce.models.sam import load_sam

if TYPE_CHECKING:
    from numpy.typing import NDArray


class MedSam(PromptedModel):
    """`MedSAM_Inference.py`: cubic resize, whole numbers, min-max, box, sigmoid, then bilinear.

    The probability is interpolated, not the logit, and in one step from the low resolution, so the
    outline differs from that of SAM's own post-processing.
    """

    plain_encoder = True
    kind: ScoreKind = "probability"

    def frame(self, height: int, width: int) -> Frame:
        return Frame.squashed(height, width, self.side)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        from skimage.transform import resize

        square = resize(  # type: ignore[no-untyped-call]  # scikit-image publishes no types
            as_colour(image),
            (self.side, self.side),
            order=3,
            preserve_range=True,
            anti_aliasing=True,
        ).astype(np.uint8)
        low, high = square.min(), square.max()
        unit = (square - low) / max(int(high) - int(low), 1e-8)
        return channels_first(unit)

    def scores(self, low_res: torch.Tensor, frame: Frame, grid: Grid) -> torch.Tensor:
        size = (frame.height, frame.width) if grid == "original" else (self.side, self.side)
        return interpolate(low_res.sigmoid(), size, mode="bilinear", align_corners=False)


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> MedSam:
    """MedSAM from a state dict in SAM's layout."""
    return MedSam("medsam", load_sam(state), options, device, dtype)
