"""Made nuclei: touching discs with a type each, and maps as a network would give them."""

from __future__ import annotations

import numpy as np

SIZE = 96


def nuclei(seed: int) -> dict[str, np.ndarray]:
    """truth, kinds: number and type of each pixel's nucleus; mask, distances (2, H, W), types: a
    blurred, noisy prediction of them."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((SIZE, SIZE), float)
    truth = np.zeros((SIZE, SIZE), np.int32)
    kinds = np.zeros((SIZE, SIZE), np.int64)
    distances = np.zeros((2, SIZE, SIZE), np.float32)
    found, found_types = np.zeros((SIZE, SIZE), bool), np.zeros((SIZE, SIZE), np.int64)
    for number in range(1, 15 if seed else 1):  # the first picture has none
        y, x = rng.uniform(4, SIZE - 4, 2)
        radius, kind = rng.uniform(3, 9), int(rng.integers(1, 6))
        disc = np.hypot(rows - y, columns - x) <= radius
        truth[disc], kinds[disc] = number, kind
        if number % 7:  # some are missed, the others found a little beside
            y, x = y + rng.normal(0, 0.7), x + rng.normal(0, 0.7)
            disc = np.hypot(rows - y, columns - x) <= radius
            found |= disc
            found_types[disc] = kind if number % 4 else 0
            for axis, offset in enumerate((columns - x, rows - y)):
                distances[axis][disc] = (offset / radius)[disc]
    noise = rng.random((SIZE, SIZE))
    types = np.where(noise < 0.15, rng.integers(0, 6, (SIZE, SIZE)), found_types)
    distances += rng.normal(0, 0.05, distances.shape).astype(np.float32)
    return {
        "truth": truth,
        "kinds": kinds,
        "mask": found ^ (noise > 0.995),
        "distances": distances,
        "types": types,
    }
