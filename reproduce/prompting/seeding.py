"""Randomness that belongs to a case: the order of cases, batches and workers cannot change it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def generator(*identity: str | int | None) -> np.random.Generator:
    """A generator seeded by the SHA-256 of what it is for (profile, case, label, slice, ...).

    >>> one, same = generator("box", "case-1", 0), generator("box", "case-1", 0)
    >>> int(one.integers(1000)) == int(same.integers(1000))
    True
    """
    import numpy as np

    text = "\x1f".join("" if part is None else str(part) for part in identity)
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))
