"""SAT: a U-Net's features, and for each name what a transformer makes of them and its embedding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms.compose import Compose
from monai.transforms.croppad.array import CropForeground
from monai.transforms.spatial.array import Spacing
from scipy.ndimage import gaussian_filter
from torch import nn
from torch.nn.functional import avg_pool3d, pad

from catalog.errors import InputError, UsageError
from reproduce.contracts import Prompt, Sample
from reproduce.models.sam import load_strictly
from reproduce.models.sam_encoder import precision
from reproduce.models.unfilled import unfilled
from reproduce.models.volumes import VolumeModel, Whole

TEXT = "text."
STAGES, COARSEST, HEADS = 6, 32, 8
SPACING_MM = (1.0, 1.0, 3.0)
CT, PERCENTILES = (-500, 1000), (0.5, 99.5)
SIGMA, TOP = 1 / 8, 10.0  # of a window's side; height of the bell


class Convolved(nn.Module):
    """Convolution, normalisation, ReLU; the release's files have each of them under two names."""

    def __init__(self, taken: int, given: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(taken, given, 3, stride, 1)
        self.norm = nn.InstanceNorm3d(given, affine=True)
        self.all_modules = nn.Sequential(self.conv, self.norm, nn.LeakyReLU(inplace=True))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.all_modules(x)
        return found


def stacked(taken: int, given: int, stride: int, count: int) -> nn.Module:
    made = nn.Module()
    convs = [Convolved(given if n else taken, given, 1 if n else stride) for n in range(count)]
    made.convs = nn.Sequential(*convs)
    return made


class Backbone(nn.Module):
    """(1, 3, r, a, s) -> features of all levels at the coarsest one's places, and of the finest."""

    def __init__(self, widths: Sequence[int], count: int) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Module(), nn.Module()
        self.encoder.stages = nn.Sequential(
            *(
                nn.Sequential(stacked(a, b, 2 if n else 1, count))
                for n, (a, b) in enumerate(pairwise([3, *widths]))
            )
        )
        upwards = list(pairwise(widths[::-1]))
        self.decoder.stages = nn.ModuleList(stacked(2 * b, b, 1, count) for _, b in upwards)
        self.decoder.transpconvs = nn.ModuleList(nn.ConvTranspose3d(a, b, 2, 2) for a, b in upwards)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        skips: list[torch.Tensor] = []
        coarse: list[torch.Tensor] = []
        stages: Any = self.encoder.stages
        for level, stage in enumerate(stages):
            x = stage[0].convs(x)
            skips.append(x)
            coarse.append(avg_pool3d(x, COARSEST >> level) if level < STAGES - 1 else x)
        del skips[-1]
        both: Any = zip(self.decoder.transpconvs, self.decoder.stages, strict=True)  # type: ignore[arg-type]  # torch types these loosely
        for enlarge, stage in both:
            # A map of the finest level is 2 GiB: none is kept longer than it is needed.
            x = torch.cat([enlarge(x), skips.pop()], dim=1)
            for conv in stage.convs:
                x = conv(x)
        return torch.cat(coarse, dim=1), x


class DecoderLayer(nn.Module):
    """A query looks at the image; `norm1` is in the files and never used."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.multihead_attn = nn.MultiheadAttention(width, HEADS)
        self.linear1, self.linear2 = nn.Linear(width, 2048), nn.Linear(2048, width)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))

    def forward(self, query: torch.Tensor, image: torch.Tensor, places: Any) -> torch.Tensor:
        seen, _ = self.multihead_attn(self.norm2(query), image + places, image)
        query = query + seen
        found: torch.Tensor = query + self.linear2(torch.relu(self.linear1(self.norm3(query))))
        return found


class Sat(nn.Module):
    """(1, 3, r, a, s) and embeddings (N, 768) -> logits (N, r, a, s)."""

    def __init__(self, widths: Sequence[int], count: int, mapped_by: Sequence[int]) -> None:
        """`mapped_by`: hidden features of the two projections, and the width between them."""
        super().__init__()
        hidden, last, width = mapped_by
        self.backbone = Backbone(widths, count)
        self.projection_layer = mapped(sum(widths), hidden, width)
        self.transformer_decoder = nn.Module()
        self.transformer_decoder.layers = nn.ModuleList(DecoderLayer(width) for _ in range(6))
        self.transformer_decoder.norm = nn.LayerNorm(width)
        self.mask_embed_proj = mapped(width, last, widths[0])

    def forward(self, window: torch.Tensor, names: torch.Tensor) -> torch.Tensor:
        coarse, pixels = self.backbone(window)
        image = self.projection_layer(coarse.flatten(2).permute(2, 0, 1))
        places = positions(coarse.shape[2:], image.shape[-1]).to(image)
        query = names[:, None].to(image)
        decoder: Any = self.transformer_decoder
        for layer in decoder.layers:
            query = layer(query, image, places)
        weights = self.mask_embed_proj(decoder.norm(query))[:, 0]
        return torch.einsum("nc,cras->nras", weights, pixels[0])


def mapped(taken: int, hidden: int, given: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(taken, hidden), nn.GELU(), nn.Linear(hidden, given), nn.GELU())


def positions(shape: Sequence[int], width: int) -> torch.Tensor:
    """(places, 1, width): sines and cosines in turn, a third of the channels for each axis."""
    third = 2 * math.ceil(width / 6)
    rates = 1.0 / (10000 ** (torch.arange(0, third, 2).float() / third))
    coded = []
    for axis, length in enumerate(shape):
        angles = torch.arange(length).float()[:, None] * rates
        waves = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
        one = [1, 1, 1, third]
        one[axis] = length
        coded.append(waves.reshape(one).expand(*shape, third))
    return torch.cat(coded, dim=-1)[..., :width].flatten(0, 2)[:, None]


class SatModel(VolumeModel):
    """`inference_engine.py: inference`. `embedded`: name in small letters -> (768,)."""

    kind = "probability"
    window: tuple[int, ...]
    embedded: Mapping[str, torch.Tensor]

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        # The way back knows the very steps of the way there.
        self.steps = Compose([Spacing(SPACING_MM, mode="bilinear"), CropForeground()])

    def open(self, sample: Sample) -> Named:
        super().open(sample)  # what cannot be taken is told here
        return Named(self, sample)

    def maps(self, sample: Sample) -> torch.Tensor:
        return self.of_names(sample, self.classes)

    def of_names(self, sample: Sample, names: Sequence[str]) -> torch.Tensor:
        """Probabilities (names, S, H, W). Raises `InputError` for a name without embedding."""
        queries = self.queries(names)
        values, prepared = self.prepared(sample)
        found = self.probabilities(values, queries).cpu()
        traced = MetaTensor(
            found, meta=prepared.meta, applied_operations=prepared.applied_operations
        )
        back: Any = self.steps.inverse(traced)  # type: ignore[no-untyped-call]  # MONAI's
        return torch.as_tensor(back.as_tensor()).permute(0, 3, 2, 1).to(self.device)

    def prepared(self, sample: Sample) -> tuple[torch.Tensor, MetaTensor]:
        """The network's values (r, a, s), and MONAI's record of how they came about.

        Raises `InputError` where the spacing is not known, or all values are the same.
        """
        if None in sample.spacing:
            raise InputError(
                f"SAT resamples volumes, and the spacing of case {sample.case.id} is not known. "
                "Use data whose header has it."
            )
        stored = np.ascontiguousarray(sample.values.transpose(2, 1, 0), np.float32)
        affine = torch.diag(torch.tensor([*sample.spacing[::-1], 1.0], dtype=torch.float64))
        if stored.max() <= 0 or stored.min() == stored.max():
            raise InputError(
                f"case {sample.case.id}: values from {stored.min():g} to {stored.max():g}; SAT "
                "cuts a volume to what is above 0 and needs more than one value there."
            )
        given = MetaTensor(torch.from_numpy(stored)[None], affine=affine)
        made: Any = self.steps(given)
        values = made.as_tensor()[0].numpy()
        ct = self.options["modality"] == "ct"
        low, high = CT if ct else (np.percentile(values, p) for p in PERCENTILES)
        values = np.clip(values, low, high)
        values = (values - values.mean()) / values.std()
        return torch.from_numpy(values.astype(np.float32)), made

    def on_grid(self, sample: Sample) -> torch.Tensor:
        """Probabilities (names, r, a, s) of all names on the resampled grid."""
        return self.probabilities(self.prepared(sample)[0], self.queries(self.classes))

    def queries(self, names: Sequence[str]) -> torch.Tensor:
        """(N, 768). Raises `InputError` for a name without embedding."""
        if unknown := [name for name in names if name.lower() not in self.embedded]:
            raise InputError(
                f"no embedding for {', '.join(unknown)}; the file of names has "
                f"{', '.join(self.embedded)}"
            )
        return torch.stack([self.embedded[name.lower()] for name in names]).to(self.device)

    def probabilities(self, values: torch.Tensor, names: torch.Tensor) -> torch.Tensor:
        """(r, a, s) and embeddings (names, 768) -> (names, r, a, s)."""
        shape = values.shape
        bell = importance(self.window).to(self.device)
        total = torch.zeros((len(names), *shape), device=self.device)
        weight = torch.zeros(shape, device=self.device)
        kind = precision(self.dtype)
        starts = (begins(n, side) for n, side in zip(shape, self.window, strict=True))
        for first in product(*starts):
            pairs = zip(first, self.window, strict=True)
            there = tuple(
                slice(a, min(a + side, n)) for (a, side), n in zip(pairs, shape, strict=True)
            )
            part = values[there]
            inner = tuple(slice(0, n) for n in part.shape)
            lacks = [s - n for s, n in zip(self.window, part.shape, strict=True)][::-1]
            filled = pad(part, [x for lack in lacks for x in (0, lack)]).to(self.device)
            with torch.autocast(
                torch.device(self.device).type, kind, enabled=kind is not torch.float32
            ):
                logits = self.net(filled.expand(1, 3, *self.window), names)
            total[(slice(None), *there)] += (
                logits.float().sigmoid()[(slice(None), *inner)] * bell[inner]
            )
            weight[there] += bell[inner]
        return total / weight


@dataclass(frozen=True, slots=True)
class Named:
    """One volume, asked for the structures that prompts name, or for all that the file names."""

    model: SatModel
    sample: Sample

    def ask(self, prompts: Sequence[Prompt]) -> Whole:
        """Raises `InputError` for a place, which the network knows nothing of."""
        model = self.model
        if not prompts:
            return Whole(model.classes, model.kind, model.maps(self.sample))
        for prompt in prompts:
            if not prompt.is_empty:
                raise InputError(
                    f"SAT is asked by names; the prompt for {prompt.label!r} of case "
                    f"{prompt.case} has a place. (--prompts text-3d)"
                )
        names = list(dict.fromkeys(prompt.text or prompt.label for prompt in prompts))
        maps = model.of_names(self.sample, names)
        maps = maps[[names.index(prompt.text or prompt.label) for prompt in prompts]]
        return Whole(tuple(prompt.label for prompt in prompts), model.kind, maps)

    def forget(self) -> None:
        """Nothing is kept between two questions."""


def begins(length: int, side: int) -> list[int]:
    """First voxels of the windows along an axis.

    >>> begins(300, 128), begins(100, 128)
    ([0, 64, 128, 172], [0])
    """
    half = side // 2
    count = max(math.ceil(length / half) - 1, 1)
    return [max(0, min(half * n, length - side)) for n in range(count)]


def importance(window: Sequence[int]) -> torch.Tensor:
    """`compute_gaussian`: a bell in half precision, nowhere 0."""
    bell = np.zeros(window)
    bell[tuple(side // 2 for side in window)] = 1
    bell = gaussian_filter(bell, [side * SIGMA for side in window], mode="constant")
    half = (bell / bell.max() * TOP).astype(np.float16)
    half[half == 0] = half[half != 0].min()
    return torch.from_numpy(half)


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> SatModel:
    """From a state dict and embeddings. Raises `InputError` naming what does not fit."""
    embedded = {k.removeprefix(TEXT): v for k, v in state.items() if k.startswith(TEXT)}
    weights = {k: v for k, v in state.items() if not k.startswith(TEXT)}
    width, hidden = sizes(weights, "projection_layer.2.weight", 768, 768)
    last = sizes(weights, "mask_embed_proj.0.weight", 256)[0]
    if not embedded or any(v.shape != (width,) for v in embedded.values()):
        wrong = ", ".join(f"{TEXT}{k} {tuple(v.shape)}" for k, v in embedded.items())
        raise InputError(
            f"the names' embeddings are a second file with tensors {TEXT}NAME of ({width},); got "
            f"{wrong or 'none'}. Make it with the release's text encoder and torch.save."
        )
    asked = str(options["classes"])
    names = list(embedded) if asked == "all" else [n.strip() for n in asked.split(",")]
    window = sides(str(options["window"]))
    stage = "backbone.encoder.stages.{}.0.convs.{}.conv.weight"
    widths = [sizes(weights, stage.format(n, 0), 64)[0] for n in range(STAGES)]
    count = sum(stage.format(0, n) in weights for n in range(9)) or 2
    with unfilled():
        net = Sat(widths, count, (hidden, last, width))
    load_strictly(net, weights)
    model = SatModel("sat", net, max(window), names, options, device, dtype)
    model.window, model.embedded = window, {k.lower(): v.float() for k, v in embedded.items()}
    try:
        model.queries(names)
    except InputError as error:
        raise UsageError(f"option classes: {error}") from None
    return model


def sides(said: str) -> tuple[int, ...]:
    """Of a window.

    >>> sides("288,288,96")
    (288, 288, 96)
    """
    parts = said.split(",")
    if len(parts) != 3 or not all(p.strip().isdecimal() and int(p) % COARSEST == 0 for p in parts):
        raise UsageError(f"option window: expected three multiples of {COARSEST}, got {said!r}")
    return tuple(map(int, parts))


def sizes(state: Mapping[str, torch.Tensor], key: str, *else_: int) -> tuple[int, ...]:
    return tuple(state[key].shape) if key in state else else_
