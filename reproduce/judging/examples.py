"""Worked examples of `explain`: computed here, tested, and written as JSON for the site.

The first rests on stored statistics of a real checkpoint (`reproduce/results/examples/`), the
others on constructed masks; each says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog import json_in
from catalog.registry import RESULTS
from reproduce.ground.plugins import plugins
from reproduce.judging.explain import Setting, Space, Stored, explain, walk

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER = f"{RESULTS}/examples"
INDEX = "index.json"

LWNET_BASE: Mapping[str, Any] = {
    "grid": "model_input",
    "flips": False,
    "metric_profile": "pooled/1",
    "metric": "dice",
    "threshold": 0.5,
}
LWNET_OTHER: Mapping[str, Any] = {
    **LWNET_BASE,
    "grid": "original",
    "flips": True,
    "threshold": 0.4196,
}
DIGITS = 6
APART = 1.5e-6  # of two machines, where the digits behind lie on both sides of a tie
# What the authors' second protocol (generate_results.py) gives, to four digits.
LWNET_SECOND = 0.8162
HALF_DIGIT = 0.00005


def stored_examples(root: Path) -> list[dict[str, Any]]:
    """The index of stored example statistics: project, conventions, file."""

    path = root / FOLDER / INDEX
    if not path.is_file():
        return []
    found: list[dict[str, Any]] = json_in.decoded(path.read_bytes())
    return found


def stored_runs(root: Path, project: str) -> list[Stored]:
    """Example statistics of a project, as `explain` takes them."""
    from reproduce.statistics import read_statistics

    return [
        Stored(entry["conventions"], read_statistics(root / FOLDER / entry["file"]))
        for entry in stored_examples(root)
        if entry["project"] == project
    ]


def examples_document(root: Path) -> dict[str, Any]:
    """All worked examples, for `reproduce/results/examples.json`."""
    document: dict[str, Any] = {
        "schema": "examples/1",
        "examples": [
            *([two_protocols(Space(runs))] if (runs := stored_runs(root, "lwnet")) else []),
            false_positives_on_empty(),
            slice_against_volume(),
            best_of_three(),
        ],
    }
    rounded: dict[str, Any] = _rounded(document)
    return rounded


def two_protocols(space: Space) -> dict[str, Any]:
    """lwnet: the same weights and images give 0.8096 and 0.8162."""
    steps, corners = walk(space, LWNET_BASE, LWNET_OTHER)
    fewer: dict[str, list[Any]] = {
        "metric_profile": ["pooled/1", "house/1", "mmsegmentation/1", "medical-sam-adapter/1"],
        "metric": ["dice", "iou"],
        "threshold": [0.5, 0.4196, *(k / 100 for k in range(5, 100, 5) if k != 50)],
        "grid": space.values_of("grid"),
        "flips": space.values_of("flips"),
    }
    found = explain(space, LWNET_BASE, LWNET_SECOND, HALF_DIGIT, choices=fewer)
    return {
        "name": "two-protocols",
        "title": "One checkpoint, the same four images, two numbers: "
        f"{space.score(LWNET_BASE).value:.4f} and {space.score(LWNET_OTHER).value:.4f}",
        "rests_on": "lwnet's released weights on DRIVE 37-40; stored statistics, recomputed here",
        "base": _plain(space.score(LWNET_BASE)),
        "other": _plain(space.score(LWNET_OTHER)),
        "shares": [asdict(step) for step in steps],
        "corners": [_plain(corner) for corner in corners],
        "search": {
            "target": found.target,
            "tried": found.tried,
            "matches": [_plain(match) for match in found.matches],
            "effects": [asdict(effect) for effect in found.effects],
            "notes": found.notes,
        },
    }


def false_positives_on_empty() -> dict[str, Any]:
    """Ten cases, Dice 0.8 in nine of them, a pure false positive in the tenth."""
    from reproduce.scoring import score

    table = _counted([(8, 2, 2)] * 9 + [(0, 10, 0)])
    rows: list[dict[str, Any]] = [
        {"profile": profile.id, "value": score(table, profile, "dice").value}
        for profile in plugins("metrics").values()
        if "dice" in profile.measures
    ]
    values = [row["value"] for row in rows if row["value"] is not None]
    rows.sort(key=lambda row: (row["value"] is None, -(row["value"] or 0), row["profile"]))
    return {
        "name": "false-positives-on-empty",
        "title": "One false positive on an empty case of ten: "
        f"{min(values):.2f} to {max(values):.2f}, by the profile alone",
        "rests_on": "constructed: nine cases with Dice 0.8 (8 of 10 pixels), one empty reference "
        "with 10 pixels predicted",
        "rows": rows,
    }


def slice_against_volume() -> dict[str, Any]:
    """A ball of 20 voxels radius, predicted one voxel too small in plane and two slices short."""
    from dataclasses import replace

    from reproduce.scoring import MetricProfile, score
    from reproduce.scoring.engine import metric_profile

    table = _ball_volume()
    house = metric_profile("house/1")
    per_slice: MetricProfile = replace(house, name="per slice", level="slice", order=("all",))
    full = replace(house.measures["dice"], empty=replace(house.measures["dice"].empty, both=1.0))
    rows = [
        ("whole volume", house),
        ("mean over slices of the reference", replace(per_slice, slice_set="reference-nonempty")),
        ("mean over slices with either", replace(per_slice, slice_set="union-nonempty")),
        ("mean over all slices, empty counts 1", replace(per_slice, measures={"dice": full})),
    ]
    return {
        "name": "slice-against-volume",
        "title": "One prediction, four averages",
        "rests_on": "constructed: a ball of radius 20 in 64 slices, predicted with radius 18.5 and "
        "shifted by one slice",
        "rows": [{"average": name, "value": score(table, p, "dice").value} for name, p in rows],
    }


def best_of_three() -> dict[str, Any]:
    """Three candidates per object; the model's own estimate is right only some of the time."""
    from reproduce.scoring import score

    table = _candidates_table()
    rows = [
        {
            "selection": selection,
            "value": score(table, "house/1", "dice", mask_selection=selection).value,
            "oracle": selection == "oracle-iou",
        }
        for selection in ("first", "argmax-predicted-iou", "oracle-iou")
    ]
    return {
        "name": "best-of-three",
        "title": "First mask, the one the model believes in, or the best with the truth at hand",
        "rests_on": "constructed: 40 objects, three candidates each with seeded Dice between 0.5 "
        "and 0.95, predicted IoU = true IoU + noise of SD 0.1",
        "rows": rows,
    }


def _rounded(value: Any) -> Any:
    """Every float to `DIGITS` decimals: on every machine the same but for ties."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value


def _plain(setting: Setting) -> dict[str, Any]:
    return {"conventions": setting.conventions, "value": setting.value}


def _counted(counts: list[tuple[int, int, int]]) -> pa.Table:
    import numpy as np
    import torch

    from reproduce.statistics import StatisticsBuilder

    builder = StatisticsBuilder()
    for index, (tp, fp, fn) in enumerate(counts):
        reference, predicted = np.zeros((32, 32), bool), np.zeros((32, 32), bool)
        reference.reshape(-1)[: tp + fn] = True
        predicted.reshape(-1)[fn : fn + tp + fp] = True
        builder.add(
            case=f"case-{index:02d}",
            labels=["a"],
            kind="label",
            scores=torch.from_numpy(predicted)[None, None],
            reference=torch.from_numpy(reference)[None],
        )
    return builder.table()


def _ball_volume() -> pa.Table:
    import numpy as np
    import torch

    from reproduce.statistics import StatisticsBuilder

    z, y, x = np.indices((64, 64, 64))
    reference = (z - 30) ** 2 + (y - 32) ** 2 + (x - 32) ** 2 <= 20**2
    predicted = (z - 31) ** 2 + (y - 32) ** 2 + (x - 32) ** 2 <= 18.5**2
    builder = StatisticsBuilder()
    builder.add(
        case="ball",
        labels=["a"],
        kind="label",
        scores=torch.from_numpy(predicted)[None, None],
        reference=torch.from_numpy(reference)[None],
    )
    return builder.table()


def _candidates_table() -> pa.Table:
    import numpy as np
    import torch

    from reproduce.statistics import StatisticsBuilder

    rng = np.random.default_rng(2026)
    builder = StatisticsBuilder()
    for index in range(40):
        dice = rng.uniform(0.5, 0.95, 3)
        reference = np.zeros((40, 40), bool)
        reference.reshape(-1)[:400] = True
        masks = np.zeros((3, 40, 40), bool)
        for k, value in enumerate(dice):
            start = 400 - round(400 * value)
            masks[k].reshape(-1)[start : start + 400] = True
        estimate = dice / (2 - dice) + rng.normal(0, 0.1, 3)
        builder.add(
            case=f"object-{index:02d}",
            labels=["a"],
            kind="label",
            scores=torch.from_numpy(masks)[None],
            reference=torch.from_numpy(reference)[None],
            predicted_iou=torch.from_numpy(estimate)[None],
        )
    return builder.table()
