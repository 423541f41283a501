"""Phantoms: small images made on the fly that look a little like several modalities.

Data of the self-test. Nothing is read from disk: an image is a function of its number, made with
`numpy.random.Philox`, whose raw stream is the same on every machine and version of numpy. Three
looks take turns: a CT-like slice with an organ and a lesion, a fundus-like image with bright
vessels, an ultrasound-like fan without any object (an empty mask).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from reproduce.contracts import Case, Dataset, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOOKS = ("ct", "vessels", "ct", "vessels", "ultrasound")
SPLITS = {"train": range(10_000, 60_000), "test": range(40)}
OBJECTS = ("lesion", "organ", "vessel")


class _Numbers:
    """Uniform and roughly normal numbers from the raw stream of one counter-based generator."""

    def __init__(self, key: int) -> None:
        import numpy as np

        self.stream = np.random.Philox(key=key)

    def uniform(self, low: float, high: float, count: int | None = None) -> Any:
        import numpy as np

        raw = np.asarray(self.stream.random_raw(1 if count is None else count), dtype=np.uint64)
        found = low + (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53 * (high - low)
        return float(found[0]) if count is None else found

    def noise(self, size: int, spread: float) -> NDArray[np.float64]:
        """(size, size) noise: the sum of four uniform numbers, centred, of that SD."""
        import numpy as np

        four = self.uniform(-1.0, 1.0, 4 * size * size).reshape(4, size, size)
        return np.asarray(four.sum(axis=0) * spread * np.sqrt(3 / 4), dtype=np.float64)


def phantom(number: int, size: int) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.bool_]]]:
    """The phantom of a number: (size, size, 3) uint8 and its masks (size, size) by label.

    Every look has its own labels; an ultrasound has one, `lesion`, and it is empty.
    """
    import numpy as np

    rng = _Numbers(0x5A4D415 + number)
    look = LOOKS[number % len(LOOKS)]
    y, x = np.mgrid[0:size, 0:size].astype(np.float64)
    masks: dict[str, NDArray[np.bool_]] = {}
    if look == "ct":
        image = _ct(rng, x, y, size, masks)
    elif look == "vessels":
        image = _vessels(rng, x, y, size, masks)
    else:
        image = _fan(rng, x, y, size)
        masks["lesion"] = np.zeros((size, size), dtype=bool)
    gray = np.clip(np.rint(image), 0, 255)
    tint = {"ct": (1.0, 1.0, 1.0), "vessels": (1.0, 0.62, 0.4), "ultrasound": (0.9, 0.95, 1.0)}[
        look
    ]
    colour = np.stack([np.rint(gray * channel) for channel in tint], axis=2)
    return colour.astype(np.uint8), masks


def _ellipse(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    cx: float,
    cy: float,
    a: float,
    b: float,
    angle: float,
) -> NDArray[np.bool_]:
    """Pixels inside an ellipse with half axes a, b turned by `angle` (radians)."""
    import numpy as np

    u = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
    v = -(x - cx) * np.sin(angle) + (y - cy) * np.cos(angle)
    return np.asarray((u / a) ** 2 + (v / b) ** 2 <= 1)


def _ct(
    rng: _Numbers,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    size: int,
    masks: dict[str, NDArray[np.bool_]],
) -> NDArray[np.float64]:
    import numpy as np

    image = np.full((size, size), 12.0)
    body = _ellipse(
        x,
        y,
        size / 2,
        size / 2,
        size * rng.uniform(0.42, 0.48),
        size * rng.uniform(0.34, 0.42),
        0.0,
    )
    image[body] = rng.uniform(70, 95)
    organ = _ellipse(
        x,
        y,
        size * rng.uniform(0.33, 0.45),
        size * rng.uniform(0.4, 0.6),
        size * rng.uniform(0.13, 0.19),
        size * rng.uniform(0.1, 0.16),
        rng.uniform(0, np.pi),
    )
    image[organ] = rng.uniform(125, 155)
    lesion = _ellipse(
        x,
        y,
        size * rng.uniform(0.64, 0.74),
        size * rng.uniform(0.36, 0.62),
        size * rng.uniform(0.05, 0.09),
        size * rng.uniform(0.05, 0.08),
        rng.uniform(0, np.pi),
    )
    image[lesion] = rng.uniform(175, 225)
    masks["organ"], masks["lesion"] = organ, lesion
    return image + rng.noise(size, 9.0)


def _vessels(
    rng: _Numbers,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    size: int,
    masks: dict[str, NDArray[np.bool_]],
) -> NDArray[np.float64]:
    import numpy as np

    radius = np.hypot(x - size / 2, y - size / 2)
    image = 95 - 45 * (radius / size)
    vessel = np.zeros((size, size), dtype=bool)
    start = rng.uniform(0.3, 0.7)
    slope, bend = rng.uniform(-0.25, 0.25), rng.uniform(0.04, 0.1)
    width = rng.uniform(2.2, 3.4) * size / 128
    for branch in (1.0, -1.0):
        centre = size * (start + slope * (x / size - 0.5) * branch)
        centre = centre + size * bend * np.sin(2 * np.pi * (x / size + 0.15 * branch)) * branch
        vessel |= np.abs(y - centre) <= width * (1 - 0.35 * x / size)
    vessel &= (radius < 0.47 * size) & (x > 0.12 * size) & (x < 0.88 * size)
    image[vessel] = rng.uniform(165, 205)
    image[radius > 0.48 * size] = 4
    masks["vessel"] = vessel
    return np.asarray(image + rng.noise(size, 8.0))


def _fan(
    rng: _Numbers, x: NDArray[np.float64], y: NDArray[np.float64], size: int
) -> NDArray[np.float64]:
    import numpy as np

    angle = np.arctan2(x - size / 2, y + 0.15 * size)
    depth = np.hypot(x - size / 2, y + 0.15 * size) / size
    inside = (np.abs(angle) < 0.6) & (depth > 0.2) & (depth < 1.1)
    image = np.where(inside, 70 + 25 * np.sin(14 * depth + rng.uniform(0, 6)), 3.0)
    return np.asarray(image + np.where(inside, 1.0, 0.1) * rng.noise(size, 22.0))


class Phantoms(Dataset):
    """Plugin `phantoms`. Options: `size` in pixels (128), `count` of test cases (40 at most)."""

    name = "phantoms"
    version = 1
    title = "Phantoms of the self-test"
    licence = "CC0-1.0"
    access = "Made on the fly; there is nothing to download."
    homepage: str | None = None
    modalities = ("synthetic",)
    labels = OBJECTS
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {
        "train": "numbers 10,000-59,999: what reproduce/selftest/train.py draws from",
        "test": "numbers 0-39: never seen in training",
    }
    may_show_images = True
    options: Mapping[str, str] = {
        "count": "how many",
        "size": "side in pixels",
    }
    generated = True  # needs no folder

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by number; `root` is not looked at."""
        from reproduce.ground.reading import whole_option

        self.need_split(split)
        all_numbers = SPLITS[split]
        most = len(all_numbers)
        numbers = all_numbers[: whole_option(options, "count", most, range(1, most + 1))]
        return [
            Case(id=f"phantom-{number:05d}", files={}, meta={"number": number})
            for number in numbers
        ]

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Make one phantom."""
        from reproduce.ground.reading import whole_option

        size = whole_option(options, "size", 128, range(16, 4097))
        image, masks = phantom(int(case.meta["number"]), size)
        return Sample.of_image(case, image, masks)


PLUGIN = Phantoms()
