"""Where an image lies in a network's square input; masks and coordinates there and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """An image of (height, width) pixels inside a square of `side` pixels.

    The image fills the rectangle of (input_height, input_width) pixels whose upper left corner is
    (top, left); the rest of the square is padding.
    """

    height: int
    width: int
    side: int
    input_height: int
    input_width: int
    top: int = 0
    left: int = 0

    @classmethod
    def squashed(cls, height: int, width: int, side: int) -> Frame:
        """The image fills the square; the aspect ratio is lost."""
        return cls(height, width, side, side, side)

    @classmethod
    def longest_side(cls, height: int, width: int, side: int) -> Frame:
        """The longer side fills the square, the rest is padded right and below (SAM's way).

        Rounded as in `segment_anything/utils/transforms.py: get_preprocess_shape`.

        >>> Frame.longest_side(584, 565, 1024)
        Frame(height=584, width=565, side=1024, input_height=1024, input_width=991, top=0, left=0)
        """
        scale = side * 1.0 / max(height, width)
        return cls(height, width, side, int(height * scale + 0.5), int(width * scale + 0.5))

    @classmethod
    def centred(cls, height: int, width: int, side: int) -> Frame:
        """The image is not resized and lies in the middle, rounded towards the upper left."""
        return cls(height, width, side, height, width, (side - height) // 2, (side - width) // 2)

    def to_input(self, xy: NDArray[Any]) -> NDArray[np.float64]:
        """(..., 2) points (x, y) in pixels of the image -> pixels of the network's input."""
        scale = np.array([self.input_width / self.width, self.input_height / self.height])
        moved: NDArray[np.float64] = np.asarray(xy, dtype=np.float64) * scale
        moved += (self.left, self.top)
        return moved

    def to_image(self, xy: NDArray[Any]) -> NDArray[np.float64]:
        """The inverse of `to_input`."""
        scale = np.array([self.width / self.input_width, self.height / self.input_height])
        moved: NDArray[np.float64] = np.asarray(xy, dtype=np.float64) - (self.left, self.top)
        moved *= scale
        return moved

    @property
    def rows(self) -> slice:
        """Rows of the input that the image fills."""
        return slice(self.top, self.top + self.input_height)

    @property
    def columns(self) -> slice:
        """Columns of the input that the image fills."""
        return slice(self.left, self.left + self.input_width)

    def inside(self, square: torch.Tensor) -> torch.Tensor:
        """(..., side, side) -> (..., input_height, input_width): the padding cut off."""
        return square[..., self.rows, self.columns]

    def to_original(self, square: torch.Tensor) -> torch.Tensor:
        """(N, C, side, side) float -> (N, C, height, width): padding cut off, then bilinear.

        Resizing to the size that a mask already has changes nothing and is left out.
        """
        from torch.nn.functional import interpolate

        inside, size = self.inside(square), (self.height, self.width)
        if inside.shape[-2:] == size:
            return inside
        return interpolate(inside, size, mode="bilinear", align_corners=False)

    def square_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(height, width) bool -> (side, side) bool: nearest neighbour, nothing in the padding."""
        square = np.zeros((self.side, self.side), np.bool_)
        square[self.rows, self.columns] = self.resize_mask(mask)
        return square

    def resize_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(height, width) bool -> (input_height, input_width) bool, OpenCV's nearest neighbour."""
        import cv2

        size = (self.input_width, self.input_height)
        small = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        return small.astype(np.bool_)


@dataclass(frozen=True, slots=True)
class PromptPlane:
    """A reference mask on the grid that a release makes its prompts on: the network's square input.

    mask   (side, side) bool; padding is background
    frame  where the image lies in that square
    """

    mask: NDArray[np.bool_]
    frame: Frame
    around = None

    def to_input(self, places: NDArray[Any]) -> NDArray[np.float64]:
        """(N, 3) places (s, y, x) in the image -> on the network's input."""
        return _in_plane(places, self.frame.to_input)

    def to_image(self, places: NDArray[Any]) -> NDArray[np.float64]:
        """The inverse of `to_input`."""
        return _in_plane(places, self.frame.to_image)


def _in_plane(
    places: NDArray[Any], move: Callable[[NDArray[Any]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    moved = np.array(places, np.float64)
    moved[:, 1:] = move(moved[:, :0:-1])[:, ::-1]
    return moved
