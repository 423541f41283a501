"""Neuroverse3D: a U-Net of the target takes, level by level, what another makes of examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import gelu, interpolate

from catalog.errors import InputError, UsageError
from reproduce.contracts import Sample
from reproduce.models.sam import load_strictly
from reproduce.models.unfilled import unfilled
from reproduce.models.volumes import VolumeModel

IMAGES, LABELS = "context.images", "context.labels"
FIRST = "target_encoder.target_embedding.weight"
SMALLEST = 1e-8  # range of values


class Residual(nn.Module):
    """Two convolutions of 3 voxels beside the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        convs = (nn.Conv3d(width, width, 3, padding=1) for _ in range(2))
        self.layers = nn.Sequential(next(convs), nn.GELU(), next(convs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return gelu(x + self.layers(x))


class Mapped(nn.Module):
    """Examples lie along the batch here; the release's names have this level."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.module(x)
        return found


class Block(nn.Module):
    """Residual convolutions, then, where it joins, what the other side says added.

    own    name of the side: `context` (examples) or `target`
    joins  whether the other side's features come in, through a 1x1 convolution
    """

    def __init__(self, width: int, own: str, *, joins: bool) -> None:
        super().__init__()
        self.own, self.joins = own, joins
        unit = Residual(width)
        self.add_module(f"{own}_conv", Mapped(unit) if own == "context" else unit)
        if joins:
            self.add_module(f"combine_conv_{own}", Mapped(nn.Conv3d(2 * width, width, 1)))

    def forward(self, x: torch.Tensor, other: torch.Tensor | None = None) -> torch.Tensor:
        x = self.get_submodule(f"{self.own}_conv")(x)
        if other is None:
            return x
        # The other's features come first on the target's side, last on the examples'.
        both = [x, other] if self.own == "context" else [other, x]
        return gelu(x + self.get_submodule(f"combine_conv_{self.own}")(torch.cat(both, dim=1)))


def down(taken: int, given: int, own: str) -> nn.Module:
    made, conv = nn.Module(), nn.Conv3d(taken, given, 4, 2, 1)
    made.add_module(f"{own}_linear_layer", Mapped(conv) if own == "context" else conv)
    return made


def up(taken: int, given: int, own: str) -> nn.Module:
    made, conv = nn.Module(), nn.Conv3d(taken + given, given, 1)
    made.add_module(f"{own}_conv_layer", Mapped(conv) if own == "context" else conv)
    return made


class Side(nn.Module):
    """The levels of one side, downwards and upwards."""

    def __init__(self, widths: Sequence[int], own: str, *, downwards: bool, upwards: bool) -> None:
        super().__init__()
        self.own, pairs = own, list(pairwise(widths))
        examples = own == "context"
        enters = [Block(w, own, joins=examples) for w in widths[:-1]] if downwards else []
        bottom = [Block(widths[-1], own, joins=not examples)] if upwards else []
        self.enc_blocks = nn.ModuleList([*enters, *bottom])
        if downwards:
            self.downsample_blocks = nn.ModuleList(down(a, b, own) for a, b in pairs)
        if upwards:
            self.dec_blocks = nn.ModuleList(
                Block(a, own, joins=not examples) for a, _ in reversed(pairs)
            )
            self.upsample_blocks = nn.ModuleList(up(b, a, own) for a, b in reversed(pairs))

    def descend(
        self, x: torch.Tensor, others: Sequence[torch.Tensor] | None = None
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """The lowest level, and what lies beside each level above it."""
        beside = []
        for number, one in enumerate(self.downsample_blocks):
            other = None if others is None else others[number]
            x = self.enc_blocks[number](x, other)
            beside.append(x)
            x = one.get_submodule(f"{self.own}_linear_layer")(x)
        return x, beside

    def ascend(
        self,
        x: torch.Tensor,
        beside: Sequence[torch.Tensor],
        others: Sequence[torch.Tensor] | None = None,
    ) -> list[torch.Tensor]:
        """Features of each level from the lowest one up."""
        found = [self.enc_blocks[-1](x, None if others is None else others[0])]
        for number, (one, block) in enumerate(
            zip(self.upsample_blocks, self.dec_blocks, strict=True)
        ):
            large = interpolate(found[-1], scale_factor=2, mode="trilinear")
            both = torch.cat([large, beside[-1 - number]], dim=1)
            x = one.get_submodule(f"{self.own}_conv_layer")(both)
            found.append(block(x, None if others is None else others[1 + number]))
        return found


class Neuroverse(nn.Module):
    """(1, 1, d, h, w) and examples (N, 1, d, h, w) with masks alike -> (1, 1, d, h, w)."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.context_unet = Side(widths, "context", downwards=True, upwards=True)
        self.context_unet.context_embedding = Mapped(nn.Conv3d(2, widths[0], 1))
        self.target_encoder = Side(widths, "target", downwards=True, upwards=False)
        self.target_encoder.target_embedding = nn.Conv3d(1, widths[0], 1)
        self.target_decoder = Side(widths, "target", downwards=False, upwards=True)
        self.target_decoder.output_block = nn.Module()
        self.target_decoder.output_block.block = nn.Sequential(
            Residual(widths[0]), nn.Conv3d(widths[0], 1, 1)
        )

    def forward(
        self, target: torch.Tensor, images: torch.Tensor, masks: torch.Tensor
    ) -> torch.Tensor:
        """Examples are seen one by one; what they give is averaged."""
        encoder: Any = self.target_encoder
        lowest, beside = encoder.descend(encoder.target_embedding(target))
        examples: Any = self.context_unet
        means: list[torch.Tensor] = []
        for number, (image, mask) in enumerate(zip(images, masks, strict=True)):
            x = examples.context_embedding(torch.cat([image, mask])[None])
            seen = examples.ascend(*examples.descend(x, beside))
            share = 1 / (number + 1)
            means = [
                new * share + old * (1 - share) if number else new
                for new, old in zip(seen, means or seen, strict=True)
            ]
        decoder: Any = self.target_decoder
        found: torch.Tensor = decoder.output_block.block(decoder.ascend(lowest, beside, means)[-1])
        return found


class Neuroverse3d(VolumeModel):
    """`Inference.py`."""

    kind = "label"
    images: torch.Tensor  # (N, x, y, z) as in the file
    labels: torch.Tensor

    def maps(self, sample: Sample) -> torch.Tensor:
        numbers = numbers_of(self.labels)
        if len(numbers) != len(self.classes):
            raise UsageError(
                f"the examples hold labels {', '.join(f'{n:g}' for n in numbers)}, "
                f"option classes names {len(self.classes)}"
            )
        found = torch.zeros((self.side,) * 3, device=self.device)
        for number, answer in self.answers(sample, numbers):
            found[answer > 0.5] = number
        # The release's axes are (x, y, z).
        back = interpolate(found[None, None], sample.shape[::-1])[0, 0].permute(2, 1, 0)
        return torch.stack([(back == n).float() for n in numbers])

    def answers(
        self, sample: Sample, numbers: Sequence[float]
    ) -> Iterator[tuple[float, torch.Tensor]]:
        """Labels that the examples have at the network's size, and its answers (side, side, side).

        The background, which the release asks about too, is the first and changes nothing.
        """
        values = torch.from_numpy(np.array(sample.values, np.float32).transpose(2, 1, 0))
        target, images = unit(self.brought(values[None])), unit(self.brought(self.images))
        labels = self.brought(self.labels)
        for number in numbers:
            masks = (labels == number).float()
            if masks.any():
                yield number, self.net(target, images, unit(masks))[0, 0]

    def on_grid(self, sample: Sample) -> torch.Tensor:
        """The network's own answer about the first label, (1, side, side, side)."""
        _, answer = next(self.answers(sample, numbers_of(self.labels)))
        return answer[None]

    def brought(self, volumes: torch.Tensor) -> torch.Tensor:
        """(N, x, y, z) -> (N, 1, side, side, side) by nearest neighbour."""
        large = interpolate(volumes[:, None].float(), (self.side,) * 3)
        return large.to(self.device)


def numbers_of(labels: torch.Tensor) -> list[float]:
    """Numbers above the background that occur, in order."""
    return [n for n in np.unique(labels.numpy()).tolist() if n != 0]


def unit(volumes: torch.Tensor) -> torch.Tensor:
    """Each volume's own range to 0-1."""
    low, high = (f(volumes, dim=(-3, -2, -1), keepdim=True) for f in (torch.amin, torch.amax))
    return (volumes - low) / (high - low).clamp(min=SMALLEST)


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> Neuroverse3d:
    """From a state dict and the examples. Raises `InputError` naming what does not fit."""
    if dtype != "float32":
        raise InputError(f"neuroverse3d runs in float32, got {dtype}. Leave out --precision.")
    weights = dict(state)
    images, labels = weights.pop(IMAGES, None), weights.pop(LABELS, None)
    if images is None or labels is None or images.ndim != 4 or images.shape != labels.shape:
        got = [
            f"{n}: {'missing' if x is None else tuple(x.shape)}"
            for n, x in ((IMAGES, images), (LABELS, labels))
        ]
        raise InputError(
            "the examples are a second file with two tensors (N, x, y, z) of one shape; got "
            f"{', '.join(got)}. Make it of volumes and their label maps with torch.save("
            f"{{'{IMAGES}': ..., '{LABELS}': ...}}, FILE) and give it after the network's file."
        )
    numbers = [] if labels.device.type == "meta" else numbers_of(labels)
    if not numbers and labels.device.type != "meta":
        raise InputError(
            f"the examples hold no label above 0, so they show nothing to look for: mend {LABELS}"
        )
    levels = sum(
        key.startswith("target_encoder.downsample_blocks.") and key.endswith("weight")
        for key in weights
    )
    width = len(weights[FIRST]) if FIRST in weights else 32
    with unfilled():
        net = Neuroverse([width << level for level in range(levels + 1)])
    load_strictly(net, weights)
    given = str(options["classes"])
    names = [name.strip() for name in given.split(",")] if given else []
    names = names or [f"label {n:g}" for n in numbers]
    side = int(options["side"])
    model = Neuroverse3d("neuroverse3d", net, side, names, options, device, dtype)
    model.images, model.labels = images, labels
    return model
