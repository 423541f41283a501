"""A loaded Segment Anything with its official preprocessing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import torch

from catalog.errors import UsageError
from reproduce.contracts import Plane
from reproduce.ground.ahead import ahead
from reproduce.models.frames import Frame
from reproduce.models.promptable import PromptedModel
from reproduce.models.sam_preprocessing import resize_longest_side, resize_mask, to_batch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Multimask = Literal["single", "three"]
EncoderForm = Literal["fused", "official"]
RESIZING_THREADS = 8


class SamModel(PromptedModel):
    """Segment Anything, or a network with its parts, as `SamPredictor` runs it.

    `multimask`: "single" takes the decoder's one mask for unambiguous prompts, "three" its three
    candidates for ambiguous ones. `encoder`: "fused" (`sam_encoder`), or "official" for the
    encoder's own forward; `dtype` is the encoder's precision (float32, bfloat16, float16), the
    decoder always computes in float32. Masks come to the network's grid with Pillow's nearest
    neighbour, whose pixel centres agree with those of the image.
    """

    def __init__(
        self,
        sam: Any,
        *,
        multimask: Multimask = "single",
        encoder: EncoderForm = "fused",
        dtype: str = "float32",
    ) -> None:
        if encoder == "official" and dtype != "float32":
            raise UsageError(
                f"encoder official computes in float32 only, got {dtype}. Use encoder=fused."
            )
        self.plain_encoder = encoder == "fused"
        self.candidates = slice(1, None) if multimask == "three" else slice(0, 1)
        # Candidates are the decoder's business: an embedding is the same for both.
        super().__init__("sam", sam, {"encoder": encoder}, str(sam.pixel_mean.device), dtype)

    def frame(self, height: int, width: int) -> Frame:
        return Frame.longest_side(height, width, self.side)

    def batch(self, planes: Sequence[Plane]) -> tuple[torch.Tensor, list[Frame]]:
        """As `ImageModel.batch`; images travel to the device as bytes and are normalised there."""
        # On a GPU, threads resize the next images while it works; a CPU has nothing to spare.
        threads = 0 if self.device == "cpu" else RESIZING_THREADS
        images = [plane.image for plane in planes]
        resized = ahead(self.prepare, images, threads=threads, depth=2 * RESIZING_THREADS)
        pixels = to_batch(resized, self.sam.pixel_mean, self.sam.pixel_std, self.side)
        return pixels, [self.frame(*image.shape[:2]) for image in images]

    def prepare(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A (H, W, 3) uint8 image resized for the model; needs no weights and no device."""
        return resize_longest_side(image, self.side)

    def mask_pixels(self, mask: NDArray[np.bool_], frame: Frame) -> NDArray[np.bool_]:
        return resize_mask(mask, (frame.input_height, frame.input_width))
