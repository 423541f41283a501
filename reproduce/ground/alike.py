"""Whether two documents say the same on every machine: counts and words exactly, floats nearly.

The last digits of a sum, a mean or a logarithm differ from processor to processor. What rests on
them is rounded to `DIGITS` before it is written or told, so words made of such a number are the
same everywhere, and the number itself differs by `ROUNDED` at most, where the last digits lie on
both sides of a tie.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

DIGITS = 9
ROUNDED = 1.5e-9
# Of a value that was not rounded: the last digits of a sum.
RELATIVE, ABSOLUTE = 1e-9, 1e-12


def settled(value: float) -> float:
    """A computed value as it is written, to `DIGITS` decimals.

    >>> settled(0.1 + 0.2), settled(-1e-17)
    (0.3, 0.0)
    """
    return round(value, DIGITS) + 0.0  # no -0.0


def alike(one: Any, other: Any, absolute: float = ABSOLUTE) -> bool:
    """Whether two values of JSON are equal but for last digits of floats.

    absolute  how far two floats may be apart at least, however small they are

    >>> alike({"value": 0.1 + 0.2, "n": 3}, {"value": 0.3, "n": 3}), alike(3, 3.0), alike(3, 4)
    (True, False, False)
    """
    if isinstance(one, float) and isinstance(other, float):
        return one == other or math.isclose(one, other, rel_tol=RELATIVE, abs_tol=absolute)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(
            alike(one[key], other[key], absolute) for key in one
        )
    lists = isinstance(one, Sequence) and isinstance(other, Sequence)
    if lists and not isinstance(one, str) and not isinstance(other, str):
        return len(one) == len(other) and all(
            alike(a, b, absolute) for a, b in zip(one, other, strict=True)
        )
    return type(one) is type(other) and bool(one == other)
