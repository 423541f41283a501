"""Segment Anything's preprocessing, exactly as `SamPredictor` does it.

The image is resized with Pillow (uint8, bilinear with antialiasing) so that its longer side is the
model's, normalised, and padded with zeros on the right and at the bottom. `segment_anything`'s own
`apply_image_torch` reads the wrong dimensions and is not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from catalog.errors import InputError
from reproduce.models.frames import Frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

Size = tuple[int, int]


def resize_longest_side(image: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """A (H, W, 3) uint8 image resized with Pillow so that its longer side is `longest` px."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(
            f"expected an RGB image of shape (H, W, 3) and dtype uint8, got {image.shape} "
            f"{image.dtype}. The dataset plugin's `load` must bring images to that form."
        )
    frame = Frame.longest_side(image.shape[0], image.shape[1], longest)
    height, width = frame.input_height, frame.input_width
    if (height, width) == image.shape[:2]:
        return image
    return np.asarray(
        Image.fromarray(image).resize((width, height), resample=Image.Resampling.BILINEAR)
    )


def resize_mask(mask: NDArray[np.bool_], size: Size) -> NDArray[np.bool_]:
    """A (H, W) bool mask resized to `size`, nearest neighbour."""
    if mask.shape == size:
        return mask
    image = Image.fromarray(mask.astype(np.uint8))
    return np.asarray(image.resize((size[1], size[0]), resample=Image.Resampling.NEAREST)) > 0


def to_batch(
    resized: Iterable[NDArray[np.uint8]], mean: torch.Tensor, std: torch.Tensor, side: int
) -> torch.Tensor:
    """Resized (h, w, 3) uint8 images as one normalised, padded (B, 3, side, side) float32 tensor.

    `mean` and `std` are (3, 1, 1) and on the device that the result shall be on. Images travel as
    uint8 and are normalised there, in the order of operations of `Sam.preprocess`.
    """
    images = list(resized)
    batch = torch.zeros((len(images), 3, side, side), dtype=torch.float32, device=mean.device)
    for row, image in zip(batch, images, strict=True):
        height, width = image.shape[:2]
        # `ascontiguousarray` because Pillow hands out read-only memory, which torch warns about.
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
        if mean.device.type == "cuda":
            pixels = pixels.contiguous().pin_memory().to(mean.device, non_blocking=True)
        row[:, :height, :width] = (pixels - mean) / std
    return batch
