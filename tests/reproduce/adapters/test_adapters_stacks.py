"""Adapters of models that take a stack whole, beside the authors' code.

`peers/run_<method>.py` runs that code on real stacks with the full network, and on a made stack
with a network small enough for every run of the tests; of the latter a few places of each answer
are kept in `probes/stacks/`. Figures of the full networks are in `reproduce/adapters/agreement/`.
With SAM4MIS_PEERS_WRITE=1 both are written.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made import context_of, stack_of, supports_of
from numpy.typing import NDArray
from peers.check_out import RECORDS
from seeded import layout, seeded
from test_adapters_peers import DICE, RELATIVE_SCORE, authors, check_out, dice, three_digits

from reproduce.contracts import Case, Prompt, Sample
from reproduce.ground.extras import install_command, lacks_own
from reproduce.ground.plugins import plugin

PROBES = Path(__file__).resolve().parents[1] / "probes" / "stacks"
ENTRIES = {
    path.stem: entry
    for path in sorted(RECORDS.glob("*.json"))
    if (entry := json.loads(path.read_text("utf-8"))).get("stacks")
    == f"tests/reproduce/adapters/{Path(__file__).name}"
}
KEPT = (
    "weights",
    "strip",
    "options",
    "stack",
    "spacing",
    "prompts",
    "label",
    "grid",
    "take",
    "context",
    "supports",
)


def prompt_of(given: dict[str, Any], label: str) -> Prompt:
    """Places are (s, y, x) on the stack as given."""

    def array(key: str, kind: Any) -> Any:
        return np.asarray(given[key], kind) if key in given else None

    return Prompt(
        "c",
        label,
        given.get("plane"),
        points=array("points", np.float64),
        point_labels=array("labels", np.int64),
        box=array("box", np.float64),
        mask=array("mask", np.bool_),
        around=array("around", np.float64),
        text=given.get("text"),
    )


def need_package(name: str) -> None:
    """Skip where the adapter runs through its authors' package, and that is not here."""
    extra = plugin("adapters", name).extra
    if lacks_own(extra):
        pytest.skip(f"the authors' package is not here: {install_command(extra)}")


def model_of(name: str, case: dict[str, Any]) -> Any:
    state: dict[str, torch.Tensor] = {}
    for weights in case["weights"]:
        state |= seeded(layout(weights))
    state = {key.removeprefix(case["strip"]): value for key, value in state.items()}
    state |= context_of(case["context"]) if "context" in case else {}
    state |= supports_of(case["supports"]) if "supports" in case else {}
    return plugin("adapters", name).build(state, case.get("options", {}), "cpu", "float32")


def answered(model: Any, case: dict[str, Any]) -> tuple[NDArray[Any], NDArray[np.bool_], float]:
    """Scores as `take` says, masks (N, S, H, W) on the grid asked for, what scores have to exceed.

    take  `scores`: those of the answer, (N, C, S, H, W); `low_res`: the low-resolution logits of
          the first plane answered; `window`: the logits of a window that is the whole stack;
          `grid`: what the network says on its own grid
    """
    values = stack_of(case["stack"])
    spacing = case.get("spacing")
    prompts = [
        prompt_of(given, case.get("label", f"object {number}"))
        for number, given in enumerate(case.get("prompts", ()))
    ]
    sample = Sample.of_volume(Case("c", {}), values, {}, spacing_mm=spacing)
    take = case["take"]
    with torch.inference_mode():
        answers = list(model.open(sample).ask(prompts).planes(case.get("grid", "original")))
        first = answers[0].prediction
        full = np.zeros(
            (
                len(prompts) or len(first.labels),
                *first.scores.shape[1:2],
                len(values),
                *first.scores.shape[2:],
            ),
            np.float32,
        )
        for one in answers:
            full[list(one.members), :, one.index] = one.prediction.scores.numpy()
        if take == "window":
            found = model.logits(torch.from_numpy(model.pixels(values))).numpy()
        elif take == "low_res":
            assert first.low_res is not None
            found = first.low_res.numpy()
        elif take == "grid":
            found = model.on_grid(sample).numpy()
        else:
            found = full
    cut = 0.5 if first.kind == "probability" else 0
    return found, full[:, 0] > cut, cut


@pytest.mark.slow
@pytest.mark.parity
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", ENTRIES)
def test_whole_answers_are_those_of_the_authors_code(name: str, real: Path, tmp_path: Path) -> None:
    need_package(name)
    entry = ENTRIES[name]
    cases = authors(name, check_out(entry), real, tmp_path)
    parts: dict[str, dict[str, Any]] = {}
    kept: tuple[Any, Any] = (None, None)
    for case in cases:
        key = [case["weights"], case.get("options"), case.get("context")]
        if kept[0] != key:
            kept = (key, model_of(name, case))
        scores, masks, cut = answered(kept[1], case)
        theirs = case["scores"].reshape(scores.shape)
        if "masks" in case:
            pairs = list(zip(masks, case["masks"], strict=True))
        else:
            pairs = [(scores > cut, theirs > cut)]
        found = {
            "largest_score_difference": float(np.abs(scores - theirs).max()),
            "largest_score": float(np.abs(theirs).max()),
            "largest_dice_difference": max(1 - dice(a, b) for a, b in pairs),
            "most_pixels_changed": max(int((a != b).sum()) for a, b in pairs),
        }
        print(name, case["part"], case["name"], json.dumps(found))
        assert found["largest_score_difference"] < RELATIVE_SCORE * found["largest_score"]
        assert found["largest_dice_difference"] < DICE
        part = parts.setdefault(case["part"], {"predictions": 0} | dict.fromkeys(found, 0))
        part["predictions"] += 1
        for figure, value in found.items():
            part[figure] = max(part[figure], value)
    if os.environ.get("SAM4MIS_PEERS_WRITE"):
        write(name, cases, parts)


def write(name: str, cases: list[dict[str, Any]], parts: dict[str, Any]) -> None:
    """What was found, into `agreement/`; places of the small network's answers into `probes/`."""
    record = RECORDS / f"{name}.json"
    entry = json.loads(record.read_text("utf-8"))
    entry["images"] = list(
        dict.fromkeys(case["name"] for case in cases if case["part"] != "small network")
    )
    for part, figures in parts.items():
        entry[part] = {
            key: three_digits(value) if isinstance(value, float) else value
            for key, value in figures.items()
        }
    record.write_text(json.dumps(entry, indent=2, ensure_ascii=False) + "\n", "utf-8")
    rng = np.random.default_rng(0)
    probes = []
    for case in cases:
        if case["part"] != "small network":
            continue
        scores = case["scores"]
        at = [[int(rng.integers(n)) for n in scores.shape] for _ in range(24)]
        probes.append(
            {key: case[key] for key in KEPT if key in case}
            | {
                "shape": list(scores.shape),
                "at": at,
                "authors": [float(f"{scores[tuple(place)]:.7g}") for place in at],
                "largest": three_digits(float(np.abs(scores).max())),
            }
        )
    PROBES.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(probe) for probe in probes)
    (PROBES / f"{name}.json").write_text(f"[\n{lines}\n]\n", "utf-8")


# These have no small network: their encoder is the release's, whatever the stack.
LONGER = {"hermes", "medlsam", "neuroverse3d"}
RECORDED = [
    pytest.param(
        path.stem,
        probe,
        id=f"{path.stem}-{number}",
        marks=(pytest.mark.slow, pytest.mark.parity) if path.stem in LONGER else (),
    )
    for path in sorted(PROBES.glob("*.json"))
    for number, probe in enumerate(json.loads(path.read_text("utf-8")))
]


@pytest.mark.parametrize(("name", "probe"), RECORDED)
def test_a_small_network_answers_as_the_authors_code(name: str, probe: dict[str, Any]) -> None:
    need_package(name)
    scores, masks, _ = answered(model_of(name, probe), probe)
    assert masks.any(), "an answer without a voxel shows nothing"
    ours = scores.reshape(probe["shape"])[tuple(np.array(probe["at"]).T)]
    np.testing.assert_allclose(ours, probe["authors"], atol=RELATIVE_SCORE * probe["largest"])
