"""Explain: exact shares, the search, and lwnet's two protocols."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from catalog.errors import InputError, UsageError
from reproduce.ground.alike import alike
from reproduce.ground.plugins import plugin
from reproduce.judging.examples import (
    APART,
    HALF_DIGIT,
    LWNET_BASE,
    LWNET_OTHER,
    LWNET_SECOND,
    stored_runs,
)
from reproduce.judging.explain import Space, Stored, alternatives, explain, walk
from reproduce.running import pictures
from reproduce.statistics import StatisticsBuilder


@pytest.fixture(scope="module")
def lwnet(root: Path) -> Space:
    return Space(stored_runs(root, "lwnet"))


def test_one_checkpoint_two_protocols_two_numbers(lwnet: Space) -> None:
    base, other = lwnet.score(LWNET_BASE), lwnet.score(LWNET_OTHER)
    assert base.value == pytest.approx(0.8096, abs=HALF_DIGIT)
    assert other.value == pytest.approx(0.8162, abs=HALF_DIGIT)


def test_the_shares_add_up_exactly(lwnet: Space) -> None:
    steps, corners = walk(lwnet, LWNET_BASE, LWNET_OTHER)
    base, other = lwnet.score(LWNET_BASE).value, lwnet.score(LWNET_OTHER).value
    assert base is not None
    assert other is not None
    assert sum(step.share for step in steps) == pytest.approx(other - base, abs=1e-15)
    assert [step.convention for step in steps] == ["grid", "threshold", "flips"]
    # the grid lifts the number, the threshold lowers it, the flips lift it a little
    assert [step.share > 0 for step in steps] == [True, False, True]
    assert len(corners) == 8


def test_the_search_finds_the_second_protocol_and_nothing_else(lwnet: Space) -> None:
    choices: dict[str, list[Any]] = {
        "grid": lwnet.values_of("grid"),
        "flips": lwnet.values_of("flips"),
        "threshold": [0.5, 0.4196, *(k / 100 for k in range(5, 100, 5) if k != 50)],
        "metric": ["dice", "iou"],
        "metric_profile": ["pooled/1", "house/1", "mmsegmentation/1"],
    }
    found = explain(lwnet, LWNET_BASE, LWNET_SECOND, HALF_DIGIT, choices=choices)
    (match,) = found.matches
    assert match.changed_from(LWNET_BASE) == {
        "grid": "original",
        "flips": True,
        "threshold": 0.4196,
    }
    assert "found by search" in found.notes[0]
    assert found.tried == 4 * (1 + 19 + 1 + 2 + 19 + 38 + 2)
    claimed = explain(lwnet, LWNET_BASE, 0.8096, HALF_DIGIT, choices=choices, depth=1)
    assert claimed.matches[0].changed_from(LWNET_BASE) == {}


def test_the_nearest_are_shown_where_nothing_fits(lwnet: Space) -> None:
    found = explain(lwnet, LWNET_BASE, 0.9999, HALF_DIGIT, choices={"metric": ["dice", "iou"]})
    assert found.matches == []
    assert found.nearest[0].value == found.base.value


def make_lwnet_runs(checkpoint: Path, drive: Path) -> list[Stored]:
    """lwnet on its four validation images under {model's grid, original} x {no flips, flips}."""
    adapter, dataset = plugin("adapters", "lwnet"), plugin("datasets", "drive")
    loaded = torch.load(checkpoint, weights_only=True, map_location="cpu")
    cases = dataset.cases(drive, "lwnet-val", {})
    samples = [dataset.load(case, {}) for case in cases]
    defaults = {name: option.default for name, option in adapter.options.items()}
    runs = []
    for flips in (False, True):
        model = adapter.build(
            loaded["model_state_dict"], {**defaults, "flips": flips}, "cpu", "float32"
        )
        with torch.inference_mode():
            maps = model.encode([sample.plane(0) for sample in samples])
        for grid in ("model_input", "original"):
            builder = StatisticsBuilder(thresholds=[0.5, 0.4196], score_bins=100)
            for sample, embedding in zip(samples, maps, strict=True):
                prediction = model.predict(embedding, [], grid)
                reference = model.reference(sample.plane(0), grid)
                valid = None if reference.valid is None else torch.from_numpy(reference.valid)
                builder.add(
                    case=sample.case.id,
                    patient=sample.case.patient,
                    labels=list(prediction.labels),
                    scores=prediction.scores,
                    kind=prediction.kind,
                    reference=torch.from_numpy(reference.labels["vessel"])[None],
                    valid=valid,
                )
            runs.append(Stored({"grid": grid, "flips": flips}, builder.table()))
    return runs


@pytest.mark.slow
def test_stored_lwnet_statistics_come_from_the_released_weights(real: Path, root: Path) -> None:
    torch.set_num_threads(2)
    made = make_lwnet_runs(real / "lwnet_wnet_drive" / "model_checkpoint.pth", real / "drive")
    for fresh, kept in zip(made, stored_runs(root, "lwnet"), strict=True):
        assert fresh.conventions == kept.conventions
        for name in ("case", "threshold", "tp", "fp", "fn", "tn"):
            one, other = fresh.table[name].to_pylist(), kept.table[name].to_pylist()
            # another CPU may flip a pixel or two of 330,000
            assert (
                one == pytest.approx(other, abs=5)
                if name in ("tp", "fp", "fn", "tn")
                else (one == other)
            )


def test_the_committed_examples_are_what_the_code_gives(root: Path) -> None:
    path = root / "reproduce" / "results" / "examples.json"
    document = json.loads(json.dumps(pictures.document(root)))
    assert alike(json.loads(path.read_text("utf-8")), document, APART), (
        "run: sam4mis reproduce explain --examples --write"
    )
    names = [example["name"] for example in document["examples"]]
    assert names == [
        "two-protocols",
        "false-positives-on-empty",
        "slice-against-volume",
        "best-of-three",
    ]
    by_name = {example["name"]: example for example in document["examples"]}
    values = {row["profile"]: row["value"] for row in by_name[names[1]]["rows"]}
    assert values["transunet/1"] == pytest.approx(0.82)  # 0.9 * 0.8 + 0.1 * 1
    assert values["house/1"] == pytest.approx(0.72)  # 0.9 * 0.8 + 0.1 * 0
    assert values["monai/1"] == pytest.approx(0.8)  # the tenth case is left out
    chosen = {row["selection"]: row["value"] for row in by_name[names[3]]["rows"]}
    assert chosen["first"] < chosen["argmax-predicted-iou"] < chosen["oracle-iou"]
    whole, *slices = (row["value"] for row in by_name[names[2]]["rows"])
    assert whole > max(slices)
    tight, wide = (given["filled"] for given in document["pictures"][0]["given"][:2])
    assert wide < tight < 1, "a wider box tells less"


def _candidates() -> Any:
    builder = StatisticsBuilder(score_bins=100)
    generator = torch.Generator().manual_seed(0)
    for number in range(2):
        builder.add(
            case="a",
            labels=["x"],
            kind="probability",
            scores=torch.rand(1, 3, 20, 20, generator=generator),
            reference=torch.rand(1, 20, 20, generator=generator) < 0.5,
            predicted_iou=torch.tensor([[0.1, 0.9, 0.3]]),
            round=number,
        )
    return builder.table()


def test_alternatives_are_those_the_run_has() -> None:
    space = Space([Stored({"grid": "original"}, _candidates())])
    base = {
        "grid": "original",
        "metric_profile": "house/1",
        "metric": "dice",
        "threshold": 0.5,
        "mask_selection": "first",
    }
    found = alternatives(space, base)
    assert found["mask_selection"] == ["first", "argmax-predicted-iou", "oracle-iou"]
    assert found["rounds"] == ["first", "last", "best"]
    assert found["threshold"][0] == 0.5
    assert 0.35 in found["threshold"]
    assert "sam-med3d-old/1" in found["metric_profile"]
    assert "mazurowski-iou/1" not in found["metric_profile"]  # has no Dice
    best = space.score({**base, "mask_selection": "oracle-iou"}).value or 0
    assert best >= (space.score(base).value or 0)


def test_runs_of_different_kinds_are_refused() -> None:
    table = _candidates()
    with pytest.raises(InputError, match="name different conventions"):
        Space([Stored({"grid": "original"}, table), Stored({"flips": True}, table)])
    with pytest.raises(UsageError, match="at least one run"):
        Space([])
    space = Space([Stored({"grid": "original"}, table)])
    gone = space.score({"grid": "model_input", "metric_profile": "house/1", "metric": "dice"})
    assert gone.value is None
    assert gone.reason == "no run with these conventions is stored"
    start = {"grid": "original", "metric_profile": "house/1", "metric": "dice"}
    with pytest.raises(InputError, match="has no score"):
        walk(space, start, {**start, "grid": "model_input"})
