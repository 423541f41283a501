"""SAMed, SAMed_s, SAMed_h: SAM at 512 px with LoRA, one mask token per class, no prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import interpolate

from reproduce.models.frames import Frame
from reproduce.models.lora import merge
from reproduce.models.promptable import Encoded
from reproduce.models.sam import config_of, load_sam, resize_positions
from reproduce.models.semantic import SYNAPSE, SemanticModel, one_channel, unprompted

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Samed(SemanticModel):
    """`test.py`, `utils.py: test_single_volume`: cubic down to 224, cubic up to 512, argmax."""

    plain_encoder = True
    # Slices may be floating: eight bits would be coarser than the release's data files.
    takes = "any"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.side = int(self.sam.prompt_encoder.input_image_size[0])

    def frame(self, height: int, width: int) -> Frame:
        return Frame.squashed(height, width, self.side)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        return np.repeat(zoomed(image, self.options["input_size"], self.side)[None], 3, axis=0)

    def logits(self, embedding: Encoded) -> torch.Tensor:
        low_res = unprompted(self.sam, embedding.features)
        return interpolate(low_res, (self.side, self.side), mode="bilinear", align_corners=False)


def zoomed(image: NDArray[Any], input_size: int | None, side: int) -> NDArray[np.float32]:
    """A slice (H, W) brought to (input_size, input_size) and from there to (side, side).

    Both steps are SciPy's cubic `zoom` in the release; a step that changes nothing is left out.
    The way through the smaller size blurs the slice and is part of the released protocol; None
    goes straight to `side`.
    """
    from scipy.ndimage import zoom

    # The released files hold float32, and `zoom` keeps the type it is given.
    plane = one_channel(image, "SAMed").astype(np.float32)
    for size in (input_size, side):
        if size is not None and plane.shape != (size, size):
            plane = zoom(plane, (size / plane.shape[0], size / plane.shape[1]), order=3)
    return plane


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> Samed:
    """SAMed from a SAM checkpoint (encoder) with the LoRA file's tensors laid over it.

    SAMed_s is the same with LoRA tensors for the decoder's attention as well.
    """
    merged = merge(state)
    config = config_of(merged)
    side = int(options["image_size"])
    merged = resize_positions(merged, side, config.global_attn_indexes)
    sam = load_sam(merged, replace(config, image_size=side))
    return Samed("samed", sam, classes_of(config.multimask_outputs), options, device, dtype)


def classes_of(count: int) -> tuple[str, ...]:
    """Synapse's names where there are eight classes, else `class 1`, `class 2` ..."""
    return SYNAPSE if count == len(SYNAPSE) else tuple(f"class {i}" for i in range(1, count + 1))
