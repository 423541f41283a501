"""LiteMedSAM: TinyViT at 256 px with 0-1 input; box, crop, bilinear, sigmoid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from reproduce.contracts import Grid
from reproduce.models.frames import Frame
from reproduce.models.promptable import PromptedModel, as_colour, channels_first
from reproduce.models.tinyvit import load_tiny_sam

if TYPE_CHECKING:
    from numpy.typing import NDArray


class LiteMedSam(PromptedModel):
    """`CVPR24_LiteMedSAM_infer.py`: area resize, min-max, then padding; box cut to whole pixels."""

    def frame(self, height: int, width: int) -> Frame:
        return Frame.longest_side(height, width, self.side)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        import cv2

        size = (frame.input_width, frame.input_height)
        small = cv2.resize(as_colour(image), size, interpolation=cv2.INTER_AREA)
        low, high = small.min(), small.max()
        square = np.zeros((self.side, self.side, 3))
        square[frame.rows, frame.columns] = (small - low) / max(float(high) - float(low), 1e-8)
        return channels_first(square)

    def box_to_input(self, corners: NDArray[np.float64], frame: Frame) -> NDArray[np.float64]:
        # One factor for both axes and the fraction cut off (`resize_box_to_256`).
        scaled: NDArray[np.float64] = corners * (self.side / max(frame.height, frame.width))
        return np.trunc(scaled)

    def scores(self, low_res: torch.Tensor, frame: Frame, grid: Grid) -> torch.Tensor:
        # The low-resolution logits already have the input's side.
        return frame.inside(low_res) if grid == "model_input" else frame.to_original(low_res)


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> LiteMedSam:
    """LiteMedSAM from a state dict in its layout."""
    return LiteMedSam("litemedsam", load_tiny_sam(state), options, device, dtype)
