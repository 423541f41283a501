"""Intensities of scanners as the eight bits that promptable models were trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW = (
    "--window {low:g},{high:g} (predict), --set dataset.window=[{low:g},{high:g}] (run) or --set "
    "window=[{low:g},{high:g}] (score)"
)


def as_taken(volume: NDArray[Any], options: Mapping[str, Any], path: Path | str) -> NDArray[Any]:
    """A scanner's intensities as a model takes them: bytes (`to_uint8`), or with the data set's
    option `values=stored` the numbers of the file.

    Raises `InputError` for NaN and infinities where they would be passed on.
    """
    import numpy as np

    if options.get("values", "uint8") != "stored":
        return to_uint8(volume, options.get("window"), path)
    _need_numbers(volume, path)
    if volume.dtype.kind == "f" and (count := int((~np.isfinite(volume)).sum())):
        raise InputError(
            f"{path}: {count} of {volume.size} values are infinite, and the model takes values as "
            "stored. Write the value of the background there."
        )
    return volume


def to_uint8(volume: NDArray[Any], window: Any, path: Path | str = "image") -> NDArray[np.uint8]:
    """Map intensities to 0-255: linear between the window's ends, cut off outside.

    Without a window its ends are the 0.5 and 99.5 percentiles of the finite values above 0, and
    what is 0 stays black (MedSAM's rule for MR). Infinite values lie outside every window.

    Raises `InputError` naming `path` for a window that is none, NaN, and, without a window, for an
    image in which nothing is above 0 but not all is 0.
    """
    import numpy as np

    _need_numbers(volume, path)
    if window is None:
        positive = volume[volume > 0]
        if positive.dtype.kind == "f":
            positive = positive[np.isfinite(positive)].astype(np.float64)
        if positive.size == 0:
            if not volume.any():
                return np.zeros(volume.shape, dtype=np.uint8)
            raise InputError(
                f"{path}: no value above 0 (from {volume.min():g} to {volume.max():g}), where the "
                "window without a given one would lie. Give the values that become black and "
                f"white, such as {WINDOW.format(low=-160, high=240)}."
            )
        low, high = (float(v) for v in np.percentile(positive, (0.5, 99.5), overwrite_input=True))
        if low == high:
            low = 0.0  # one value above 0: it is white
    else:
        low, high = ends(window, path)
    found = np.empty(volume.shape, np.uint8)
    # Plane by plane: as floats of 64 bits a whole volume would take eight times its bytes.
    for plane, target in zip(np.atleast_2d(volume), np.atleast_2d(found), strict=True):
        scaled = (np.clip(plane.astype(np.float64), low, high) - low) / (high - low) * 255.0
        if window is None:
            scaled[plane == 0] = 0  # background stays black, as in MedSAM's preparation
        target[...] = scaled.astype(np.uint8)
    return found


def picture_bits(values: NDArray[Any], window: Any, path: Path) -> NDArray[np.uint8]:
    """Grey values of more than eight bits as eight: by a window, or where they only hold eight.

    Raises `InputError` with the range of the values where neither says how.
    """
    import numpy as np

    if window is not None:
        return to_uint8(values, window, path)
    if values.dtype.kind in "ui" and values.min() >= 0 and not (values % 257).any():
        return np.asarray(values // 257, dtype=np.uint8)
    low, high = float(values.min()), float(values.max())
    raise InputError(
        f"{path}: grey values from {low:g} to {high:g}, more than eight bits. Say which are black "
        f"and white: {WINDOW.format(low=low, high=high)}, or save it with eight bits."
    )


def ends(window: Any, path: Path | str) -> tuple[float, float]:
    """The two ends of a window as given. Raises `InputError` unless they are two numbers, the
    lower first."""
    try:
        low, high = (float(v) for v in window)
    except (TypeError, ValueError):
        raise InputError(
            f"{path}: window {window!r}: expected two numbers, such as [-160, 240]."
        ) from None
    if not low < high:
        raise InputError(
            f"{path}: window [{low:g}, {high:g}]: the upper end must be above the lower one."
        )
    return low, high


def _need_numbers(volume: NDArray[Any], path: Path | str) -> None:
    """Raise `InputError` where some values are no number; infinite ones are."""
    import numpy as np

    if volume.dtype.kind not in "buif":
        raise InputError(f"{path}: expected numbers, got {volume.dtype}.")
    if volume.dtype.kind == "f" and (count := int(np.isnan(volume).sum())):
        raise InputError(
            f"{path}: {count} of {volume.size} values are NaN. Write the value of the background "
            "there."
        )
