"""Parts of a mask, and how many of their voxels lie in the other mask: skeletons, bands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Side = tuple[list[float], list[float]]


def inside_other(reference: Any, predicted: Any, width: int | None) -> tuple[Side, Side]:
    """For the reference's part and the prediction's: 0.0 and 1.0 (in the other, or not), as far as
    there are any, and how many voxels.

    reference, predicted  bool, (H, W) or (D, H, W), arrays or tensors, cut to what holds both
    width                 of a band in pixels, looked for in the other's band; None: skeletons,
                          looked for in the other mask
    """
    masks = [_array(reference), _array(predicted)]
    if width is None:
        parts, others = [_skeleton(mask) for mask in masks], masks[::-1]
    else:
        parts = [_band(mask, width) for mask in masks]
        others = parts[::-1]
    one, two = (_counted(part, other) for part, other in zip(parts, others, strict=True))
    return one, two


def _array(mask: Any) -> NDArray[np.bool_]:
    import numpy as np

    return np.asarray(mask.cpu().numpy() if hasattr(mask, "is_cuda") else mask, np.bool_)


def _counted(part: NDArray[np.bool_], other: NDArray[np.bool_]) -> Side:
    inside = int((part & other).sum())
    sizes = {0.0: float(inside), 1.0: float(int(part.sum()) - inside)}
    there = [distance for distance, size in sizes.items() if size]
    return there, [sizes[distance] for distance in there]


def _skeleton(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Centre lines (Zhang's in 2D, Lee's in 3D), as the authors of clDice take them; of a block of
    which Lee's thinning leaves nothing, the block."""
    import numpy as np
    from skimage.morphology import skeletonize

    padded = np.pad(mask, 1)
    found: NDArray[np.bool_] = skeletonize(padded)  # type: ignore[no-untyped-call]  # skimage has no types
    inner = found[(slice(1, -1),) * mask.ndim].astype(np.bool_)
    return inner if inner.any() else mask


def _band(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """Pixels within `width` of the mask's contour, the image's border being one (Cheng et al. 2021:
    erosion by squares, once a pixel)."""
    import cv2
    import numpy as np

    padded = np.pad(mask, 1).astype(np.uint8)
    inner = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=width)
    return mask & ~inner[1:-1, 1:-1].astype(np.bool_)
