"""How far a mean would move with other cases: drawn again, patients as a whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from reproduce.scoring import metric_profile, score
from reproduce.scoring.interval import RESAMPLES, Draws
from reproduce.scoring.means import Means
from reproduce.scoring.task import Task
from reproduce.statistics import StatisticsBuilder

SIDE = 20
RNG = np.random.default_rng(11)
DICE = RNG.integers(40, 100, 40) / 100  # of 40 cases


def table(dice: Any = DICE, patients: Any = None, labels: tuple[str, ...] = ("a",)) -> Any:
    """Masks of 100 pixels with these Dice values."""
    builder = StatisticsBuilder()
    for index, value in enumerate(dice):
        common = round(100 * value)
        flat = torch.zeros(2, SIDE * SIDE, dtype=torch.bool)
        flat[0, :100] = True
        flat[1, 100 - common : 200 - common] = True
        reference, predicted = flat.reshape(2, 1, SIDE, SIDE)
        for label in labels:
            builder.add(
                case=f"case{index:02d}",
                patient=None if patients is None else f"p{patients[index]}",
                labels=[label],
                scores=predicted[:, None],
                kind="label",
                reference=reference,
            )
    return builder.table()


def test_scipy_is_the_oracle() -> None:
    found = score(table(), "house/1", interval=True)
    theirs = stats.bootstrap(
        (DICE,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert found.interval is not None
    assert found.interval.low == pytest.approx(theirs.low, abs=0.004)
    assert found.interval.high == pytest.approx(theirs.high, abs=0.004)
    assert found.interval.method == f"percentile bootstrap, {RESAMPLES} draws of 40 cases"
    assert found.value is not None
    assert found.interval.low < found.value < found.interval.high
    assert score(table(), "house/1", interval=True).interval == found.interval


def test_patients_are_drawn_as_a_whole() -> None:
    """Ten patients whose four images are all alike: the interval is that of ten values."""
    each = np.repeat(DICE[:10], 4)
    whole = score(table(each, np.repeat(np.arange(10), 4)), "house/1", interval=True).interval
    alone = score(table(each), "house/1", interval=True).interval
    ten = score(table(DICE[:10]), "house/1", interval=True).interval
    assert whole is not None
    assert alone is not None
    assert ten is not None
    assert (whole.low, whole.high) == pytest.approx((ten.low, ten.high), abs=1e-9)
    assert alone.high - alone.low < 0.6 * (whole.high - whole.low)
    assert whole.method.endswith("10 patients")


@pytest.mark.parametrize(
    "profile", ["pooled/1", "medsam/1", "monai/1", "nnunet/1", "finetune-sam/1"]
)
def test_every_order_of_means_is_drawn_as_it_is_averaged(profile: str) -> None:
    """Equal weights give the value itself; a case drawn twice is a case that is there twice."""
    values = DICE[:6]
    found = score(table(values, labels=("a", "b")), profile, interval=True)
    assert found.interval is not None
    doubled = score(table([*values, values[2]], labels=("a", "b")), profile)
    once = Draws({f"case{k:02d}": k for k in range(6)}, np.array([[1.0, 1, 2, 1, 1, 1]]), "case")
    used = metric_profile(profile)
    made = Task(used, used.measures["dice"], "single", None, [], ["a", "b"], once)
    drawn = made.outcome(table(values, labels=("a", "b"))).drawn
    assert drawn is not None
    assert drawn[0] == pytest.approx(doubled.value, abs=1e-12)


def test_one_case_has_no_interval() -> None:
    assert score(table([0.5]), "house/1", interval=True).interval is None
    assert score(table([0.5, 0.6]), "house/1").interval is None


def test_a_case_that_is_not_drawn_does_not_poison() -> None:
    profile = replace(metric_profile("nnunet/1"), order=("all",), nan="poison")
    means = Means(profile, {"case": np.array([0, 1, 2]), "label": np.zeros(3, np.int64)})
    values = np.array([0.5, np.nan, 0.7])
    assert np.isnan(means.of(values))
    assert means.drawn(values, np.array([[1.0, 0.0, 3.0]])) == pytest.approx([0.65])


@pytest.mark.parametrize("average", ["mean", "median"])
def test_draws_together_are_draws_one_by_one(average: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = replace(
        metric_profile("nnunet/1"), order=("case", "label"), nan="omit", average=average
    )
    axes = {"case": np.repeat(np.arange(5), 3), "label": np.tile(np.arange(3), 5)}
    values = np.where(RNG.random(15) < 0.2, np.nan, RNG.random(15))
    weights = RNG.multinomial(5, [0.2] * 5, 40).astype(float)[:, axes["case"]]
    means = Means(profile, axes)
    together = means.drawn(values, weights)
    monkeypatch.setattr("reproduce.scoring.means.AT_ONCE", 1)
    np.testing.assert_array_equal(means.drawn(values, weights), together)
    kept = [values[np.repeat(np.arange(15), often.astype(int))] for often in weights]
    labels = [np.tile(np.arange(3), 5)[np.repeat(np.arange(15), w.astype(int))] for w in weights]
    of_label = [
        [np.nanmean(v[n == k]) if (~np.isnan(v[n == k])).any() else np.nan for k in range(3)]
        for v, n in zip(kept, labels, strict=True)
    ]
    oracle = (np.nanmean if average == "mean" else np.nanmedian)(of_label, axis=1)
    np.testing.assert_allclose(together, oracle, atol=1e-12)
