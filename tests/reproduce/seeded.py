"""Seeded weights in a release's own layout: same names, shapes and types, same seed, same tensors.

`layouts/<name>.json.gz` lists names and shapes of a release's state dict, read off the authors'
model (or the released file's own writing code) at the commit in `source`.
"""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reproduce.models.sam import VIT_B, SamConfig, build_sam

LAYOUTS = Path(__file__).parent / "layouts"
#: Some of what BERT's tokeniser cuts words into.
PIECES = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", ",", "a", "an", "of", "the", "showing"),
    *("medical", "scan", "image", "tissue", "tumor", "polyp", "breast", "brain", "lung", "##s"),
    *("##like", "##ing", "red", "round", "mass", "well", "defined", "with"),
]


def layout(name: str) -> dict[str, Any]:
    """`source`, `tensors` (name -> shape) and `dtypes` (name -> type, where not float32)."""
    document: dict[str, Any] = json.loads(
        gzip.decompress((LAYOUTS / f"{name}.json.gz").read_bytes())
    )
    return document


def beside(document: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Files of the release that are no weights, as an adapter gets them (`contracts.FILE`).

    `documents`: name -> what a JSON file holds; `bank`: texts and the width of what stands for
    their embeddings, in half precision. `vocabulary`: pieces of words, as many.
    """
    files = {n: json.dumps(held).encode() for n, held in document.get("documents", {}).items()}
    if bank := document.get("bank"):
        drawn = np.random.default_rng(0).normal(size=(len(bank["labels"]), bank["width"]))
        packed = io.BytesIO()
        labels = np.array(bank["labels"])
        np.savez(packed, labels=labels, embeddings=drawn.astype(np.float16))
        files["text_embeddings.npz"] = packed.getvalue()
    if count := document.get("vocabulary"):
        pieces = PIECES + [f"[unused{n}]" for n in range(count - len(PIECES))]
        files["vocab.txt"] = "".join(f"{piece}\n" for piece in pieces).encode()
    return {
        f"file.{name}": torch.frombuffer(bytearray(held), dtype=torch.uint8)
        for name, held in files.items()
    }


def meta(document: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The state dict without memory, enough to test names and shapes."""
    dtypes = document.get("dtypes", {})
    return beside(document) | {
        name: torch.empty(shape, dtype=getattr(torch, dtypes.get(name, "float32")), device="meta")
        for name, shape in document["tensors"].items()
    }


def seeded(document: dict[str, Any], seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights under which a network keeps its activations' magnitude.

    No tensor is all zero or one, so that none can be swapped or left out without changing the
    result. Matrices are scaled by their inputs; vectors called weight (normalisations) and
    running variances lie around one, other vectors around zero.
    """
    generator = torch.Generator().manual_seed(seed)
    dtypes = document.get("dtypes", {})
    state = beside(document)
    for name, shape in document["tensors"].items():
        noise = torch.randn(shape, generator=generator)
        kind = name.rsplit(".", 1)[-1]
        if kind == "num_batches_tracked":
            noise = torch.full(shape, 1000)
        elif kind == "running_var":
            noise = 1 + 0.2 * torch.rand(shape, generator=generator)
        elif "rel_pos" in name or "attention_biases" in name:
            noise *= 0.2
        elif "gaussian_matrix" in name:
            pass
        elif len(shape) < 2 or max(shape) == noise.numel():
            noise = 1 + 0.1 * noise if kind in {"weight", "gamma"} else 0.02 * noise
        elif any(word in part for part in name.split(".")[-2:] for word in ("embed", "token")):
            noise *= 0.5
        else:
            fan_in = noise.numel() // shape[0]
            noise /= max(fan_in, 1) ** 0.5
        state[name] = noise.to(getattr(torch, dtypes.get(name, "float32")))
    return state


def seeded_state(config: SamConfig = VIT_B, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights of a SAM of these sizes in the official layout.

    Unlike the modules' own initialisation no tensor is zero or one (relative positions start at
    zero there, which would hide a mistake in them), and activations keep their magnitude through
    the network, so that masks have both signs.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        shapes = {key: value.shape for key, value in build_sam(config).state_dict().items()}
    state = {}
    for key, shape in shapes.items():
        noise = torch.randn(shape, generator=generator)
        if key.endswith(".bias"):
            state[key] = 0.02 * noise
        elif len(shape) == 1:  # scales of normalisations
            state[key] = 1 + 0.1 * noise
        elif "rel_pos" in key:
            state[key] = 0.2 * noise
        elif key.endswith(("_embed.weight", "_token.weight", "_tokens.weight", "_matrix")) or (
            "point_embeddings" in key
        ):
            state[key] = noise
        elif key.endswith("pos_embed"):
            state[key] = 0.5 * noise
        else:
            state[key] = noise * (shape[0] / shape.numel()) ** 0.5
    return state
