"""The scoring engine: reductions, missing cases, candidates, rounds, bad input; by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import InputError, UsageError
from catalog.metrics import counted_over
from reproduce.ground.plugins import plugins
from reproduce.scoring import metric_profile, score
from reproduce.scoring.corners import corner_value, corners, profiles_document
from reproduce.statistics import StatisticsBuilder

TABLES = {corner.name: corner.build() for corner in corners()}


def value(profile: str, corner: str, metric: str = "dice") -> float | None:
    return score(TABLES[corner], profile, metric, mask_selection="first").value


# Every number here was worked out on paper from the description of the corner.
BY_HAND = {
    # both empty, false positive on empty, 0.8 with an empty case, 0.8 with a false positive
    "nnunet/1": (None, 0.0, 0.8, 0.4),
    "monai/1": (0.0, 0.0, 0.8, 0.8),  # NaN everywhere becomes 0
    "torchmetrics/1": (None, 0.0, 0.8, 0.4),
    "metricsreloaded/1": (1.0, 0.0, 0.9, 0.4),
    "medpy-0.4/1": (0.0, 0.0, 0.4, 0.4),
    "medpy-0.5/1": (1.0, 0.0, 0.9, 0.4),
    "transunet/1": (0.0, 1.0, 0.4, 0.9),
    "totalsegmentator/1": (None, None, 0.8, 0.8),
    "sam-med2d/1": (1.0, 0.0, 0.9, 0.4),
    "medical-sam-adapter/1": (1.0, 1e-5, 0.9, 0.400005),
    "cvpr24/1": (None, None, 0.8, 0.8),  # no label in the reference: nothing to score
    "cvpr25/1": (None, None, 0.8, 0.8),
    "sam-med3d-old/1": (None, 0.0, None, 0.4),  # NaN poisons the mean
    "pooled/1": (None, 0.0, 0.8, 16 / 30),
    "house/1": (None, 0.0, 0.8, 0.4),
}


@pytest.mark.parametrize("profile", BY_HAND)
def test_empty_masks_by_hand(profile: str) -> None:
    names = ("both-empty", "false-positive", "good-and-empty", "good-and-false-positive")
    for name, expected in zip(names, BY_HAND[profile], strict=True):
        assert value(profile, name) == (
            None if expected is None else pytest.approx(expected, abs=1e-6)
        ), name


def test_the_background_of_mmsegmentation() -> None:
    # 64 x 64 pixels; 20 in each mask, 10 in common: background 2 * 4066 / (4076 + 4076)
    assert value("mmsegmentation/1", "half") == pytest.approx((0.5 + 4066 / 4076) / 2)
    with pytest.raises(InputError, match="background"):
        value("mmsegmentation/1", "absent-class")


def test_a_class_absent_everywhere() -> None:
    assert value("nnunet/1", "absent-class") is None  # NaN class, plain mean over classes
    assert value("monai/1", "absent-class") == pytest.approx(0.8)
    assert value("medpy-0.5/1", "absent-class") == pytest.approx(0.9)


def test_mean_of_cases_is_not_the_pool() -> None:
    assert value("house/1", "large-and-small") == pytest.approx((0.9 + 0.2) / 2)
    assert value("pooled/1", "large-and-small") == pytest.approx(2 * 902 / 2020)


def test_a_missing_case_is_shown_both_ways() -> None:
    found = score(TABLES["no-prediction"], "house/1")
    assert found.value == pytest.approx(0.4)
    assert found.value_complete_cases == pytest.approx(0.8)
    assert found.missing == [("case-1", "a")]
    assert "1 case(s) without prediction: case-1 (a)" in found.notes[0]
    assert found.per_case == {("case-0", "a"): pytest.approx(0.8), ("case-1", "a"): 0.0}
    assert value("nnunet/1", "no-prediction") == pytest.approx(0.8)
    hd = score(TABLES["no-prediction"], "house/1", "hd95")
    assert hd.value == hd.value_complete_cases  # no distance can stand for a missing case


def test_a_table_in_which_every_case_failed_has_scores_of_zero() -> None:
    table = TABLES["no-prediction"]
    failed = table.filter(pc.is_null(table["tp"]))
    assert failed.num_rows > 0
    found = score(failed, "house/1")
    assert found.value == 0.0
    assert found.value_complete_cases is None


def test_expected_cases_that_are_not_there_are_missing() -> None:
    found = score(TABLES["half"], "house/1", expected=[("case-0", "a"), ("case-9", "a")])
    assert found.value == pytest.approx(0.25)
    assert found.value_complete_cases == pytest.approx(0.5)


def _missed(*missed: bool, labels: tuple[str, ...] = ("a",)) -> Any:
    """Cases with the same 4 x 4 square of each label; where `missed`, nothing is predicted."""
    builder = StatisticsBuilder(surface=["surfel/header/2d"])
    square = torch.zeros(1, 16, 16, dtype=torch.bool)
    square[:, 4:8, 4:8] = True
    for index, gone in enumerate(missed):
        for label in labels:
            builder.add(
                case=f"case-{index}",
                labels=[label],
                scores=(square & (not gone))[:, None],
                kind="label",
                reference=square,
                spacing_mm=(1.0, 1.0),
            )
    return builder.table()


def test_a_mean_says_over_how_many_it_goes_and_why_the_others_are_left_out() -> None:
    table = _missed(True, False, True, False, True, False)
    found = score(table, "house/1", "hd95").measurement()
    assert found.value == 0.0
    assert found.counted is not None
    assert (found.counted.averaged, found.counted.left_out) == (3, {"nothing predicted": 3})
    assert counted_over(found) == "3 of 6 cases; left out: 3 nothing predicted"
    assert counted_over(score(table, "house/1", "dice").measurement()) == "6 cases"
    two = score(_missed(True, False, labels=("a", "b")), "house/1", "hd95").measurement()
    assert counted_over(two) == "2 of 4 masks of 2 cases; left out: 2 nothing predicted"


@pytest.mark.parametrize(
    ("profile", "metric", "corner", "said"),
    [
        ("house/1", "dice", "no-prediction", "2 cases; 1 without a prediction count 0"),
        ("house/1", "hd95", "no-prediction", "1 of 2 cases; left out: 1 without a prediction"),
        ("nnunet/1", "dice", "no-prediction", "1 of 2 cases; left out: 1 without a prediction"),
        ("pooled/1", "dice", "large-and-small", "2 pooled cases"),
        (
            "house/1",
            "dice",
            "both-empty",
            "0 of 1 case; left out: 1 reference and prediction empty",
        ),
        (
            "sam-med3d-old/1",
            "dice",
            "good-and-empty",
            "1 of 2 cases; undefined because of 1 reference and prediction empty",
        ),
        ("monai/1", "dice", "good-and-false-positive", "1 of 2 cases; left out: 1 reference empty"),
        (
            "mazurowski-iou/1",
            "iou",
            "slices",
            "2 of 4 slices; left out: 1 reference and prediction empty, 1 reference empty",
        ),
        ("cvpr25/1", "dice", "extra-class", "1 of 2 masks of 1 case; left out: 1 reference empty"),
    ],
)
def test_what_left_out_means_in_words(profile: str, metric: str, corner: str, said: str) -> None:
    assert counted_over(score(TABLES[corner], profile, metric).measurement()) == said


def test_slice_against_volume() -> None:
    # whole: TP 110, FP 15, FN 10; slices: 1.0, 0.5, (0 false positive), (empty)
    assert value("house/1", "slices") == pytest.approx(220 / 245)
    house = metric_profile("house/1")
    mean = replace(house, level="slice", order=("all",), slice_set="reference-nonempty")
    assert score(TABLES["slices"], mean).value == pytest.approx(0.75)
    either = replace(mean, slice_set="union-nonempty")
    assert score(TABLES["slices"], either).value == pytest.approx(0.5)
    assert value("finetune-sam/1", "slices") == pytest.approx((1 + 0.5 + 0 + 1) / 4, abs=1e-4)


def test_click_rounds() -> None:
    assert value("house/1", "clicks") == pytest.approx(0.6)
    assert value("sam-med3d-old/1", "clicks") == pytest.approx(0.9)
    # (0.5 + 0.7)/2 + (0.7 + 0.8)/2 + (0.8 + 0.9)/2 + (0.9 + 0.6)/2
    assert value("cvpr25/1", "clicks", "dice_auc") == pytest.approx(2.95)
    assert score(TABLES["clicks"], "house/1", rounds=3).value == pytest.approx(0.8)


def test_mask_candidates() -> None:
    table = TABLES["three-masks"]
    for selection, expected in (
        ("first", 0.6),
        ("oracle-iou", 0.8),
        ("argmax-predicted-iou", 0.7),
        ("candidate:1", 0.8),
    ):
        found = score(table, "nnunet/1", mask_selection=selection)
        assert found.value == pytest.approx(expected)
        assert any("oracle" in note for note in found.notes) == (selection == "oracle-iou")
    with pytest.raises(InputError, match="3 mask candidates"):
        score(table, "nnunet/1")
    with pytest.raises(InputError, match="none of single, first"):
        score(table, "nnunet/1", mask_selection="best")
    assert score(table, "house/1").mask_selection == "argmax-predicted-iou"
    assert score(TABLES["half"], "house/1").mask_selection == "single"


def test_five_thresholds_of_the_adapter() -> None:
    # 10 pixels at 0.6, 10 others at 0.4: thresholds 0.1 and 0.3 see 20, 0.5 sees 10, 0.7, 0.9 none
    expected = (2 / 3 + 2 / 3 + 1 + 0 + 0) / 5
    assert value("medical-sam-adapter/1", "soft-map") == pytest.approx(expected, abs=1e-4)


def test_five_logits_of_every_slice_then_slices_then_volumes() -> None:
    """Against the steps of vpulab/gbt-sam `eval_seg`: each slice at five raw logits, an empty one
    counts as 1, the mean of a volume's slices, then of volumes (of different depth)."""
    profile = metric_profile("gbt-sam/1")
    assert profile.thresholds is not None
    rng = np.random.default_rng(3)
    builder = StatisticsBuilder(thresholds=(0.5, *profile.thresholds))
    volumes, eps = [], 1e-4
    for case, depth in (("a", 2), ("b", 5)):
        logits = rng.normal(0.4, 0.6, (depth, 6, 7)).astype(np.float32)
        truth = rng.random((depth, 6, 7)) < 0.4
        logits[0], truth[0] = -9, False
        slices = []
        for index in range(depth):
            builder.add(
                case=case,
                labels=["x"],
                scores=torch.from_numpy(logits[index])[None, None],
                kind="logit",
                reference=torch.from_numpy(truth[index])[None],
                slice_index=index,
            )
            dices = []
            for cut in (0.1, 0.3, 0.5, 0.7, 0.9):
                seen = logits[index] > cut
                both = 2 * (seen & truth[index]).sum() + eps
                dices.append(both / (seen.sum() + truth[index].sum() + eps))
            slices.append(np.mean(dices))
        volumes.append(np.mean(slices))
    found = score(builder.table(), "gbt-sam/1").value
    assert found == pytest.approx(np.mean(volumes), abs=1e-12)


def test_thresholds_come_from_histograms_or_not_at_all() -> None:
    table = TABLES["soft-map"]
    assert score(table, "house/1", threshold=0.3).value == pytest.approx(2 / 3)
    with pytest.raises(InputError, match=r"no counts at threshold 0\.33333"):
        score(table, "house/1", threshold=0.33333)
    with pytest.raises(InputError, match="no score histograms"):
        score(TABLES["half"], "pooled/1", "auc")


def test_the_gate_of_cvpr24_is_the_mean_dice_of_the_case() -> None:
    builder = StatisticsBuilder(surface=["surfel/unit/expand"])
    masks = {"bad": (2, 18, 18), "good": (10, 0, 0)}
    for name, (tp, fp, fn) in masks.items():
        reference, predicted = np.zeros((30, 30), bool), np.zeros((30, 30), bool)
        reference.reshape(-1)[: tp + fn] = True
        predicted.reshape(-1)[fn : fn + tp + fp] = True
        builder.add(
            case="c",
            labels=[name],
            kind="label",
            scores=torch.from_numpy(predicted)[None, None],
            reference=torch.from_numpy(reference)[None],
        )
    # Dice 0.1 and 1.0: the mean is above the gate, so both labels keep their NSD
    per_label = score(builder.table(), "cvpr24/1", "nsd").per_label
    assert per_label["good"] == 1.0
    assert (per_label["bad"] or 0) > 0


def test_auc_equals_the_rank_statistic() -> None:
    rng = np.random.default_rng(0)
    reference = rng.random((60, 70)) < 0.3
    probability = np.clip(rng.normal(0.4 + 0.2 * reference, 0.15), 0, 1).round(3)
    builder = StatisticsBuilder(score_bins=1000)
    for case, rows in (("a", slice(0, 20)), ("b", slice(20, 60))):
        builder.add(
            case=case,
            labels=["x"],
            kind="probability",
            scores=torch.from_numpy(probability[rows])[None, None],
            reference=torch.from_numpy(reference[rows])[None],
        )
    found = score(builder.table(), "pooled/1", "auc").value
    positive, negative = probability[reference], probability[~reference]
    difference = positive[:, None] - negative[None]
    expected = ((difference > 0).sum() + (difference == 0).sum() / 2) / difference.size
    assert found == pytest.approx(expected, abs=1e-12)


def test_seeds_are_averaged_and_kept() -> None:
    builder = StatisticsBuilder()
    reference = torch.zeros(1, 10, 10, dtype=torch.bool)
    reference[0, :2] = True
    for seed, rows in ((0, 2), (1, 1)):
        predicted = torch.zeros(1, 1, 10, 10, dtype=torch.bool)
        predicted[0, 0, :rows] = True
        builder.add(
            case="a",
            labels=["x"],
            kind="label",
            scores=predicted,
            reference=reference,
            seed=seed,
        )
    found = score(builder.table(), "house/1")
    assert found.per_seed == {0: 1.0, 1: pytest.approx(2 / 3)}
    assert found.value == pytest.approx(5 / 6)


def test_an_evaluator_that_stops_is_an_error_here() -> None:
    with pytest.raises(InputError, match="evaluator of this profile stops"):
        value("medpy-0.5/1", "both-empty", "hd95")


def test_names_that_mean_nothing() -> None:
    table = TABLES["half"]
    for profile in ("nnunet", "house/1"):
        assert metric_profile(profile).version == 1
    for profile in ("house/9", "nothing/1", "house/x"):
        with pytest.raises(UsageError):
            score(table, profile)
    with pytest.raises(UsageError, match="has no 'nsd'; it has dice, iou"):
        score(table, "nnunet/1", "nsd")
    with pytest.raises(InputError, match="no statistics to score for 'z'"):
        score(table, "house/1", label="z")


def test_a_table_of_runs_with_different_thresholds_is_refused() -> None:
    from reproduce.statistics import merge_statistics

    tables = []
    for case, threshold in (("a", 0.5), ("b", 0.4)):
        builder = StatisticsBuilder(thresholds=[threshold])
        builder.add(
            case=case,
            labels=["x"],
            kind="probability",
            scores=torch.rand(1, 1, 5, 5),
            reference=torch.rand(1, 5, 5) < 0.5,
        )
        tables.append(builder.table())
    with pytest.raises(InputError, match="only 1 of 2 predictions were counted"):
        score(merge_statistics(tables), "house/1", threshold=0.5)


# ------------------------------------------------------------------------------------- properties


@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000))
def test_bounds_symmetry_and_identity(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.random((12, 12)) < rng.choice([0, 0.2, 0.9]) for _ in range(2))

    def table(reference: Any, predicted: Any) -> Any:
        builder = StatisticsBuilder()
        builder.add(
            case="c",
            labels=["x"],
            kind="label",
            scores=torch.from_numpy(predicted)[None, None],
            reference=torch.from_numpy(reference)[None],
        )
        return builder.table()

    forth, back, itself = table(a, b), table(b, a), table(a, a)
    for profile in plugins("metrics").values():
        for metric in ("dice", "iou"):
            if metric not in profile.measures:
                continue
            found = score(forth, profile, metric).value
            assert found is None or 0.0 <= found <= 1.0 + 1e-9
            if a.any() and b.any() and not profile.background:
                assert found == pytest.approx(score(back, profile, metric).value)
            if a.any():
                own = score(itself, profile, metric).value
                assert own == pytest.approx(1.0, abs=1e-5) or profile.name == "sam2-unet"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return profiles_document()


def test_profiles_are_described(document: dict[str, Any]) -> None:
    assert len(document["profiles"]) == len(plugins("metrics"))
    assert len(document["corners"]) == len(TABLES)
    for profile in document["profiles"]:
        assert profile["source"], profile["id"]
        assert profile["title"]
        for metric, values in profile["values"].items():
            assert set(values) == set(TABLES), (profile["id"], metric)


def test_the_committed_table_of_profiles_is_what_the_code_gives(
    root: Any, document: dict[str, Any]
) -> None:
    from reproduce.cli.generated import encode

    path = root / "reproduce" / "results" / "profiles.json"
    assert path.read_bytes() == encode(document), "run: sam4mis reproduce profiles --write"


def test_corner_values_are_numbers_or_reasons() -> None:
    profile = metric_profile("medpy-0.5/1")
    assert "error" in corner_value(profile, "hd95", TABLES["both-empty"])
    assert corner_value(profile, "dice", TABLES["half"]) == {"value": 0.5}
    assert math.isclose(corner_value(profile, "dice", TABLES["one-pixel"])["value"], 1.0)
