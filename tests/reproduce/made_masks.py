"""Masks that the tests make, in whole numbers only: the same pixels on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def ellipse(shape: tuple[int, int], centre: tuple[int, int], axes: tuple[int, int]) -> Mask:
    """The inside of an ellipse; `centre` and half `axes` in pixels, rows first."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    (y, x), (b, a) = centre, axes
    inside: Mask = ((rows - y) * a) ** 2 + ((columns - x) * b) ** 2 <= (a * b) ** 2
    return inside


def made_masks() -> dict[str, Mask]:
    """Smaller and larger than the networks' grids, flat and tall, touching edges, in parts."""
    plain = ellipse((256, 256), (120, 90), (41, 63))
    parts = ellipse((200, 140), (60, 50), (30, 25)) | ellipse((200, 140), (150, 110), (12, 20))
    ring = ellipse((300, 420), (150, 200), (90, 110)) & ~ellipse((300, 420), (140, 190), (50, 60))
    corner = ellipse((61, 83), (0, 82), (23, 37))
    flat = ellipse((90, 640), (44, 333), (17, 211))
    tall = ellipse((701, 120), (500, 60), (150, 33)) | ellipse((701, 120), (90, 20), (40, 20))
    alike = ellipse((128, 128), (30, 30), (11, 11)) | ellipse((128, 128), (90, 90), (11, 11))
    bar = np.zeros((333, 517), bool)
    bar[100:109, 40:500] = True
    bar[100:300, 250:253] = True
    return {
        "plain": plain,
        "parts": parts,
        "ring": ring,
        "corner": corner,
        "flat": flat,
        "tall": tall,
        "alike": alike,
        "bar": bar,
    }
