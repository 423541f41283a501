"""Amounts as people type them (`8h`, `24GiB`, `200GB`), and hours as they read them."""

from __future__ import annotations

import math
import re

from catalog.errors import UsageError

HOURS = {"s": 1 / 3600, "min": 1 / 60, "h": 1.0, "d": 24.0}
BYTES = {
    **{f"{prefix}B": 1000**power for power, prefix in enumerate(("", "k", "M", "G", "T"))},
    **{f"{prefix}iB": 1024**power for power, prefix in enumerate(("K", "M", "G", "T"), 1)},
}


def hours(text: str, option: str) -> float:
    """A duration in hours. Raises `UsageError`.

    >>> hours("90min", "--budget")
    1.5
    """
    return _amount(text, option, HOURS, "8h")


def size(text: str, option: str) -> int:
    """A size in bytes. Raises `UsageError`.

    >>> size("24GiB", "--memory"), size("200 GB", "--disk")
    (25769803776, 200000000000)
    """
    return round(_amount(text, option, BYTES, "24GiB"))


def lengths(text: str, option: str) -> tuple[float, ...]:
    """`0.4` or `5,0.8,0.8`: lengths in mm in array order. Raises `UsageError`.

    >>> lengths("5,0.8,0.8", "--spacing")
    (5.0, 0.8, 0.8)
    """
    found = _numbers(text)
    if not found or not all(0 < length < math.inf for length in found):
        raise UsageError(f"{option} {text}: expected mm above 0, such as 0.4 or 5,0.8,0.8.")
    return found


def two_numbers(text: str, option: str) -> tuple[float, float]:
    """`-160,240`: two numbers, the lower first. Raises `UsageError`.

    >>> two_numbers("-160,240", "--window")
    (-160.0, 240.0)
    """
    found = _numbers(text)
    if len(found) != 2 or not -math.inf < found[0] < found[1] < math.inf:
        raise UsageError(f"{option} {text}: expected two numbers, the lower first: -160,240.")
    return found[0], found[1]


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        return ()


def _amount(text: str, option: str, units: dict[str, float], example: str) -> float:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*", text)
    known = {unit.lower(): factor for unit, factor in units.items()}
    factor = known.get(match[2].lower()) if match else None
    amount = float(match[1]) * factor if match and factor else 0.0
    if not 0 < amount < math.inf:
        raise UsageError(
            f"{option} {text}: expected a number above 0 with one of {', '.join(units)}, "
            f"as in {example}."
        )
    return amount


def duration(given: float | None) -> str:
    """Hours in words.

    >>> duration(0.002), duration(0.4), duration(5.52), duration(None)
    ('7 s', '24 min', '5.5 h', 'unknown')
    """
    if given is None:
        return "unknown"
    if given < 1 / 30:
        return f"{given * 3600:.0f} s"
    return f"{given * 60:.0f} min" if given < 1.5 else f"{given:.1f} h"
