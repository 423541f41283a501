"""Places on masks of planes and of stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from reproduce.prompting.regions import regions
from reproduce.statistics.surface_host import bounding_box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Where = Literal[
    "center-edt",
    "center-l2-5",
    "center-mass",
    "center-box",
    "center-joint",
    "uniform",
    "first",
    "middle",
    "upper-half-edt",
]


def in_stack(places: Any, plane: int | None) -> NDArray[np.float64]:
    """Places (N, 2) of a plane or (N, 3) of a stack, in array order -> (N, 3) of (s, y, x)."""
    import numpy as np

    found = np.asarray(places, np.float64)
    if found.shape[-1] == 3:
        return found
    return np.concatenate([np.full((len(found), 1), float(plane or 0)), found], axis=1)


def place(mask: NDArray[np.bool_], where: Where, rng: np.random.Generator) -> tuple[float, ...]:
    """One place on a mask with at least one pixel, in array order.

    Only the box around the mask is looked at: beyond it all is background, and none of it nearer
    than that next to the box.
    """
    import numpy as np

    box = bounding_box(mask)
    assert box is not None
    begin = np.array([part.start for part in box])
    pixels = _candidates(mask[box], where) + begin
    if where == "center-joint":
        # As CVPR25_iter_eval.py draws: the legacy generator, its seed set before every draw.
        chosen = np.random.RandomState(42).choice(len(pixels))
    elif where in ("center-mass", "center-box"):
        from scipy.spatial import cKDTree

        ends = np.stack([pixels.min(axis=0), pixels.max(axis=0)])
        middle = np.rint((pixels if where == "center-mass" else ends).mean(axis=0))
        # Of equally near ones that which RadioActive's tree gives.
        chosen = cKDTree(pixels).query(middle)[1]
    elif where in ("center-edt", "first"):
        chosen = 0
    else:
        chosen = len(pixels) // 2 if where == "middle" else int(rng.integers(len(pixels)))
    return tuple(map(float, pixels[chosen]))


def _candidates(mask: NDArray[np.bool_], where: Where) -> NDArray[np.int64]:
    """The pixels (N, axes) of a mask among which a place is chosen, in scan order."""
    import numpy as np

    match where:
        case "center-joint":
            deep = depth(regions(mask, "largest")[0])
            return np.argwhere(deep == deep.max())
        case "center-l2-5":
            rough = _depth_l2_5(mask)
            return np.argwhere(rough == rough.max())
        case "center-edt":
            deep = depth(mask)
            return np.argwhere(deep == deep.max())
        case "upper-half-edt":
            deep = depth(mask)
            return np.argwhere(deep > deep.max() / 2)
    return np.argwhere(mask)


def depth(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance of every pixel of a plane or a stack to the nearest background pixel, outside
    included."""
    import numpy as np
    from scipy.ndimage import distance_transform_edt

    padded = distance_transform_edt(np.pad(mask, 1))
    return np.asarray(padded[(slice(1, -1),) * mask.ndim], np.float64)


def _depth_l2_5(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The same by OpenCV's approximation with a 5x5 mask, as RITM and SAM's evaluations use it."""
    import cv2
    import numpy as np

    padded = np.pad(mask.astype(np.uint8), 1)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1], np.float32)
