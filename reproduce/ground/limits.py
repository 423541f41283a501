"""Limits that a user may raise: each is a variable with a number of GiB."""

from __future__ import annotations

import math
import os

from catalog.errors import UsageError


def gib_named(variable: str, default: float) -> float:
    """What an environment variable says, `default` unless set. Raises `UsageError` where that is
    no number above 0."""
    named = os.environ.get(variable, str(default))
    try:
        limit = float(named)
    except ValueError:
        limit = -1.0
    if not 0 < limit < math.inf:
        raise UsageError(f"{variable}={named}: expected a number of GiB above 0, such as 4.")
    return limit
