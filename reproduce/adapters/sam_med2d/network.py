"""SAM-Med2D: SAM ViT-B at 256 px with an adapter layer beside the MLP of every encoder block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from reproduce.models.frames import Frame, PromptPlane
from reproduce.models.promptable import PromptedModel, as_colour, channels_first
from reproduce.models.sam import PIXEL_MEAN, PIXEL_STD, build_sam, config_of, load_strictly
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from segment_anything.modeling import Sam


class AdapterLayer(nn.Module):
    """Channel gate, then a down- and up-convolution, added to the input and normalised.

    (B, H, W, C) -> the same; H and W must be even. Names of the parts are the checkpoint's.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.channel = nn.Sequential(
            nn.Linear(width, width // 4, bias=False),
            nn.ReLU(),
            nn.Linear(width // 4, width, bias=False),
            nn.Sigmoid(),
        )
        self.spatial = nn.Sequential(
            nn.Conv2d(width, width, 3, stride=2, padding=1, bias=False),
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, 4, stride=2, padding=1, bias=False),
            nn.ReLU(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate = self.channel(x.mean(dim=(1, 2)))[:, None, None, :]
        spatial = self.spatial((gate * x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        normalised: torch.Tensor = self.norm(x + spatial)
        return normalised


class AdaptedMlp(nn.Module):
    """A block's MLP with the adapter beside it: `segment_anything` adds the sum to the residual."""

    def __init__(self, mlp: nn.Module, adapter: nn.Module) -> None:
        super().__init__()
        self.mlp, self.adapter = mlp, adapter

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both: torch.Tensor = self.mlp(x) + self.adapter(x)
        return both


def load(state: Mapping[str, torch.Tensor], adapter: bool) -> Sam:
    """SAM with adapters, loaded strictly. With `adapter` false their tensors are left out.

    The checkpoint names them `image_encoder.blocks.N.Adapter.*`.
    """
    if not adapter:
        state = {key: value for key, value in state.items() if ".Adapter." not in key}
    config = config_of(state)
    with unfilled():
        sam = build_sam(config)
        if adapter:
            for block in sam.image_encoder.blocks:
                block.Adapter = AdapterLayer(config.embed_dim)
    load_strictly(sam, state)
    if adapter:
        for block in sam.image_encoder.blocks:
            block.mlp = AdaptedMlp(block.mlp, block.Adapter)
    return sam


SIDE = 256  # of the released networks' input, in pixels


def place(height: int, width: int, side: int) -> Frame:
    """`utils.py: train_transforms`: padded where both sides are smaller, else squashed."""
    if height < side and width < side:
        return Frame.centred(height, width, side)
    return Frame.squashed(height, width, side)


def prompt_plane(mask: NDArray[np.bool_], options: Mapping[str, Any]) -> PromptPlane:
    """`DataLoader.py` takes boxes and points from the mask after the image's padding or resize."""
    height, width = mask.shape
    frame = place(height, width, SIDE)
    return PromptPlane(frame.square_mask(mask), frame)


class SamMed2d(PromptedModel):
    """`DataLoader.py` and `test.py`: image as OpenCV reads it, normalised, padded or resized."""

    candidates = slice(1, None)  # the three for ambiguous prompts

    def frame(self, height: int, width: int) -> Frame:
        return place(height, width, self.side)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        import cv2

        image = as_colour(image)
        if self.options["channels"] == "bgr":
            image = image[..., ::-1]
        # Normalised in double precision before padding, so padding is 0 after normalisation.
        normal = (image - np.array(PIXEL_MEAN)) / np.array(PIXEL_STD)
        if frame.input_height == self.side or frame.input_width == self.side:
            ways = {"nearest": cv2.INTER_NEAREST, "bilinear": cv2.INTER_LINEAR}
            normal = cv2.resize(
                normal, (self.side, self.side), interpolation=ways[self.options["resize"]]
            )
            return channels_first(normal)
        square = np.zeros((self.side, self.side, 3))
        square[frame.rows, frame.columns] = normal
        return channels_first(square)

    def mask_prompt(self, logits: torch.Tensor) -> torch.Tensor:
        # `utils.py: generate_point` feeds back probabilities where SAM expects logits.
        return logits.sigmoid()


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> SamMed2d:
    """SAM-Med2D from a state dict in its layout (SAM's names plus `Adapter`)."""
    return SamMed2d("sam-med2d", load(state, options["adapter"]), options, device, dtype)
