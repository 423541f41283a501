"""SAM-OCTA: SAM with LoRA on q and v; SAM's input by another resize, probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import interpolate, pad

from reproduce.contracts import Grid, ScoreKind
from reproduce.models.frames import Frame
from reproduce.models.lora import merge, number_wrapped
from reproduce.models.promptable import PromptedModel, as_colour
from reproduce.models.sam import PIXEL_MEAN, PIXEL_STD, load_sam

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SamOcta(PromptedModel):
    """`test_sam_octa.py`: resized as a tensor (antialiased bilinear, no rounding), then SAM's."""

    plain_encoder = True
    kind: ScoreKind = "probability"

    def frame(self, height: int, width: int) -> Frame:
        frame = Frame.longest_side(height, width, int(self.options["longest_side"]))
        return Frame(height, width, self.side, frame.input_height, frame.input_width)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        values = np.ascontiguousarray(as_colour(image).transpose(2, 0, 1), dtype=np.float32)
        resized = interpolate(
            torch.from_numpy(values)[None],
            (frame.input_height, frame.input_width),
            mode="bilinear",
            align_corners=False,
            antialias=True,
        )[0]
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (PIXEL_MEAN, PIXEL_STD))
        below, right = self.side - frame.input_height, self.side - frame.input_width
        padded: NDArray[np.float32] = pad((resized - mean) / std, (0, right, 0, below)).numpy()
        return padded

    def scores(self, low_res: torch.Tensor, frame: Frame, grid: Grid) -> torch.Tensor:
        return super().scores(low_res, frame, grid).sigmoid()


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> SamOcta:
    """SAM-OCTA from the state dict of its wrapped model (names begin with `sam.`)."""
    plain = {key.removeprefix("sam."): value for key, value in state.items()}
    return SamOcta("sam-octa", load_sam(merge(number_wrapped(plain))), options, device, dtype)
