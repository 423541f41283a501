"""VoxTell: the network and windows of its authors' package, asked by embeddings that are held."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Any, ClassVar

import numpy as np
import torch
from acvl_utils.cropping_and_padding.bounding_boxes import insert_crop_into_image
from nnunetv2.preprocessing.normalization.default_normalization_schemes import ZScoreNormalization
from numpy.typing import NDArray
from voxtell.inference.predictor import VoxTellPredictor
from voxtell.model.voxtell_model import VoxTellModel

from catalog.errors import InputError
from reproduce.contracts import Prompt, Sample
from reproduce.models.documents import content, json_of, layer_named, weights_of
from reproduce.models.promptable import fingerprint
from reproduce.models.sam import load_strictly
from reproduce.models.volumes import OwnGrid, Whole

BANK = "text_embeddings.npz"
ASKED_AT = 4  # stage of the encoder that text looks at
FUSED = 5  # stages of the decoder that text takes part in


class Predictor(VoxTellPredictor):  # type: ignore[misc]  # of the package, which has no types
    """The package's predictor around a network that was loaded elsewhere, without text encoder."""

    def __init__(self, net: VoxTellModel, patch: list[int], step: float, device: str) -> None:
        self.device = torch.device(device)
        self.network, self.patch_size, self.tile_step_size = net, patch, step
        self.normalization = ZScoreNormalization(intensityproperties={})
        self.perform_everything_on_device = True


class VoxTell(OwnGrid):
    """`bank`: text in small letters -> its place among the embeddings (N, 2560)."""

    title = "VoxTell"

    def __init__(
        self,
        predictor: Predictor,
        bank: Mapping[str, int],
        embeddings: NDArray[Any],
        options: Mapping[str, Any],
        dtype: str,
    ) -> None:
        self.predictor, self.bank, self.embeddings = predictor, bank, embeddings
        self.options, self.dtype = dict(options), dtype

    def preprocessing_id(self) -> str:
        return fingerprint(name="voxtell", options=self.options)

    def open(self, sample: Sample) -> Session:
        """Raises `InputError` for colours, and for a volume of one value."""
        self.varied(sample)
        return Session(self, sample)

    def queries(self, texts: Sequence[str]) -> torch.Tensor:
        """(1, N, 2560). Raises `InputError` for a text without embedding."""
        if unknown := [text for text in texts if text.lower() not in self.bank]:
            raise InputError(
                f"no embedding for {', '.join(map(repr, unknown))}; {BANK} has {len(self.bank)}: "
                f"{', '.join(list(self.bank)[:8])} ... Name the structure in its words (--text), "
                "or give a bank with yours."
            )
        found = self.embeddings[[self.bank[text.lower()] for text in texts]]
        return torch.from_numpy(found.astype(np.float32))[None].to(self.predictor.device)


@dataclass(frozen=True, slots=True)
class Session:
    """One volume, asked for the structures that prompts name."""

    model: VoxTell
    sample: Sample

    def ask(self, prompts: Sequence[Prompt]) -> Whole:
        """Raises `InputError` for a place, which the network knows nothing of."""
        for prompt in prompts:
            if not prompt.is_empty:
                raise InputError(
                    f"VoxTell is asked by text; the prompt for {prompt.label!r} of case "
                    f"{prompt.case} has a place. (--prompts text-3d)"
                )
        texts = list(dict.fromkeys(prompt.text or prompt.label for prompt in prompts))
        queries = self.model.queries(texts)
        predictor = self.model.predictor
        with redirect_stderr(io.StringIO()):  # a bar of its own
            values, box, shape = predictor.preprocess(self.sample.values[None])
            logits = predictor.predict_sliding_window_return_logits(values, queries)
        # What was cut away is nothing: no class was found there.
        whole = torch.full((len(texts), *shape), torch.finfo(logits.dtype).min, dtype=logits.dtype)
        insert_crop_into_image(whole, logits.cpu(), box)
        order = [texts.index(prompt.text or prompt.label) for prompt in prompts]
        return Whole(tuple(prompt.label for prompt in prompts), "logit", whole[order])

    def forget(self) -> None:
        """Nothing is kept between two questions."""


def network_of(
    plans: Mapping[str, Any], state: Mapping[str, torch.Tensor]
) -> tuple[VoxTellModel, list[int]]:
    """The network on the meta device and the side of its windows; widths of text as in the file."""
    try:
        configuration = plans["configurations"]["3d_fullres"]
        patch: list[int] = configuration["patch_size"]
        made = configuration["architecture"]
        given = dict(made["arch_kwargs"])
        for name in made["_kw_requires_import"]:
            given[name] = given[name] and layer_named(given[name])
        widths, strides = given["features_per_stage"], given["strides"]
    except (KeyError, TypeError) as error:
        raise InputError(f"plans.json: no configuration 3d_fullres of VoxTell ({error})") from error
    shrunk = list(accumulate((stride[0] for stride in strides), lambda a, b: a * b))
    shapes = [tuple(side // by for side in patch) for by in shrunk]
    stages = {
        n: {"channels": c, "shape": s} for n, (c, s) in enumerate(zip(widths, shapes, strict=True))
    }

    class Network(VoxTellModel):  # type: ignore[misc]  # of the package, which has no types
        """Of the plans' widths; the package has those of its release in the class."""

        DECODER_CONFIGS: ClassVar[Any] = stages

    def size(key: str, axis: int, otherwise: int) -> int:
        return state[key].shape[axis] if key in state else otherwise

    text, hidden = "project_text_embed.0.weight", "project_to_decoder_channels.1.0.weight"
    last = size("project_to_decoder_channels.1.2.weight", 0, 32 * widths[1])
    with torch.device("meta"):
        net = Network(
            input_channels=1,
            **given,
            decoder_layer=ASKED_AT,
            text_embedding_dim=size(text, 1, 2560),
            num_maskformer_stages=FUSED,
            num_heads=max(1, last // widths[1]),
            query_dim=size("project_bottleneck_embed.0.weight", 0, 2048),
            project_to_decoder_hidden_dim=size(hidden, 0, 2048),
            deep_supervision=False,
        )
    if (places := prod(shapes[ASKED_AT])) != net.pos_embed.shape[0]:
        raise InputError(f"plans.json: {places} places at stage {ASKED_AT} are not the network's")
    return net, patch


def bank_of(packed: bytes) -> tuple[dict[str, int], NDArray[Any]]:
    """The authors' bank (`embedding_bank.py`): text in small letters -> row; the embeddings."""
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as file:
            labels, embeddings = file["labels"], file["embeddings"]
        if embeddings.ndim != 2 or len(labels) != len(embeddings) or not len(labels):
            raise ValueError(f"labels {labels.shape}, embeddings {embeddings.shape}")
    except (ValueError, KeyError, OSError, EOFError) as error:
        raise InputError(
            f"{BANK}: expected an npz file with labels (N,) and embeddings (N, width): {error}"
        ) from error
    return {str(label).lower(): row for row, label in enumerate(labels)}, embeddings


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> VoxTell:
    """From weights, plans and embeddings. Raises `InputError` naming what does not fit."""
    if dtype != "float32":
        raise InputError(f"VoxTell chooses its precision itself, got {dtype}.")
    weights = weights_of(state)
    net, patch = network_of(json_of(state, "plans.json"), weights)
    load_strictly(net, weights)
    bank, embeddings = bank_of(content(state, BANK))
    if embeddings.shape[1] != net.text_embedding_dim:
        raise InputError(
            f"{BANK}: embeddings of {embeddings.shape[1]} numbers; the network takes "
            f"{net.text_embedding_dim}."
        )
    predictor = Predictor(net.eval().to(device), patch, float(options["step"]), device)
    return VoxTell(predictor, bank, embeddings, options, dtype)
