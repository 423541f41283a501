"""Intensities of scanners as the eight bits that promptable models were trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from catalog.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def to_uint8(volume: NDArray[Any], window: Any) -> NDArray[np.uint8]:
    """Map intensities to 0-255: linear between the window's ends, cut off outside."""
    import numpy as np

    values = volume.astype(np.float64)
    if window is None:
        positive = values[values > 0]
        if positive.size == 0:
            return np.zeros(values.shape, dtype=np.uint8)
        low, high = (float(np.percentile(positive, share)) for share in (0.5, 99.5))
    else:
        low, high = (float(v) for v in window)
    if high <= low:
        raise InputError(f"window [{low}, {high}]: the upper end must be above the lower one.")
    scaled = (np.clip(values, low, high) - low) / (high - low) * 255.0
    if window is None:
        scaled[values == 0] = 0  # background stays black, as in MedSAM's preparation
    return np.asarray(scaled, dtype=np.uint8)
