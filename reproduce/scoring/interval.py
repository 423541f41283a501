"""How far a mean would move with other cases: cases drawn again, patients as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.records import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 2000
LEVEL = 0.95
SEED = 20240101  # fixed: the same scores have the same interval


@dataclass(frozen=True, slots=True)
class Draws:
    """Clusters drawn with replacement, as many as there are.

    clusters  case -> index of its cluster
    times     (RESAMPLES, clusters) float64: how often each was drawn
    of        what a cluster is: patient or case
    """

    clusters: Mapping[str, int]
    times: NDArray[np.float64]
    of: str

    @classmethod
    def made(cls, patients: Mapping[str, str | None]) -> Draws | None:
        """Draws of the patients of all cases; a case without one is its own. None: fewer than two
        clusters, of which nothing can be drawn."""
        import numpy as np

        known = any(patients.values())
        names = {case: f"p {of}" if of else f"c {case}" for case, of in patients.items()}
        index = {name: k for k, name in enumerate(sorted(set(names.values())))}
        if len(index) < 2:
            return None
        number = len(index)
        # Raw numbers of a bit generator are the same in every version of NumPy.
        raw = np.random.PCG64(SEED).random_raw(RESAMPLES * number).reshape(RESAMPLES, number)
        drawn = (raw % number).astype(np.int64) + number * np.arange(RESAMPLES)[:, None]
        times = np.bincount(drawn.ravel(), minlength=RESAMPLES * number)
        return cls(
            {case: index[name] for case, name in names.items()},
            times.reshape(RESAMPLES, number).astype(np.float64),
            "patient" if known else "case",
        )

    def weights(self, cases: Iterable[str]) -> NDArray[np.float64]:
        """(RESAMPLES, cases): how often each case was drawn."""
        return self.times[:, [self.clusters[case] for case in cases]]

    def interval(self, values: NDArray[np.float64]) -> Interval | None:
        """As `percentiles`, saying what was drawn."""
        return percentiles(
            values,
            f"percentile bootstrap, {RESAMPLES} draws of {self.times.shape[1]} {self.of}s",
        )


def percentiles(values: NDArray[np.float64], method: str) -> Interval | None:
    """Between which percentiles the values of all draws lie; draws without a value are left out,
    and there is no interval where that is one in ten or more."""
    import numpy as np

    defined = values[~np.isnan(values)]
    if len(defined) <= 0.9 * len(values):
        return None
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(defined, [tail, 100 - tail])
    return Interval(low=float(low), high=float(high), level=LEVEL, method=method)
