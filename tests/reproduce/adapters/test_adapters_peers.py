"""Whole predictions of the adapters against those of the authors' code, run beside them.

`peers/README.md` says how to get that code: SAM4MIS_PEERS names the folder of its check-outs. The
same images, seeded weights and prompts go through both; figures are kept in
`reproduce/adapters/agreement/` (SAM4MIS_PEERS_WRITE=1 writes those found, and `probes/`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import off_machine
import pytest
import torch
from peers.check_out import RECORDS, folder_of
from seeded import layout, seeded

from reproduce.asking.objects import by_class
from reproduce.contracts import Plane, Prompt
from reproduce.ground.plugins import plugin

pytestmark = [pytest.mark.slow, pytest.mark.parity]
PEERS = Path(__file__).resolve().parents[1] / "peers"
# Those of models that take a stack whole are compared in tests of their own.
ENTRIES = {
    path.stem: entry
    for path in sorted(RECORDS.glob("*.json"))
    if "stacks" not in (entry := json.loads(path.read_text("utf-8")))
}
# Rounding grows through a random network; any change of the computation gives a hundred times more.
RELATIVE_SCORE, DICE, INPUT = 1e-4, 1e-4, 1e-6
PROBES, PROBED_PLACES = PEERS.parent / "probes", 12


def check_out(entry: dict[str, Any]) -> Path:
    """The authors' code at the recorded commit, unchanged; skips where it is not here."""
    if "SAM4MIS_PEERS" not in os.environ:
        pytest.skip("SAM4MIS_PEERS is not set: tests/reproduce/peers/README.md")
    folder = Path(os.environ["SAM4MIS_PEERS"]) / folder_of(entry["repository"], entry["commit"])
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing: python tests/reproduce/peers/check_out.py")

    def git(*arguments: str) -> str:
        return subprocess.check_output(["git", "-C", str(folder), *arguments], text=True).strip()

    assert git("rev-parse", "HEAD") == entry["commit"]
    assert not git("diff", "--name-only", "--diff-filter=d", "HEAD"), "the check-out was changed"
    return folder


def authors(
    name: str, code: Path, real: Path, out: Path, script_of: str | None = None
) -> list[dict[str, Any]]:
    """Run the authors' code; what its script handed back (`peers/authors.py: Answers`).

    script_of  whose script it is; None: that of `name`
    """
    own = "samed" if name == "samed-s" else name.replace("-", "_")
    script = PEERS / f"run_{script_of or own}.py"
    libraries = Path(os.environ["SAM4MIS_PEERS"]) / "libraries"
    done = subprocess.run(
        # -W ignore: warnings of others' code are theirs.
        [sys.executable, "-W", "ignore", "-c", RUN, str(code), str(script)],
        cwd=code,
        env={
            **os.environ,
            "PYTHONPATH": f"{libraries}{os.pathsep}{off_machine.FOLDER}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "MPLBACKEND": "Agg",
            "NO_ALBUMENTATIONS_UPDATE": "1",
            "PEER_REAL": str(real),
            "PEER_OUT": str(out),
            "PEER_VARIANT": name.replace("-", "_"),
            "PEER_THREADS": str(torch.get_num_threads()),
        },
        capture_output=True,
        text=True,
    )
    told = done.stdout[-2000:] + done.stderr[-4000:]
    assert done.returncode == 0, f"{script.name} in {code}:\n{told}"
    with np.load(out / "answers.npz") as arrays:
        return [
            case | {key: arrays[f"{number}_{key}"] for key in case["arrays"]}
            for number, case in enumerate(json.loads((out / "answers.json").read_text("utf-8")))
        ]


RUN = """
import runpy, sys
code, script = sys.argv[1:]
sys.path[0:0] = [code]
sys.path.append(script.rpartition("/")[0])
sys.argv = [script]
runpy.run_path(script, run_name="__main__")
"""


def state_of(case: dict[str, Any], real: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = {}
    for name in case["weights"]:
        if name.startswith("real:"):
            from reproduce.checkpoints.loading import read_state

            state |= read_state(real / name.removeprefix("real:"))
        else:
            state |= seeded(layout(name))
    for name, added in case.get("shift", {}).items():
        state[name] = state[name] + torch.tensor(added)
    return {key.removeprefix(case["strip"]): value for key, value in state.items()}


def prompts_of(case: dict[str, Any], frame: Any) -> list[Prompt]:
    given = case.get("prompt")
    if given is None:
        return []

    def placed(xy: Any) -> np.ndarray:
        xy = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
        return frame.to_image(xy) if given.get("on") == "input" else xy

    if "text" in given:
        return [Prompt.on_plane("c", given["text"], None, text=given["text"])]
    fed_back = case.get("mask_input")
    if "box" in given:
        box = placed(given["box"]).reshape(4)
        return [Prompt.on_plane("c", "x", None, box_xy=box, mask_input=fed_back)]
    labels = np.asarray(given["labels"], dtype=np.int64)
    points = placed(given["points"])
    return [
        Prompt.on_plane("c", "x", None, points_xy=points, point_labels=labels, mask_input=fed_back)
    ]


def dice(one: np.ndarray, other: np.ndarray) -> float:
    total = one.sum() + other.sum()
    return float(2 * (one & other).sum() / total) if total else 1.0


def own_dice(scores: np.ndarray, truth: np.ndarray, measure: str, threshold: float) -> float:
    """Our Dice by the rule that the authors' evaluation follows."""
    if measure == "rows":  # MONAI takes the rows of an image without channels for its channels
        rows = zip(scores > threshold, truth, strict=True)
        return float(np.mean([dice(ours, row) for ours, row in rows if row.any()]))
    if measure == "five thresholds":
        probability = 1 / (1 + np.exp(-scores.astype(np.float64)))
        masks = [probability > cut for cut in (0.1, 0.3, 0.5, 0.7, 0.9)]
        return float(
            np.mean(
                [(2 * (m & truth).sum() + 1e-4) / (m.sum() + truth.sum() + 1e-4) for m in masks]
            )
        )
    return dice(scores > threshold, truth)


def compared(model: Any, case: dict[str, Any]) -> dict[str, float]:
    """Differences of one prediction."""
    image, theirs = case["image"], case["scores"]
    frame = model.frame(*image.shape[:2]) if hasattr(model, "frame") else None
    found: dict[str, float] = {}
    if "input" in case:
        pixels = np.asarray(model.pixels(image, frame))[: len(case["input"])]
        found["input"] = float(np.abs(pixels - case["input"]).max())
    if "reference" in case:
        assert (model.mask_pixels(case["mask"], frame) == case["reference"]).all()
    (embedding,) = model.encode([Plane(image)])
    take, threshold = case.get("take", "one"), case.get("threshold", 0)
    prediction = None
    told: list[Prompt] = []
    if model.finds:
        told = model.find(embedding, "c", None)
    if take == "found":
        kinds = [model.finds.index(prompt.label) for prompt in told]
        ours = np.column_stack([[p.points_xy[0] for p in told], kinds]).astype(theirs.dtype)
    elif take.endswith("logits"):
        with torch.inference_mode():
            ours = model.logits(embedding)[0].numpy()
        ours = ours[1:] if take == "class logits" else ours
        theirs = theirs.reshape(ours.shape)
    else:
        asked = told or prompts_of(case, frame)
        prediction = model.predict(embedding, asked, case.get("grid", "original"))
        if told:
            prediction = by_class(model.finds, told, prediction)
        ours = prediction.scores[0].numpy()
        if take == "objects":
            ours = prediction.objects[:, 0].numpy()
        if take == "best":
            ours = ours[int(prediction.predicted_iou[0].argmax())]
        elif take == "one":
            (ours,) = ours
    assert ours.shape == theirs.shape
    found["score"] = float(np.abs(ours - theirs).max())
    found["largest"] = float(np.abs(theirs).max())
    if "label_map" in case:
        prediction = model.predict(embedding, [], case.get("grid", "original"))
        masks = [
            (prediction.scores[c, 0].numpy() > 0, case["label_map"] == c + 1)
            for c in range(len(prediction.labels))
        ]
    else:
        # One mask, or the candidates of one prompt.
        pairs = zip(ours, theirs, strict=True) if ours.ndim == 3 else [(ours, theirs)]
        masks = [(one > threshold, other > threshold) for one, other in pairs]
    found["pixels"] = max(int((a != b).sum()) for a, b in masks)
    found["dice"] = max(1 - dice(a, b) for a, b in masks)
    if "dice" in case:
        truth = case["reference"] if "reference" in case else case["truth"]
        own = own_dice(ours, truth, case.get("measure", "mask"), threshold)
        found["dice"] = abs(own - case["dice"])
    return found


def three_digits(value: float) -> float:
    return float(f"{value:.3g}")


@pytest.fixture
def models(real: Path) -> Iterator[Any]:
    """Our model for a case; the last one is kept."""
    kept: dict[str, Any] = {}

    def model(name: str, case: dict[str, Any]) -> Any:
        key = json.dumps([case["weights"], case.get("options"), case.get("shift")])
        if key not in kept:
            kept.clear()
            kept[key] = plugin("adapters", name).build(
                state_of(case, real), case.get("options", {}), "cpu", "float32"
            )
        return kept[key]

    yield model
    kept.clear()


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", ENTRIES)
def test_whole_predictions_are_those_of_the_authors_code(name, real, models, tmp_path):
    entry = ENTRIES[name]
    cases = authors(name, check_out(entry), real, tmp_path)
    parts: dict[str, dict[str, Any]] = {}
    worst_input: list[float] = []
    for case in sorted(cases, key=lambda case: json.dumps([case["weights"], case.get("options")])):
        model = models("samed" if name == "samed-s" else name, case)
        found = compared(model, case)
        print(name, case["part"], case["name"], json.dumps(found))
        worst_input += [found["input"]] if "input" in found else []
        part = parts.setdefault(
            case["part"],
            {
                "predictions": 0,
                "largest_score_difference": 0.0,
                "largest_score": 0.0,
                "largest_dice_difference": 0.0,
                "most_pixels_changed": 0,
            },
        )
        # Candidates of one prompt are predictions of their own.
        part["predictions"] += len(case["scores"]) if case.get("take") == "candidates" else 1
        for key, value in (
            ("largest_score_difference", found["score"]),
            ("largest_score", found["largest"]),
            ("largest_dice_difference", found["dice"]),
            ("most_pixels_changed", found["pixels"]),
        ):
            part[key] = max(part[key], value)
    for part in parts.values():
        assert part["largest_score_difference"] < RELATIVE_SCORE * part["largest_score"]
        assert part["largest_dice_difference"] < DICE
    assert max(worst_input, default=0) < INPUT
    recorded = {key: value for key, value in entry.items() if isinstance(value, dict)}
    if os.environ.get("SAM4MIS_PEERS_WRITE"):
        write(name, cases, parts, max(worst_input, default=None))
        write_probes(name, cases)
    else:
        assert {k: v["predictions"] for k, v in recorded.items()} == {
            k: v["predictions"] for k, v in parts.items()
        }, f"agreement/{name}.json counts other predictions: run with SAM4MIS_PEERS_WRITE=1"


def write(
    name: str, cases: list[dict[str, Any]], parts: dict[str, Any], worst_input: float | None
) -> None:
    """Put what was found into `agreement/<name>.json`."""
    record = RECORDS / f"{name}.json"
    entry = json.loads(record.read_text("utf-8"))
    entry["images"] = list(dict.fromkeys(case["name"] for case in cases))
    if worst_input is not None:
        entry["largest_input_difference"] = three_digits(worst_input)
    for part, figures in parts.items():
        entry[part] = {
            key: three_digits(value) if isinstance(value, float) else value
            for key, value in figures.items()
        }
    record.write_text(json.dumps(entry, indent=2, ensure_ascii=False) + "\n", "utf-8")


def write_probes(name: str, cases: list[dict[str, Any]]) -> None:
    """A few places of those predictions whose script names the image's file: `probes/<name>.json`.

    file, read  where the image lies in ../shared/real, and how `test_adapters_agreement.py` reads
                it; cases without them, and kinds that it does not ask, are left out
    """
    random, rows = np.random.default_rng(0), []
    for case in cases:
        if "file" not in case:
            continue
        scores = np.asarray(case["scores"])
        places = [[int(random.integers(n)) for n in scores.shape] for _ in range(PROBED_PLACES)]
        take = case.get("take", "scores")
        rows.append(
            {
                "adapter": name,
                "weights": case["weights"],
                "strip": case["strip"],
                "options": case.get("options", {}),
                "image": case["file"],
                "read": case["read"],
                "prompt": case["prompt"] | {"best": True} if take == "best" else case.get("prompt"),
                "grid": case.get("grid", "original"),
                "what": take if take.endswith("logits") else "scores",
                "at": [[*[0] * (4 - scores.ndim), *place] for place in places],
                "authors": [float(f"{scores[tuple(place)]:.7g}") for place in places],
            }
        )
    if rows:
        text = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (PROBES / f"{name}.json").write_text(f"[\n{text}\n]\n", "utf-8")
