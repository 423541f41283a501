"""The means of a profile, one axis after the other, also of cases drawn again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reproduce.scoring.profile import MetricProfile, NanPolicy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AT_ONCE = 2**18  # values of units and draws in one pass


def grouped_mean(
    group: NDArray[np.int64],
    values: NDArray[np.float64],
    number: int,
    weights: NDArray[np.float64] | None = None,
    policy: NanPolicy = "omit",
) -> NDArray[np.float64]:
    """Mean of each of `number` groups; NaN of an empty one, and with `poison` of one with a NaN.

    weights  how often each value counts; None: once
    """
    import numpy as np

    nan = np.isnan(values)
    counted = ~nan if weights is None else weights * ~nan
    total = np.bincount(group, np.where(nan, 0.0, values) * counted, number)
    count = np.bincount(group, counted, number)
    means: NDArray[np.float64] = np.full(number, np.nan)
    np.divide(total, count, out=means, where=count > 0)
    if policy == "poison":
        means[np.bincount(group, nan if weights is None else weights * nan, number) > 0] = np.nan
    return means


@dataclass(frozen=True, slots=True)
class _Step:
    """One axis averaged away: the group of each value, and of what the groups are left."""

    group: NDArray[np.int64]
    number: int
    policy: NanPolicy
    by_case: bool  # groups are of one case each
    last: bool
    rounded: bool


class Means:
    """The order of a profile over units with these axes (integer codes, one per unit).

    Raises `RuntimeError` where the order leaves an axis.
    """

    def __init__(self, profile: MetricProfile, axes: Mapping[str, NDArray[np.int64]]) -> None:
        import numpy as np

        self.profile = profile
        left = dict(axes)
        self._steps: list[_Step] = []
        for step, axis in enumerate(["label"] if profile.level == "dataset" else profile.order):
            if axis == "all":
                left = {}
            left.pop(axis, None)
            policy = profile.nan_policy(step)
            if not left:
                one = np.zeros(self._number(axes), np.int64)
                self._steps.append(_Step(one, 1, policy, False, True, False))
                return
            found, group = np.unique(
                np.stack(list(left.values()), axis=1), axis=0, return_inverse=True
            )
            left = {name: found[:, k] for k, name in enumerate(left)}
            rounded = profile.decimals is not None and set(left) <= {"case", "slice", "object"}
            self._steps.append(
                _Step(group.reshape(-1), len(found), policy, "case" in left, False, rounded)
            )
        if self._number(axes) > 1:
            raise RuntimeError(
                f"{profile.id}: order {profile.order} leaves {list(left)} unaveraged"
            )

    def _number(self, axes: Mapping[str, NDArray[np.int64]]) -> int:
        return self._steps[-1].number if self._steps else len(next(iter(axes.values())))

    def of(self, values: NDArray[np.float64]) -> float:
        """The number that the profile makes of the units' values."""
        return float(self._of(values, None, 1)[0])

    def drawn(
        self, values: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The same number of each draw of cases: many draws at once, where units are few.

        weights  (draws, units): how often the case of each unit counts
        """
        import numpy as np

        at_once = max(1, AT_ONCE // max(1, len(values)))
        parts = [weights[at : at + at_once] for at in range(0, len(weights), at_once)]
        return np.concatenate(
            [self._of(np.tile(values, len(part)), part.reshape(-1), len(part)) for part in parts]
        )

    def _of(
        self, values: NDArray[np.float64], weights: NDArray[np.float64] | None, draws: int
    ) -> NDArray[np.float64]:
        """The number of each draw, whose units follow one another; weights None: once each."""
        import numpy as np

        nothing = bool(np.isnan(values).all())
        for step in self._steps:
            if step.last and self.profile.average == "median":
                each = np.split(values, draws)
                often = [None] if weights is None else np.split(weights, draws)
                values = np.array(
                    [_median(v, w, step.policy) for v, w in zip(each, often, strict=True)]
                )
                continue
            number = step.number * draws
            group = (step.group + step.number * np.arange(draws)[:, None]).reshape(-1)
            means = grouped_mean(group, values, number, weights, step.policy)
            if weights is not None:
                held = np.zeros(number)
                np.maximum.at(held, group, weights)
                weights = held if step.by_case else np.minimum(held, 1.0)
            values = means
            if step.rounded:
                values = values.round(self.profile.decimals or 0)
        if not len(values):
            values = np.full(draws, np.nan)
        return np.where(np.isnan(values), self.profile.all_nan, values) if nothing else values


def _median(
    values: NDArray[np.float64], weights: NDArray[np.float64] | None, policy: NanPolicy
) -> float:
    import numpy as np

    if weights is not None:
        values = np.repeat(values, weights.astype(int))
    nan = np.isnan(values)
    if nan.all() or (policy == "poison" and nan.any()):
        return math.nan
    return float(np.median(values[~nan]))
