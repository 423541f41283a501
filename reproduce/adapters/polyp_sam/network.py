"""Polyp-SAM: SAM with its own input (blue first, squashed, 0-1, no mean and deviation)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from reproduce.models.frames import Frame
from reproduce.models.promptable import PromptedModel, as_colour, channels_first
from reproduce.models.sam import load_sam
from reproduce.models.sam_preprocessing import resize_longest_side

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray


class PolypSam(PromptedModel):
    """`scripts/evaluate_all.ipynb`: longest side to 1024 with Pillow, then squashed with OpenCV."""

    plain_encoder = True

    def frame(self, height: int, width: int) -> Frame:
        return Frame.squashed(height, width, self.side)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        import cv2

        image = as_colour(image)
        if self.options["channels"] == "bgr":
            image = np.ascontiguousarray(image[..., ::-1])
        longest = resize_longest_side(image, self.side)
        # The notebook passes INTER_CUBIC as third positional argument, which is `dst`: the
        # interpolation is OpenCV's default.
        square = cv2.resize(longest, (self.side, self.side), interpolation=cv2.INTER_LINEAR)
        return channels_first(square.astype(np.float32) / np.float32(255))


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> PolypSam:
    """Polyp-SAM from its three part files, put together under SAM's names."""
    return PolypSam("polyp-sam", load_sam(state), options, device, dtype)
