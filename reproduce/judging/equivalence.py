"""Equivalence of two numbers: intervals, standard errors, and what would narrow them.

The question of a verdict is not "does the printed value lie in our interval" (small test sets
would always pass) but "does the whole interval of the difference lie inside the margin": two
one-sided tests (TOST, Schuirmann 1987) at 5 % each, that is a 90 % interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Label = Literal["reproduced", "lower", "higher", "inconclusive"]

CONFIDENCE = 0.90
# Equal up to the noise of adding fractions: 0.81 - 0.80 is not exactly 0.01.
ROUNDING_NOISE = 1e-9


@dataclass(frozen=True, slots=True)
class Spread:
    """Uncertainty of a difference.

    standard_error  of measured minus reported; 0: both are exact
    freedom         degrees of freedom it was estimated with; None: it is exact
    """

    standard_error: float = 0.0
    freedom: int | None = None

    @property
    def half_width(self) -> float:
        """Half of the 90 % interval. Infinite where nothing is left to estimate the spread with."""
        if self.standard_error == 0:
            return 0.0
        if self.freedom is not None and self.freedom < 1:
            return math.inf
        return quantile(self.freedom) * self.standard_error


def quantile(freedom: int | None) -> float:
    """95 % quantile of Student's t (None: of the normal distribution).

    >>> round(quantile(None), 4), round(quantile(4), 4)
    (1.6449, 2.1318)
    """
    from scipy.stats import norm, t

    share = 1 - (1 - CONFIDENCE) / 2
    return float(norm.ppf(share) if freedom is None else t.ppf(share, freedom))


def rounding(decimals: int, scale: int) -> float:
    """Half a unit of the last printed digit, as a fraction.

    >>> rounding(2, 100)
    5e-05
    """
    return 0.5 * 10.0**-decimals / scale


def interval(difference: float, spread: Spread, rounding_half: float) -> tuple[float, float]:
    """90 % interval of measured - reported, widened by what rounding may have hidden."""
    half = spread.half_width + rounding_half
    return difference - half, difference + half


def label(bounds: tuple[float, float], margin: float) -> Label:
    """What an interval says for a margin: inside, wholly below, wholly above, or across an edge.

    >>> label((-0.004, 0.003), 0.01), label((-0.05, -0.02), 0.01), label((-0.02, 0.003), 0.01)
    ('reproduced', 'lower', 'inconclusive')
    """
    low, high = bounds
    if low >= -margin - ROUNDING_NOISE and high <= margin + ROUNDING_NOISE:
        return "reproduced"
    if high < -margin - ROUNDING_NOISE:
        return "lower"
    if low > margin + ROUNDING_NOISE:
        return "higher"
    return "inconclusive"


def seed_spread(values: Sequence[float], reported_seeds: int | None) -> Spread:
    """Spread where prompts are random, from the values of several seeds.

    Our mean of k seeds and the printed mean of m (unknown: one) both vary:
    SE = SD * sqrt(1/k + 1/m).
    """
    k = len(values)
    if k < 2:
        return Spread(math.inf, 0)
    mean = sum(values) / k
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (k - 1))
    return Spread(deviation * math.sqrt(1 / k + 1 / (reported_seeds or 1)), k - 1)


def clustered_error(values: Sequence[float], clusters: Sequence[str]) -> Spread:
    """Standard error of a mean over cases that come in clusters (patients).

    SE^2 = G / (G - 1) * sum over clusters (sum of residuals)^2 / N^2, with G clusters, N cases:
    the ordinary SE of a mean where every case is its own cluster.
    """
    n = len(values)
    mean = sum(values) / n if n else math.nan
    sums: dict[str, float] = {}
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + value - mean
    g = len(sums)
    if g < 2:
        return Spread(math.inf, 0)
    return Spread(math.sqrt(g / (g - 1) * sum(s * s for s in sums.values())) / n, g - 1)


def redrawn_spread(
    values: Sequence[float], clusters: Sequence[str], reported_cases: int | None
) -> Spread:
    """Spread where the test split was drawn again: both draws vary.

    The printed mean over m cases (unknown: as many as ours) has the same spread per case as ours.
    """
    own = clustered_error(values, clusters)
    n = len(values)
    factor = math.sqrt(1 + n / (reported_cases or n)) if n else math.inf
    return Spread(own.standard_error * factor, own.freedom)


def needed(difference: float, spread: Spread, rounding_half: float, margin: float) -> float | None:
    """Factor by which there must be more cases or seeds for a decision at the present difference.

    None: no number would do (the rounding alone crosses the edge, or nothing is uncertain). Uses
    that the interval narrows with the square root of the number.

    >>> needed(0.0, Spread(0.01), 0.0, 0.01) == quantile(None) ** 2
    True
    """
    room = abs(abs(difference) - margin) - rounding_half
    if room <= 0 or spread.standard_error == 0 or not math.isfinite(spread.half_width):
        return None
    return max(1.0, (spread.half_width / room) ** 2)
