"""ZAP-2.5DSAM: SAM's encoder and prompt encoder as released, a decoder of its own, three views."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import interpolate, pad

from reproduce.models.millimetre import MillimetreModel
from reproduce.models.sam import build_sam, config_of, load_strictly
from reproduce.models.sam_encoder import FusedBlock, precision
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENLARGED, TOGETHER = 4, 4  # slices are enlarged fourfold; a token is the mean of four
WINDOW = 16  # tokens (--new_window_size), where SAM has 14
#: Axes (slices, rows, columns) of the three views; slices are told a click as (column, row).
VIEWS = ((0, 1, 2), (1, 2, 0), (2, 0, 1))


class Zap(MillimetreModel):
    """`test.py`: windows half their side apart, averaged with a bell (MONAI's)."""

    kind = "logit"

    def __init__(self, sam: Any, options: Mapping[str, Any], device: str, dtype: str) -> None:
        super().__init__("ZAP-2.5DSAM", options, device)
        self.sam: Any = sam.eval().to(device)
        self.window = int(sam.prompt_encoder.input_image_size[0]) // ENLARGED
        self.blocks = [FusedBlock(block, precision(dtype)) for block in sam.image_encoder.blocks]

    def scores(self, volume: torch.Tensor, clicks: NDArray[np.float64]) -> torch.Tensor:
        lacks = [max(self.window - n, 0) for n in volume.shape]
        around = [part for n in reversed(lacks) for part in (n // 2, n - n // 2)]
        padded = pad(volume, around).to(self.device)
        total, weight = torch.zeros_like(padded), torch.zeros_like(padded)
        bell = gaussian(self.window).to(self.device)
        for first in product(*(starts(n, self.window) for n in padded.shape)):
            there = tuple(slice(a, a + self.window) for a in first)
            weight[there] += bell
            # The release does not move its clicks with the padding.
            inside = clicks - np.array(first)
            inside = inside[((inside >= 0) & (inside <= self.window - 1)).all(axis=1)]
            if len(inside):
                total[there] += bell * self.logits(padded[there], inside)
        back = tuple(slice(n // 2, n // 2 + m) for n, m in zip(lacks, volume.shape, strict=True))
        return (total / weight)[back]

    def logits(self, window: torch.Tensor, clicks: NDArray[np.float64]) -> torch.Tensor:
        """(side, side, side) voxels and (N, 3) clicks in them -> logits of the same size."""
        total = torch.zeros_like(window)
        for axes in VIEWS:
            view = self._view(window.permute(axes), clicks[:, [axes[2], axes[1]]])
            total += view.permute(tuple(np.argsort(axes).tolist()))
        return total

    def _view(self, slices: torch.Tensor, xy: NDArray[np.float64]) -> torch.Tensor:
        """(S, H, W) slices and clicks (N, 2) as (column, row) -> (S, H, W) logits."""
        sam, decoder = self.sam, self.sam.volume_decoder
        points = torch.as_tensor(xy[None] * ENLARGED, dtype=torch.float32, device=self.device)
        labels = torch.ones(points.shape[:2], dtype=torch.int32, device=self.device)
        sparse, dense = sam.prompt_encoder(points=(points, labels), boxes=None, masks=None)
        tokens = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
        tokens = torch.cat([tokens[None], sparse], dim=1)
        features = self._features(slices) + dense
        seen, image = decoder.transformer(features, sam.prompt_encoder.get_dense_pe(), tokens)
        image = decoder.output_upscaling(image.transpose(1, 2).reshape(features.shape))
        weights = decoder.output_hypernetworks_mlp(seen[:, 1])
        masks = torch.einsum("sc,schw->shw", weights, image)
        return interpolate(masks[None, None], scale_factor=(TOGETHER, 1, 1), mode="trilinear")[0, 0]

    def _features(self, slices: torch.Tensor) -> torch.Tensor:
        """(S, H, W) -> (S / 4, C, g, g): the mean of four slices' patches is that of their mean."""
        encoder = self.sam.image_encoder
        means = slices.reshape(-1, TOGETHER, *slices.shape[1:]).mean(dim=1)[:, None]
        large = interpolate(means, scale_factor=ENLARGED, mode="bilinear")
        found = []
        for one in large:
            x = encoder.patch_embed(one.expand(1, 3, -1, -1))
            positions = encoder.pos_embed.permute(0, 3, 1, 2)
            x = x + interpolate(positions, x.shape[1:3], mode="bilinear").permute(0, 2, 3, 1)
            for block in self.blocks:
                block(x)
            found.append(encoder.neck(x.permute(0, 3, 1, 2)))
        return torch.cat(found)


def starts(length: int, side: int) -> list[int]:
    """Where windows begin along an axis: half a window apart, the last one at the end.

    >>> starts(300, 128), starts(128, 128)
    ([0, 64, 128, 172], [0])
    """
    half = side // 2
    count = 1 + -(-(length - side) // half)
    return [min(number * half, length - side) for number in range(count)]


def gaussian(side: int) -> torch.Tensor:
    """(side, side, side) weights, MONAI's `compute_importance_map` with sigma a quarter of it."""
    places = torch.arange(side) - (side - 1) / 2
    bell = torch.exp(-(places**2) / (2 * (0.25 * side) ** 2))
    cube = bell[:, None, None] * bell[None, :, None] * bell[None, None, :]
    return cube.clamp(min=max(float(cube.min()), 1e-3))


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> Zap:
    """From a SAM checkpoint, whose decoder is left out, and the release's decoder."""
    from segment_anything.modeling.mask_decoder import MLP
    from segment_anything.modeling.prompt_encoder import PromptEncoder

    config = config_of(state)
    width, side = config.prompt_embed_dim, int(options["image_size"])
    grid = side // config.patch
    with unfilled():
        sam: Any = build_sam(config)
        sam.prompt_encoder = PromptEncoder(width, (grid, grid), (side, side), config.mask_in_chans)
        decoder = sam.mask_decoder
        del sam.mask_decoder, decoder.output_hypernetworks_mlps, decoder.iou_prediction_head
        decoder.output_hypernetworks_mlp = MLP(width, width, width // 8, 3)
        sam.volume_decoder = decoder
    load_strictly(sam, {k: v for k, v in state.items() if not k.startswith("mask_decoder.")})
    for block in sam.image_encoder.blocks:
        block.window_size = WINDOW if block.window_size else 0
    return Zap(sam, options, device, dtype)
