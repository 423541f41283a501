"""A small network of every adapter that has one, on seeded weights in the release's layout; for the
others (their release has one size) a stand-in of the same contract that answers with brightness."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from made import context_of, supports_of
from seeded import layout, seeded, seeded_state

from reproduce.contracts import (
    Answered,
    Grid,
    Plane,
    PlaneModel,
    Prediction,
    Prompt,
    Reference,
    Sample,
    StackModel,
)
from reproduce.ground.extras import lacks_own
from reproduce.ground.plugins import plugin
from reproduce.models import sam2
from reproduce.models.sam import SamConfig
from reproduce.models.sam2_video import COURSES, Sam2Video

SAM = SamConfig(
    image_size=64,
    embed_dim=32,
    depth=2,
    heads=2,
    mlp_dim=64,
    global_attn_indexes=(1,),
    window=3,
    prompt_embed_dim=32,
    decoder_mlp_dim=64,
    iou_head_hidden_dim=32,
)
#: As `scaled` in peers/run_sam2.py makes the authors' network.
SAM2 = sam2.Sizes(16, 1, (1, 1, 2, 1), (3,), hidden=128)
PROBES = Path(__file__).resolve().parent / "probes"


def scaled() -> dict[str, dict[str, Any]]:
    """Adapter -> a small network as the probes of the authors' code have it: weights, options."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted([*PROBES.glob("*.json"), *PROBES.glob("stacks/*.json")]):
        for probe in json.loads(path.read_text("utf-8")):
            if any("scaled" in name or "small" in name for name in probe["weights"]):
                found.setdefault(probe.get("adapter", path.stem), probe)
    return found


SCALED = scaled()
# Without their authors' package they have a stand-in too.
SCALED = {n: p for n, p in SCALED.items() if not lacks_own(plugin("adapters", n).extra)}
# Their decoder, their cubes have one size: seven and twenty seconds, spent in `make test-parity`.
del SCALED["zap"], SCALED["medlsam"]


def options_of(name: str) -> dict[str, Any]:
    """The options that the small network of an adapter has."""
    return dict(SCALED.get(name, {}).get("options") or {})


def network(name: str) -> Any:
    """The small network of an adapter, or its stand-in."""
    if name in ("sam", "medsam"):
        return plugin("adapters", name).build(seeded_state(SAM), {}, "cpu", "float32")
    if name == "sam2":  # MedSAM2 and Surgical SAM 2 are the same network
        net = sam2.load(seeded(layout("sam2_scaled")), 128, 8, SAM2, 0)
        return Sam2Video(net, COURSES["both"], "cpu")
    if name not in SCALED:
        volumes = plugin("adapters", name).dimensionality == "3d"
        return BrightStack(name) if volumes else BrightPlane(name)
    probe, state = SCALED[name], dict[str, torch.Tensor]()
    for weights in probe["weights"]:
        state |= seeded(layout(weights))
    state = {key.removeprefix(probe["strip"]): value for key, value in state.items()}
    state |= context_of(probe["context"]) if "context" in probe else {}
    state |= supports_of(probe["supports"]) if "supports" in probe else {}
    return plugin("adapters", name).build(state, options_of(name), "cpu", "float32")


def bright(plane: np.ndarray) -> torch.Tensor:
    """(H, W) logits: above the mean of all channels or not."""
    grey = plane.astype(np.float32)
    grey = grey.mean(axis=2) if grey.ndim == 3 else grey
    return torch.from_numpy((grey - grey.mean()) / 10)


def need(name: str, prompts: Sequence[Prompt]) -> None:
    """What is asked has to be of a kind that the adapter was trained for."""
    kinds = plugin("adapters", name).prompts
    assert prompts or "none" in kinds
    for prompt in prompts:
        parts = {"box": prompt.box, "point": prompt.points, "mask": prompt.mask}
        there = {kind for kind, part in parts.items() if part is not None}
        assert (there or {"text"}) <= set(kinds)


@dataclass
class BrightPlane(PlaneModel):
    """A stand-in that sees one plane at a time."""

    name: str

    def preprocessing_id(self) -> str:
        return "bright"

    def encode(self, planes: Sequence[Plane]) -> list[Any]:
        assert all(plane.image.dtype == np.uint8 for plane in planes)
        return [bright(plane.image) for plane in planes]

    def predict(self, embedding: Any, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        need(self.name, prompts)
        labels = tuple(prompt.label for prompt in prompts) or ("bright",)
        scores = embedding[None, None].repeat(len(labels), 1, 1, 1)
        return Prediction(scores, "logit", labels)

    def reference(self, plane: Plane, grid: Grid) -> Reference:
        raise AssertionError("there is no reference")


@dataclass
class BrightStack(StackModel):
    """A stand-in that takes a stack."""

    name: str

    def open(self, sample: Sample) -> Any:
        return Session(self.name, sample)

    def reference(self, sample: Sample, grid: Grid) -> Reference:
        raise AssertionError("there is no reference")


@dataclass
class Session:
    name: str
    sample: Sample

    def ask(self, prompts: Sequence[Prompt]) -> Any:
        need(self.name, prompts)
        return Answer(self.sample, prompts)

    def forget(self) -> None:
        """Nothing is kept."""


@dataclass
class Answer:
    sample: Sample
    prompts: Sequence[Prompt]

    def planes(self, grid: Grid) -> Iterator[Answered]:
        labels = tuple(prompt.label for prompt in self.prompts) or ("bright",)
        for index, plane in enumerate(self.sample.values):
            scores = bright(plane)[None, None].repeat(len(labels), 1, 1, 1)
            yield Answered(index, range(len(labels)), Prediction(scores, "logit", labels))
