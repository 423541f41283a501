"""The declared rules by which stored values become class numbers, one object, or probabilities.

Each looks at the values that are there and refuses, with the file's name, what it does not cover.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.readers.masks import MaskFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HALF_OF_WHITE = 127
BLACK, WHITE = 32, 223  # grey values up to here are black, from here white, give or take an edge
NOISE = 1e-3  # how far a label may lie from a whole number: scaling and float16 leave less
FLAT = 5  # an edge has no square of this side of one grey in between
FEW = 8  # values of a mask with classes; soft edges and JPEG leave more
SOME = 0.01  # share of the picture that such squares may take where there are more values
SCALES = (1, 100, 255, 1000, 10_000, 65_535)  # what stands for certainty in a probability map


def class_numbers(found: MaskFile) -> NDArray[Any]:
    """Whole numbers of the file's shape.

    Floats are rounded where all are whole but for noise. Raises `InputError` for others.
    """
    import numpy as np

    values = found.values
    if values is None:
        raise InputError(f"{found.path}: expected class numbers, got named segments.")
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    if values.dtype.kind != "f":
        return values
    whole = np.rint(values)
    off = np.abs(values - whole) > NOISE
    if off.any():
        raise InputError(
            f"{found.path}: expected label numbers, found {values[off][0]:g}. Probabilities are "
            "scored with --kind probability and a --threshold; a reference needs whole numbers."
        )
    if (largest := float(np.abs(whole).max())) >= 2**31:
        raise InputError(f"{found.path}: expected label numbers, found {largest:g}.")
    return np.asarray(whole, np.int32)


def distinct(numbers: NDArray[Any]) -> list[int]:
    """The values of a whole-number array, sorted; ten times as fast as sorting a volume."""
    import numpy as np

    if numbers.dtype == np.uint8 and numbers.flags.c_contiguous and 0 < numbers.size < 2**31:
        import cv2

        counts = cv2.calcHist([numbers.reshape(1, -1)], [0], None, [256], [0, 256])
        return [int(value) for value in np.flatnonzero(counts)]
    low, high = int(numbers.min()), int(numbers.max())
    if low < 0 or high >= 2**16:
        return [int(value) for value in np.unique(numbers)]
    seen = np.zeros(high + 1, np.bool_)
    seen[numbers] = True
    return [int(value) for value in np.flatnonzero(seen)]


def one_class(
    found: MaskFile, cut: int = HALF_OF_WHITE, label: str | None = None
) -> NDArray[np.bool_]:
    """The object of a file that has one class; `label` is what that is called in a prediction.

    The object is what is not 0 where there are two values, 0 and 1 or 0 and one above 32; all of
    it in a file of 1 or of 255 alone; and what lies above `cut` where there is black (up to 32)
    and white (223 to 255), with edges in between.

    Raises `InputError` for everything else: several class numbers, a class number that is not 1,
    grey areas, a JPEG without white that is not black.
    """
    import numpy as np

    numbers = class_numbers(found) if found.shown is None else found.shown
    if numbers.dtype.kind == "u" and numbers.dtype.itemsize == 2 and not (numbers % 257).any():
        numbers = (numbers // 257).astype(np.uint8)  # eight bits stored in sixteen
    present = distinct(numbers)
    if present == [0]:
        return np.zeros(numbers.shape, np.bool_)
    if not found.lossy and len(present) <= 2:
        *rest, highest = present
        if (rest == [0] and (highest == 1 or highest > BLACK)) or present in ([1], [255]):
            return np.asarray(numbers == highest)
    dark_or_all = 0 <= present[0] <= BLACK or present[0] >= WHITE
    if dark_or_all and WHITE <= present[-1] <= 255:
        few = not found.lossy and len(present) <= FEW
        if not _areas(numbers, few, found.lossy):
            return np.asarray(numbers > cut)
    if found.lossy and present[-1] < WHITE:
        way_out = "A JPEG without white may be empty or hold class numbers: save it as PNG."
    else:
        named = [value for value in present[:8] if value]
        option = ", ".join(f"{value}: object" for value in named)
        way_out = (
            f"Say which number it is with --label '{named[0]}={label}'"
            if label
            else f"Say what the numbers mean with --set 'dataset.labels={{{option}}}' (data sets "
            "folder, volumes, npz), or save the mask as 0 and 255."
        )
    raise InputError(
        f"{found.path}: expected one object on an empty background (0 and 1, 0 and 255, or black "
        f"and white with soft edges), got {_listed(present)}. {way_out}"
    )


def foreground(found: MaskFile) -> NDArray[np.bool_]:
    """All that is not background: any class number from 1 to 32, else what `one_class` takes."""
    import numpy as np

    numbers = class_numbers(found)
    if not found.lossy and numbers.min() >= 0 and numbers.max() <= BLACK:
        return np.asarray(numbers > 0)
    return one_class(found)


def _areas(numbers: NDArray[Any], few: bool, lossy: bool) -> bool:
    """Whether greys between the darkest and white fill areas, as classes do and soft edges do not.

    few    there are few values: any such area is a class; of many, those that JPEG or smoothing
           leave take no more than `SOME` of the picture
    lossy  what is close to black is black
    """
    import numpy as np
    from scipy.ndimage import maximum_filter, minimum_filter

    between = (numbers > (BLACK if lossy else numbers.min())) & (numbers < WHITE)
    if not between.any():
        return False
    size = (1,) * (numbers.ndim - 2) + (FLAT, FLAT)
    grey = numbers.astype(np.uint8)
    flat = between & (maximum_filter(grey, size) == minimum_filter(grey, size))
    return bool(flat.any() if few else flat.mean() > SOME)


def probabilities(found: MaskFile, scale: float = 1) -> NDArray[np.float64]:
    """Probabilities 0-1 of a map whose values go from 0 to `scale`.

    Raises `InputError` for values outside that range.
    """
    import numpy as np

    values = stored_or_shown(found)
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > scale * (1 + 1e-6):
        raise InputError(
            f"{found.path}: expected probabilities from 0 to {scale:g}, got {low:g} to {high:g}. "
            "Say what stands for certainty with --scale, or write probabilities."
        )
    return np.asarray(np.minimum(values / np.float64(scale), 1.0))


def scale_of(maps: Iterable[MaskFile], where: object) -> float:
    """What stands for certainty in the probability maps of one method, looked at all together.

    1 where nothing is above 1; else the one of the usual scales that the largest value is, or the
    only one that is above it and that these whole numbers can hold. Raises `InputError` where two
    are (nothing tells 0-100 from 0-255 when the largest is 87), or none.
    """
    import numpy as np

    highest, most = 0.0, 1.0
    for found in maps:
        values = stored_or_shown(found)
        highest = max(highest, float(values.max()))
        if values.dtype.kind in "ui":
            most = max(most, float(np.iinfo(values.dtype).max))
    possible = [scale for scale in SCALES if highest <= scale <= most]
    if highest in SCALES:
        return highest
    if highest <= 1 or len(possible) == 1:
        return float(possible[0])
    usual = ", ".join(map(str, SCALES))
    raise InputError(
        f"{where}: the largest value of all probability maps is {highest:g}, which does not say "
        f"which scale they have (usual are {usual}). Say what stands for certainty: --scale "
        f"{(possible or [100])[0]}"
    )


def stored_or_shown(found: MaskFile) -> NDArray[Any]:
    """The grey values of a picture, the stored values of other files.

    Raises `InputError` for named segments.
    """
    values = found.values if found.shown is None else found.shown
    if values is None:
        raise InputError(f"{found.path}: expected one number a pixel, got named segments.")
    return values


def _listed(present: list[int]) -> str:
    """Values as text: all of a few, else how many and from where to where."""
    if len(present) <= 8:
        return "the values " + ", ".join(map(str, present)) if present[1:] else f"only {present[0]}"
    return f"{len(present)} values from {present[0]} to {present[-1]}"
