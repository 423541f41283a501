"""Automatic networks of volumes: the way there and back; the authors' code."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from made import stack_of
from peers.check_out import RECORDS
from running_bundle import bundle
from seeded import layout, seeded
from test_adapters_peers import DICE, INPUT, RELATIVE_SCORE, authors, check_out, dice, three_digits

from catalog.errors import InputError
from reproduce.asking.loop import Evaluator
from reproduce.contracts import Case, Dataset, Prompt, Sample
from reproduce.ground.plugins import plugin
from reproduce.statistics import StatisticsBuilder


def sample(values: np.ndarray, spacing: Any = (1.5, 1.5, 1.5)) -> Sample:
    return Sample.of_volume(Case("a", {}), values, {}, spacing_mm=spacing)


class Bright(torch.nn.Module):
    """Stands for a network of windows: vessels are what is brighter than half."""

    def forward(self, window: torch.Tensor) -> torch.Tensor:
        return 20 * (window - 0.5)


class Vessels(Dataset):
    """A volume with a vessel, larger than a window, and a smaller one without."""

    name, version, title, access, licence = "vessels", 1, "", "", ""
    homepage, modalities, labels = None, ("ct",), ("vessel",)
    dimensionality, splits, may_show_images = "3d", {"all": ""}, False

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        return [Case("a", {}), Case("b", {})]

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        shape = (30, 20, 26) if case.id == "a" else (6, 7, 8)
        values = np.linspace(0, 100, np.prod(shape), dtype=np.float32).reshape(shape)
        truth = np.zeros(values.shape, bool)
        if case.id == "a":
            truth[4:28, 8:12, 9:13] = True
        values[truth] = 900
        return Sample.of_volume(case, values, {"vessel": truth})


def test_a_run_without_prompts_counts_every_voxel_of_every_volume(root: Path) -> None:
    from reproduce.adapters.vesselfm.network import VesselFm

    model = VesselFm("vesselfm", Bright(), 16, ("vessel",), {"clip": True}, "cpu", "float32")
    spec = msgspec.structs.replace(
        bundle(root, 1).spec, cases=[], rounds=1, adapter="vesselfm", seeds=[0], labels={}
    )
    data, builder = Vessels(), StatisticsBuilder()
    evaluator = Evaluator(spec=spec, dataset=data, model=model, profile=None, prompts={})
    done = evaluator.evaluate(data.cases(Path(), "all", {}), builder)
    assert not done.failed
    whole = {row["case"]: row for row in builder.table().to_pylist() if row["scope"] == "volume"}
    assert (whole["a"]["tp"], whole["a"]["fp"], whole["a"]["fn"]) == (24 * 4 * 4, 0, 0)
    assert (whole["b"]["tp"], whole["b"]["fn"]) == (0, 0)
    assert whole["b"]["fp"] + whole["b"]["tn"] == 6 * 7 * 8


def test_what_an_automatic_network_cannot_take_is_said_in_words() -> None:
    from reproduce.adapters.vesselfm.network import VesselFm

    model = VesselFm("vesselfm", Bright(), 16, ("vessel",), {"clip": False}, "cpu", "float32")
    with pytest.raises(InputError, match="one channel; case a has colours"):
        model.open(sample(np.zeros((4, 4, 4, 3), np.uint8)))
    with pytest.raises(InputError, match="case a: its 1st and 99th percentile are both 7"):
        model.open(sample(np.full((4, 4, 4), 7, np.float32))).ask([])
    with pytest.raises(InputError, match="original grid"):
        model.reference(sample(np.zeros((4, 4, 4), np.float32)), "model_input")


def test_slices_of_bone_come_back_as_they_lie() -> None:
    """A network that answers where its input is bright: rows and columns find their place."""
    from reproduce.adapters.segmentanybone.network import SegmentAnyBone

    class Smaller(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.avg_pool2d(x[:, :1], 4)

    volume = np.zeros((3, 40, 64), np.float32)
    volume[:, 10:30, 8:16] = 900
    model = SegmentAnyBone("segmentanybone", Smaller(), 1024, ("bone",), {}, "cpu", "float32")
    for answered in model.open(sample(volume)).ask([]).planes("original"):
        mask = answered.prediction.scores[0, 0].numpy() > 0
        assert dice(mask, volume[answered.index] > 0) > 0.95


def ours(name: str, model: Any, given: Sample, case: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """The network's input, its logits, what comes back to the volume: asked once, as it is slow."""
    if name == "segmentanybone":
        values = torch.stack([model.pixels(plane) for plane in model.scaled(given)])
        return values, model.net(values).transpose(0, 1), model.maps(given)
    if name == "vesselfm":
        values = model.values(given)
        logits = model.logits(values)
        return values, logits, logits.sigmoid()
    prepared = model.prepared(given)
    values = prepared.as_tensor()[0]
    if "blocks" in case:
        mask = np.zeros(given.shape, np.bool_)
        for block in case["blocks"]:
            mask[tuple(slice(*ends) for ends in block)] = True
        logits = model.clicked_within(given, prepared, Prompt("a", case["label"], mask=mask))[None]
        return values, logits, model.masks(logits, prepared)
    if "clicks" not in case:
        logits = model.logits(values)
        return values, logits, model.masks(logits, prepared)
    labels = np.array(case["click_labels"])
    asked = Prompt("a", "x", points=np.array(case["clicks"]), point_labels=labels)
    logits = model.clicked(prepared, asked)[None]
    return values, logits, model.in_sample([model.back(logits[0], prepared, "bilinear")])


def said(name: str, model: Any, case: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    given = sample(stack_of(case["stack"]), tuple(case["spacing"]))
    with torch.inference_mode():
        values, logits, found = (part.numpy() for part in ours(name, model, given, case))
    return values, logits, found


@pytest.mark.slow
@pytest.mark.parity
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", ["vesselfm", "vista3d", "segmentanybone"])
def test_whole_volumes_are_those_of_the_authors_code(name, real, tmp_path):
    """With SAM4MIS_PEERS_WRITE=1 writes what it finds into the record, and some of it to probes."""
    record = RECORDS / f"{name}.json"
    entry = json.loads(record.read_text("utf-8"))
    worst = {"score": 0.0, "largest": 0.0, "dice": 0.0, "input": 0.0}
    pixels, cases = 0, authors(name, check_out(entry), real, tmp_path)
    for case in cases:
        state = seeded(layout(case["weights"][0]))
        model = plugin("adapters", name).build(state, case["options"], "cpu", "float32")
        values, logits, found = said(name, model, case)
        theirs = case["scores"]
        masks = case.get("masks", theirs > 0)
        pairs = list(zip(found > 0.5, masks, strict=True))
        worst["input"] = max(worst["input"], float(np.abs(values - case["input"]).max()))
        worst["score"] = max(worst["score"], float(np.abs(logits - theirs).max()))
        worst["largest"] = max(worst["largest"], float(np.abs(theirs).max()))
        worst["dice"] = max(worst["dice"], *(1 - dice(a, b) for a, b in pairs))
        pixels = max(pixels, *(int((a != b).sum()) for a, b in pairs))
        print(name, case["name"], worst, pixels)
    assert worst["score"] < RELATIVE_SCORE * worst["largest"]
    assert worst["dice"] < DICE
    assert worst["input"] < INPUT
    if os.environ.get("SAM4MIS_PEERS_WRITE"):
        entry["images"] = [case["name"] for case in cases]
        entry["largest_input_difference"] = three_digits(worst["input"])
        entry["none"] = {
            "predictions": len(cases),
            "largest_score_difference": three_digits(worst["score"]),
            "largest_score": three_digits(worst["largest"]),
            "largest_dice_difference": three_digits(worst["dice"]),
            "most_pixels_changed": pixels,
        }
        record.write_text(json.dumps(entry, indent=2, ensure_ascii=False) + "\n", "utf-8")
        write_probes(name, cases)


PROBES = Path(__file__).resolve().parents[1] / "probes" / "volumes"
KEPT = ("weights", "options", "stack", "spacing", "clicks", "click_labels", "label", "blocks")


def write_probes(name: str, cases: list[dict[str, Any]]) -> None:
    """Logits at a few places of each answer, and how many voxels each of its masks holds."""
    rng, rows = np.random.default_rng(0), []
    for case in cases:
        scores = case["scores"]
        at = [[int(rng.integers(n)) for n in scores.shape] for _ in range(12)]
        masks = case.get("masks", scores > 0)
        rows.append(
            {key: case[key] for key in KEPT if key in case}
            | {
                "at": at,
                "authors": [float(f"{scores[tuple(place)]:.7g}") for place in at],
                "largest": three_digits(float(np.abs(scores).max())),
                "voxels": [int(mask.sum()) for mask in masks],
            }
        )
    text = ",\n".join(json.dumps(row) for row in rows)
    PROBES.mkdir(exist_ok=True)
    (PROBES / f"{name}.json").write_text(f"[\n{text}\n]\n", "utf-8")


RECORDED = [
    pytest.param(path.stem, probe, id=f"{path.stem}-{number}")
    for path in sorted(PROBES.glob("*.json"))
    for number, probe in enumerate(json.loads(path.read_text("utf-8")))
]


@pytest.mark.slow
@pytest.mark.parity
@pytest.mark.timeout(3000)
@pytest.mark.parametrize(("name", "probe"), RECORDED)
def test_volumes_are_those_recorded_of_the_authors_code(name, probe, real):
    state = seeded(layout(probe["weights"][0]))
    model = plugin("adapters", name).build(state, probe["options"], "cpu", "float32")
    _, logits, found = said(name, model, probe)
    at = tuple(np.array(probe["at"]).T)
    np.testing.assert_allclose(logits[at], probe["authors"], atol=RELATIVE_SCORE * probe["largest"])
    counts = [int((mask > (0.5 if "clicks" not in probe else 0)).sum()) for mask in found]
    np.testing.assert_allclose(counts, probe["voxels"], rtol=1e-3)
