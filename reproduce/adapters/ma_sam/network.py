"""MA-SAM: SAM with FacT factors in its attention and adapters that mix neighbouring slices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import gelu

from catalog.errors import InputError
from reproduce.models.decoders import enlarge_sixteenfold
from reproduce.models.sam import SamConfig, build_sam, config_of, load_strictly, resize_positions
from reproduce.models.sam_encoder import FusedBlock, precision
from reproduce.models.unfilled import unfilled
from reproduce.models.windows import WindowModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

BTCV = (
    "spleen",
    "right kidney",
    "left kidney",
    "gallbladder",
    "esophagus",
    "liver",
    "stomach",
    "aorta",
    "inferior vena cava",
    "portal and splenic vein",
    "pancreas",
    "adrenal gland",  # both; 12 and 13 of the files
)
LOW_HU, HIGH_HU = -200, 250
MEAN, DEVIATION = 50.21997497685108, 68.47153712416372  # of the training set, at 0-255

SHARED = ("image_encoder.FacTu.weight", "image_encoder.FacTv.weight")
BOTH = ("", "_2")  # before attention, before the perceptron


class MaSam(WindowModel):
    """`MA-SAM/test.py`: five slices as one batch, softmax summed over windows, argmax."""

    planes = 5

    def __init__(self, sam: Any, options: Mapping[str, Any], device: str, dtype: str) -> None:
        count = sam.mask_decoder.num_mask_tokens - 1
        names = BTCV if count == len(BTCV) else [f"class {i}" for i in range(1, count + 1)]
        super().__init__("ma-sam", names, options, device)
        self.sam: Any = sam.eval().to(device)
        self.side = int(sam.prompt_encoder.input_image_size[0])
        self.encoder = SliceEncoder(self.sam.image_encoder, precision(dtype))
        self.turned = (-2, -1) if options["stored"] == "ras" else (-2,)

    def pixels(self, window: NDArray[Any]) -> NDArray[np.float32]:
        clipped = np.clip(window, LOW_HU, HIGH_HU)
        values: NDArray[Any] = (clipped - LOW_HU) / (HIGH_HU - LOW_HU) * 255.0
        values = (values.astype(np.float32) - MEAN) / DEVIATION
        values = (values - values.min()) / (values.max() - values.min() + 1e-8)
        shown = resized(np.flip(values, self.turned), self.side, self.side)
        return np.repeat(shown.astype(np.float32)[:, None], 3, axis=1)

    def logits(self, pixels: torch.Tensor) -> torch.Tensor:
        net = self.sam
        sparse, dense = net.prompt_encoder(points=None, boxes=None, masks=None)
        masks: torch.Tensor
        masks, _ = net.mask_decoder.predict_masks(
            image_embeddings=self.encoder(pixels),
            image_pe=net.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
        )
        return masks  # as large as the input: the decoder enlarges sixteenfold

    def to_planes(self, probability: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        back = resized(probability.cpu().numpy(), *shape)
        return torch.from_numpy(np.flip(back, self.turned).copy()).to(probability.device)


def resized(planes: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """(..., h, w) planes, SciPy's cubic `zoom`; those that have the size stay as they are."""
    from scipy.ndimage import zoom

    if planes.shape[-2:] == (height, width):
        return planes
    factors = (height / planes.shape[-2], width / planes.shape[-1])
    flat = [zoom(one, factors, order=3) for one in planes.reshape(-1, *planes.shape[-2:])]
    return np.stack(flat).reshape(*planes.shape[:-2], height, width)


class SliceEncoder(nn.Module):
    """SAM's encoder over neighbouring slices, (k, 3, side, side) -> (k, C, g, g)."""

    def __init__(self, encoder: Any, dtype: torch.dtype) -> None:
        super().__init__()
        self.net = encoder
        self.halves = nn.ModuleList(FusedBlock(block, dtype) for block in encoder.blocks)

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        x = self.net.patch_embed(slices) + self.net.pos_embed
        for block, halves in zip(self.net.blocks, self.halves, strict=True):
            assert isinstance(halves, FusedBlock)
            for suffix, half in zip(BOTH, (halves.attend, halves.feed), strict=True):
                x += mixed(block, suffix, x)
                half(x)
        features: torch.Tensor = self.net.neck(x.permute(0, 3, 1, 2))
        return features


def mixed(block: Any, suffix: str, x: torch.Tensor) -> torch.Tensor:
    """What an adapter adds: tokens (k, H, W, C) narrowed, mixed with those of the slices beside
    them, widened."""
    norm, down, conv, up = (
        getattr(block, f"adapter_{part}{suffix}")
        for part in ("norm", "linear_down", "conv", "linear_up")
    )
    narrow = conv(down(norm(x)).permute(3, 0, 1, 2)[None])[0].permute(1, 2, 3, 0)
    added: torch.Tensor = up(gelu(narrow))
    return added


def add_adapters(block: Any, width: int, narrow: int) -> None:
    """The two adapters of a block, under the names of the release."""
    for suffix in BOTH:
        for part, module in (
            ("norm", nn.LayerNorm(width, eps=1e-6)),
            ("linear_down", nn.Linear(width, narrow, bias=False)),
            ("conv", nn.Conv3d(narrow, narrow, (3, 1, 1), padding="same")),
            ("linear_up", nn.Linear(narrow, width, bias=False)),
        ):
            block.add_module(f"adapter_{part}{suffix}", module)


def with_factors(state: Mapping[str, torch.Tensor], config: SamConfig) -> dict[str, torch.Tensor]:
    """The tensor-train factors multiplied into the weights of q and v, and gone.

    Each block adds V Q_i U to its rows of q and V V_i U to those of v, U and V shared by all.
    Raises `InputError` for factors that are absent or do not fit.
    """
    merged = {key: value for key, value in state.items() if key not in SHARED}
    rank = state[SHARED[0]].shape[0] if SHARED[0] in state else 0
    width = config.embed_dim
    expected = {SHARED[0]: (rank, width), SHARED[1]: (width, rank)}
    expected |= {f"{p}_FacTs_{i:03d}": (rank, rank) for i in range(config.depth) for p in "qv"}
    problems = [
        f"{name}: expected {shape}, got {tuple(state[name].shape) if name in state else 'nothing'}"
        for name, shape in expected.items()
        if name not in state or tuple(state[name].shape) != shape
    ]
    if problems:
        raise InputError(
            "the FacT factors of MA-SAM do not fit the SAM checkpoint:\n  "
            + "\n  ".join(problems)
            + "\nGive both files, of the same size of SAM."
        )
    u, v = (state[name].double() for name in SHARED)
    for i in range(config.depth):
        target = f"image_encoder.blocks.{i}.attn.qkv.weight"
        q_factor, v_factor = (merged.pop(f"{part}_FacTs_{i:03d}").double() for part in "qv")
        weight = merged[target].clone()
        weight[:width] += (v @ q_factor @ u).to(weight.dtype)
        weight[-width:] += (v @ v_factor @ u).to(weight.dtype)
        merged[target] = weight
    return merged


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> MaSam:
    """MA-SAM from a SAM checkpoint (encoder) with the release's file laid over it."""
    plain = {
        re.sub(
            r"^image_encoder\.ImageEncoderViT\.blocks\.(\d+)\.Block\.",
            r"image_encoder.blocks.\1.",
            k,
        ): v
        for k, v in state.items()
    }
    config = config_of(plain)
    side = int(options["image_size"])
    merged = with_factors(plain, config)
    merged = resize_positions(merged, side, config.global_attn_indexes)
    narrow = merged.get("image_encoder.blocks.0.adapter_conv.bias")
    with unfilled():
        sam: Any = build_sam(replace(config, image_size=side))
        for block in sam.image_encoder.blocks:
            add_adapters(block, config.embed_dim, 384 if narrow is None else len(narrow))
        enlarge_sixteenfold(sam.mask_decoder, config.prompt_embed_dim)
    load_strictly(sam, merged)
    return MaSam(sam, options, device, dtype)
