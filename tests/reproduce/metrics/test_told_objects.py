"""Objects that reference and prediction tell apart: matched, counted, averaged over tissues."""

from __future__ import annotations

import base64
import json
import math
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_nuclei import SIZE, nuclei

from catalog.errors import InputError
from reproduce.adapters.cellvit.nuclei import numbered, typed
from reproduce.scoring import metric_profile, score
from reproduce.scoring.needs import needs_of
from reproduce.statistics import StatisticsBuilder
from reproduce.statistics.checking import problems

PROBES = json.loads((Path(__file__).resolve().parents[1] / "nuclei_probes.json").read_text("utf-8"))
TYPES = ("neoplastic", "inflammatory", "connective", "dead", "epithelial")


def unpacked(text: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).reshape(SIZE, SIZE)


def named(probe: dict[str, Any]) -> str:
    return f"picture {probe['picture']} at {probe['magnification']}"


def counted(
    builder: StatisticsBuilder, case: str, labels: list[str], truth: np.ndarray, found: np.ndarray
) -> None:
    """truth, found (N, H, W) numbers of objects of each label."""
    builder.add(
        case=case,
        labels=labels,
        scores=(found > 0)[:, None],
        kind="label",
        reference=truth > 0,
        reference_objects=truth,
        predicted_objects=found[:, None],
    )


def told() -> StatisticsBuilder:
    profile = metric_profile("pannuke/1")
    return StatisticsBuilder(components=needs_of(profile, {"pq"}, {2}).components)


@pytest.mark.parametrize("probe", PROBES, ids=named)
def test_nuclei_are_told_apart_as_by_the_authors_code(probe):
    made = nuclei(probe["picture"])
    found = numbered(made["mask"], made["distances"], probe["magnification"])
    theirs = unpacked(probe["numbers"])
    np.testing.assert_array_equal(found > 0, theirs > 0)
    pairs = np.unique(np.stack([found[theirs > 0], theirs[theirs > 0]]), axis=1)
    assert len(set(pairs[0])) == len(set(pairs[1])) == pairs.shape[1]  # numbers stand for the same
    kinds = np.zeros((SIZE, SIZE), np.uint8)
    for _, kind, place, mask in typed(found, made["types"]):
        kinds[place][mask] = kind
    np.testing.assert_array_equal(kinds, unpacked(probe["types"]))


@pytest.mark.parametrize("probe", PROBES, ids=named)
def test_panoptic_quality_is_that_of_the_authors_code(probe):
    made = nuclei(probe["picture"])
    found = np.where(unpacked(probe["types"]) > 0, unpacked(probe["numbers"]), 0)
    kinds = np.arange(1, 6)[:, None, None]
    builders = told(), told()
    counted(builders[0], "a", ["nuclei"], made["truth"][None], found[None])
    counted(
        builders[1],
        "a",
        list(TYPES),
        made["truth"] * (made["kinds"] == kinds),
        found * (unpacked(probe["types"]) == kinds),
    )
    for number, metric in enumerate(("rq", "sq", "pq")):
        value = score(builders[0].table(), "pannuke/1", metric).value
        expected = probe["quality"] and probe["quality"][number]
        assert value == (None if expected is None else pytest.approx(expected, abs=1e-12))
        scores = score(builders[1].table(), "pannuke-images/1", metric)
        each = [row and row[number] for row in probe["by_type"]]
        for name, one in zip(TYPES, each, strict=True):
            got = scores.per_label[name]
            assert got == (None if one is None else pytest.approx(one, abs=1e-12))
        there = [one for one in each if one is not None]
        mean = pytest.approx(np.mean(there), abs=1e-12) if there else None
        assert scores.value == mean


def test_panoptica_says_the_same_of_objects_that_touch():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from panoptica import InputType, NaiveThresholdMatching, Panoptica_Evaluator

        evaluator = Panoptica_Evaluator(
            expected_input=InputType.UNMATCHED_INSTANCE,
            instance_matcher=NaiveThresholdMatching(),
            verbose=False,
        )
        for probe in PROBES[2:]:
            truth = nuclei(probe["picture"])["truth"]
            found = unpacked(probe["numbers"])
            theirs = evaluator.evaluate(found, truth.astype(np.uint8))["ungrouped"]
            builder = told()
            counted(builder, "a", ["nuclei"], truth[None], found[None].astype(np.int32))
            for metric in ("pq", "sq", "rq"):
                ours = score(builder.table(), "pannuke/1", metric).value
                # PanNuke adds a millionth below
                assert ours == pytest.approx(float(getattr(theirs, metric)), abs=2e-6)


def test_half_is_no_match_and_numbers_may_be_any():
    truth, found = np.zeros((1, 4, 6), np.int32), np.zeros((1, 4, 6), np.int32)
    truth[0, 0, :2], found[0, 0, 0] = 900, 3  # IoU 1/2
    truth[0, 2, :4], found[0, 2, :3] = 7, 1_000_000  # 3/4
    builder = told()
    counted(builder, "a", ["nuclei"], truth, found)
    assert score(builder.table(), "pannuke/1", "sq").value == pytest.approx(0.75, abs=1e-6)
    assert score(builder.table(), "pannuke/1", "rq").value == pytest.approx(0.5, abs=1e-6)
    assert not list(problems(builder.table()))


def test_images_without_a_nucleus_are_left_out_and_tissues_weigh_alike():
    one, none = np.ones((1, 2, 2), np.int32), np.zeros((1, 2, 2), np.int32)
    builder = told()
    for case, truth, found in (
        ("breast/1", one, one),
        ("breast/2", one, one),
        ("breast/3", one, one),
        ("colon/1", one, none),
        ("colon/2", none, one),
        ("skin/1", none, none),
    ):
        counted(builder, case, ["nuclei"], truth, found)
    of_tissues = score(builder.table(), "pannuke/1", interval=True)
    assert of_tissues.value == pytest.approx(0.5, abs=1e-5)  # breast 1, colon 0
    assert score(builder.table(), "pannuke-images/1").value == pytest.approx(0.75, abs=1e-5)
    assert of_tissues.counted.averaged == 4
    assert of_tissues.interval is not None
    late = score(builder.table(), "pannuke/1", expected=[("skin/9", "nuclei")])
    assert late.value == pytest.approx(1 / 3, abs=1e-5)  # a case without prediction counts 0


def test_what_tells_nothing_apart_is_refused():
    mask = np.ones((1, 2, 2), bool)
    asked: dict[str, Any] = {"case": "a", "labels": ["nuclei"], "kind": "label", "reference": mask}
    with pytest.raises(InputError, match="the data do not say which pixels are one object"):
        told().add(scores=mask[:, None], **asked)
    numbers = mask.astype(np.int32)
    with pytest.raises(InputError, match="the model gives one mask of all objects"):
        told().add(scores=mask[:, None], reference_objects=numbers, **asked)
    half = numbers.copy()
    half[0, 0] = 0
    with pytest.raises(InputError, match="pixels of the reference are of no object"):
        told().add(
            scores=mask[:, None],
            reference_objects=half,
            predicted_objects=numbers[:, None],
            **asked,
        )
    builder = told()
    rows = builder.add(scores=mask[:, None], slice_index=0, shapes=False, **asked)
    with pytest.raises(InputError, match="objects are told apart on images"):
        builder.add_whole(rows, shape=(mask, mask))


def test_components_of_masks_are_counted_as_before():
    builder = StatisticsBuilder(components="full")
    mask = np.zeros((1, 5, 5), bool)
    mask[0, 0, 0] = mask[0, 3:, 3:] = True
    builder.add(case="a", labels=["x"], scores=mask[:, None], kind="label", reference=mask)
    (entry,) = builder.table()["components"].to_pylist()
    assert entry["reference_size"] == [1, 4]
    assert entry["connectivity"] == 8
    assert math.isclose(score(builder.table(), "panoptica/1").value or 0, 1)
    with pytest.raises(InputError, match="hold connected components, and pannuke/1 matches"):
        score(builder.table(), "pannuke/1")
