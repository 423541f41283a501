"""Scores of the adapters against those of the authors' code, point by point.

`probes/` holds what the authors' own code gave on real images with seeded weights in
their layout (`layouts/`, seed 0), at a few places of each prediction; commits and the largest
difference over whole predictions are in `reproduce/adapters/agreement/`. Small and scaled networks
are tried in every run, the others with `-m slow`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from seeded import layout, seeded

from reproduce.asking.objects import by_class
from reproduce.contracts import Plane, Prompt
from reproduce.ground.plugins import plugin

PROBES = [
    probe
    for path in sorted((Path(__file__).resolve().parents[1] / "probes").glob("*.json"))
    for probe in json.loads(path.read_text("utf-8"))
]
QUICK = {"litemedsam", "samus"}
REAL = Path(__file__).resolve().parents[4] / "shared" / "real"


def identity(probe: dict[str, Any]) -> str:
    kind = next((k for k in ("box", "points") if k in (probe["prompt"] or {})), "none")
    return f"{probe['adapter']}-{probe['weights'][-1].split('/')[-1]}-{kind}"


def quick(probe: dict[str, Any]) -> bool:
    """Small networks, and those that the authors' code built with smaller sizes."""
    return probe["adapter"] in QUICK or probe["weights"][-1].endswith("_scaled")


def marked() -> list[Any]:
    if not REAL.is_dir():
        missing = (
            f"the real images of {len(PROBES)} probes are not on this machine (../shared/real)"
        )
        return [pytest.param({}, id="all", marks=pytest.mark.skip(reason=missing))]
    return [
        pytest.param(
            probe,
            id=f"{number}-{identity(probe)}",
            marks=() if quick(probe) else (pytest.mark.slow, pytest.mark.parity),
        )
        for number, probe in enumerate(PROBES)
    ]


def weights(probe: dict[str, Any], real: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = {}
    for name in probe["weights"]:
        if name.startswith("real:"):
            from reproduce.checkpoints.loading import read_state

            state |= read_state(real / name.removeprefix("real:"))
        else:
            state |= seeded(layout(name))
    return {key.removeprefix(probe["strip"]): value for key, value in state.items()}


def picture(probe: dict[str, Any], real: Path) -> np.ndarray:
    path = real / probe["image"]
    if probe["read"].startswith("slice"):
        slices = np.load(path)["imgs"]
        return (slices[int(probe["read"].split()[1])] / 255).astype(np.float32)
    if probe["read"] == "grey":
        return np.asarray(Image.open(path).convert("L"))
    if probe["read"] == "rgb 2048":  # of no release's: enlarged for a network of larger images
        read: Any = cv2.imread(str(path))
        return np.asarray(cv2.resize(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), (2048, 2048)))
    colours = Image.open(path).convert("RGB")
    if probe["read"] == "rgb 256x256":  # its first corner
        colours = colours.crop((0, 0, 256, 256))
    return np.asarray(colours)


def asked(probe: dict[str, Any], frame: Any) -> list[Prompt]:
    given = probe["prompt"]
    if given is None:
        return []

    def placed(xy: Any) -> np.ndarray:
        xy = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
        return frame.to_image(xy) if given.get("on") == "input" else xy

    if "text" in given:
        return [Prompt.on_plane("c", given["text"], None, text=given["text"])]
    if "box" in given:
        return [Prompt.on_plane("c", "x", None, box_xy=placed(given["box"]))]
    labels = np.asarray(given["labels"], dtype=np.int64)
    return [Prompt.on_plane("c", "x", None, points_xy=placed(given["points"]), point_labels=labels)]


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    return {}


@pytest.mark.parametrize("probe", marked())
def test_scores_are_those_of_the_authors_code(probe, real, models):
    key = json.dumps([probe["adapter"], probe["weights"], probe["options"]])
    if key not in models:
        models.clear()  # one network at a time
        models[key] = plugin("adapters", probe["adapter"]).build(
            weights(probe, real), probe["options"], "cpu", "float32"
        )
    model, image = models[key], picture(probe, real)
    (embedding,) = model.encode([Plane(image)])
    if probe["what"].endswith("logits"):
        with torch.inference_mode():
            found = model.logits(embedding)
        if probe["what"] == "class logits":
            found = found[:, 1:]
    else:
        frame = model.frame(*image.shape[:2]) if hasattr(model, "frame") else None
        if model.finds and probe["prompt"] is None:
            own = model.find(embedding, "c", None)
            prediction = by_class(model.finds, own, model.predict(embedding, own, probe["grid"]))
            found = prediction.objects.transpose(0, 1)
        else:
            prediction = model.predict(embedding, asked(probe, frame), probe["grid"])
            found = prediction.scores
        if probe["prompt"] is not None and probe["prompt"].get("best"):
            best = int(prediction.predicted_iou[0].argmax())
            found = found[:, best : best + 1]
    ours = np.array([float(found[tuple(place)]) for place in probe["at"]])
    authors = np.array(probe["authors"])
    # Rounding grows through a random network; 1e-4 of a score's size is a hundred times less than
    # what any change of the computation gives.
    np.testing.assert_allclose(ours, authors, atol=1e-4 * np.abs(authors).max())
