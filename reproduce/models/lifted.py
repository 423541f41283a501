"""SAM ViT-B lifted to 3D by 3DSAM-adapter; ProMISe is the same with a few parts more.

A cube is enlarged fourfold and cut into slices; SAM's patches of 16 slices become one token. Blocks
attend within cubic windows, those with an even number within shifted ones. The clicks change the
deepest of four levels of features, and a head of convolutions makes two channels of them all.
Axes inside the network are (rows, columns, planes).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from segment_anything.modeling.common import MLPBlock
from segment_anything.modeling.image_encoder import PatchEmbed, get_rel_pos
from segment_anything.modeling.transformer import TwoWayAttentionBlock
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, grid_sample, interpolate, relu
from torch.nn.functional import scaled_dot_product_attention as attention

from catalog.errors import InputError

PATCH, ENLARGED, QUERIES = 16, 4, 10
WINDOWS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes that a state dict shows. `grid`: tokens along an axis; `window`: of them in a window;
    `tables`: rows of each block's relative positions; `back`: a second adapter behind each block
    and ProMISe's head."""

    width: int
    heads: int
    grid: int
    positions: int
    window: int
    tables: tuple[int, ...]
    out: int
    head: int
    prompt_heads: int
    prompt_mlp: int
    back: bool

    @property
    def side(self) -> int:
        """Voxels of the cube along an axis."""
        return self.grid * PATCH // ENLARGED


class Adapter3d(nn.Module):
    """A narrow depth-wise convolution over all three axes, added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        narrow = width // 2
        self.linear1 = nn.Linear(width, narrow)
        self.conv = nn.Conv3d(narrow, narrow, 3, padding=1, groups=narrow)
        self.linear2 = nn.Linear(narrow, width)

    def forward(self, x: Tensor) -> Tensor:
        inner = relu(self.linear1(x)).permute(0, 4, 1, 2, 3)
        return x + relu(self.linear2(relu(self.conv(inner)).permute(0, 2, 3, 4, 1)))


class CubicAttention(nn.Module):
    """SAM's attention with relative positions along three axes, weighted by `lr`."""

    def __init__(self, width: int, heads: int, table: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        for axis in "hwd":
            self.register_parameter(
                f"rel_pos_{axis}", nn.Parameter(torch.empty(table, width // heads))
            )
        self.lr = nn.Parameter(torch.empty(()))

    def forward(self, windows: Tensor, mask: Tensor | None) -> Tensor:
        """(n, w, w, w, C) windows; mask (n, w^3, w^3) is added to the attention's logits."""
        count, side = windows.shape[:2]
        qkv = self.qkv(windows).reshape(count, side**3, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        cube = q.reshape(count, self.heads, side, side, side, -1)
        tables = [
            get_rel_pos(side, side, getattr(self, f"rel_pos_{axis}")) * self.lr for axis in "hwd"
        ]
        by_row = torch.einsum("nahwdc,hkc->nahwdk", cube, tables[0])
        by_column = torch.einsum("nahwdc,wkc->nahwdk", cube, tables[1])
        by_plane = torch.einsum("nahwdc,dkc->nahwdk", cube, tables[2])
        added = by_row[..., :, None, None] + by_column[..., None, :, None]
        added = (added + by_plane[..., None, None, :]).reshape(count, self.heads, side**3, side**3)
        if mask is not None:
            added = added + mask[:, None]
        out = attention(q, k, v, attn_mask=added).transpose(1, 2).reshape(windows.shape)
        projected: Tensor = self.proj(out)
        return projected


class Block3d(nn.Module):
    """Adapter, attention in cubic windows, perceptron."""

    def __init__(self, sizes: Sizes, number: int) -> None:
        super().__init__()
        width, window = sizes.width, sizes.window
        self.window, self.shift = window, window // 2 if number % 2 == 0 else 0
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = CubicAttention(width, sizes.heads, sizes.tables[number])
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = MLPBlock(width, 4 * width)
        self.adapter = Adapter3d(width)
        self.adapter_back = Adapter3d(width) if sizes.back else None
        mask = torch.empty((sizes.grid // window) ** 3, window**3, window**3)
        self.register_buffer("attn_mask", mask if self.shift else None)

    def forward(self, x: Tensor) -> Tensor:
        x = self.adapter(x)
        x = x + self._attended(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return x if self.adapter_back is None else x + self.adapter_back(x)

    def _attended(self, x: Tensor) -> Tensor:
        side, count = self.window, x.shape[1] // self.window
        if self.shift:
            x = torch.roll(x, (-self.shift,) * 3, (1, 2, 3))
        parts = x.reshape(count, side, count, side, count, side, -1).permute(0, 2, 4, 1, 3, 5, 6)
        windows = parts.reshape(count**3, side, side, side, -1)
        found = torch.empty_like(windows)
        mask: Any = self.attn_mask
        for start in range(0, len(windows), WINDOWS_AT_ONCE):
            part = slice(start, start + WINDOWS_AT_ONCE)
            found[part] = self.attn(windows[part], None if mask is None else mask[part])
        back = found.reshape(count, count, count, side, side, side, -1).permute(0, 3, 1, 4, 2, 5, 6)
        back = back.reshape(x.shape)
        return torch.roll(back, (self.shift,) * 3, (1, 2, 3)) if self.shift else back


class LayerNorm3d(nn.Module):
    """Over channels, as SAM's LayerNorm2d."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        x = x - x.mean(1, keepdim=True)
        x = x / torch.sqrt(x.pow(2).mean(1, keepdim=True) + 1e-6)
        return self.weight[:, None, None, None] * x + self.bias[:, None, None, None]


class Encoder3d(nn.Module):
    """(side, side, side) standardised voxels, planes first -> four levels (1, C, g, g, g)."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width, out = sizes.width, sizes.out
        self.grid = sizes.grid
        self.patch_embed = PatchEmbed((PATCH, PATCH), (PATCH, PATCH), embed_dim=width)
        self.slice_embed = nn.Conv3d(width, width, (1, 1, PATCH), (1, 1, PATCH), groups=width)
        self.pos_embed = nn.Parameter(torch.empty(1, sizes.positions, sizes.positions, width))
        self.depth_embed = nn.Parameter(torch.empty(1, sizes.grid, width))
        self.blocks = nn.ModuleList(Block3d(sizes, i) for i in range(len(sizes.tables)))
        self.neck_3d = nn.ModuleList(
            nn.Sequential(
                nn.Conv3d(width, out, 1, bias=False),
                LayerNorm3d(out),
                nn.Conv3d(out, out, 3, padding=1, bias=False),
                LayerNorm3d(out),
            )
            for _ in range(4)
        )

    def forward(self, cube: Tensor) -> list[Tensor]:
        x = self._tokens(cube)
        levels = []
        for number, block in enumerate(self.blocks, 1):
            x = block(x)
            if number % 3 == 0:
                levels.append(self.neck_3d[number // 3 - 1](x.permute(0, 4, 1, 2, 3)))
        return levels

    def _tokens(self, cube: Tensor) -> Tensor:
        """(1, g, g, g, C), one plane of tokens after the other."""
        many = (cube.shape[0] * ENLARGED, *cube.shape[1:])
        slices = interpolate(cube[None, None], many, mode="trilinear")[0, 0]
        weight = self.slice_embed.weight[:, 0, 0, 0]
        planes = []
        for group in torch.split(slices, PATCH):
            large = interpolate(group[:, None], scale_factor=ENLARGED, mode="bilinear")
            patches = self.patch_embed(large.expand(-1, 3, -1, -1))
            planes.append(torch.einsum("shwc,cs->hwc", patches, weight))
        bias = self.slice_embed.bias
        assert bias is not None
        x = torch.stack(planes, dim=2) + bias
        kernel = self.pos_embed.shape[1] // self.grid
        positions = avg_pool2d(self.pos_embed.permute(0, 3, 1, 2), kernel).permute(0, 2, 3, 1)
        return x[None] + positions[:, :, :, None] + self.depth_embed[:, None, None]


class ClickBlock(TwoWayAttentionBlock):  # type: ignore[misc]  # segment_anything is untyped
    """SAM's layer with ten learned queries; what attends to the image in it is not used."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes.out, sizes.prompt_heads, sizes.prompt_mlp)
        self.global_query = nn.Parameter(torch.empty(1, QUERIES, sizes.out))

    def forward(self, image: Tensor, clicks: Tensor) -> tuple[Tensor, Tensor]:
        tokens = torch.cat([self.global_query, clicks], dim=1)
        tokens = self.norm2(tokens + self.norm1(self.self_attn(tokens, tokens, tokens)))
        queries, clicks = tokens[:, :QUERIES], tokens[:, QUERIES:]
        queries = self.norm3(queries + self.mlp(queries))
        image = self.norm4(image + self.cross_attn_image_to_token(image, queries, queries))
        return image, clicks


class ClickEncoder(nn.Module):
    """The deepest features changed by clicks. Positional encodings, which the release makes and
    never uses, are left out but for the tensor that the file has."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.empty(3, sizes.out // 2))
        self.transformer = nn.Module()
        self.transformer.layers = nn.ModuleList(ClickBlock(sizes) for _ in range(2))

    def forward(self, features: Tensor, clicks: Tensor, side: int) -> Tensor:
        """clicks (N, 3) in voxels of the cube, each (plane, column, row) as the release gives
        them."""
        at = ((clicks + 0.5) * 2 / side - 1).reshape(1, 1, 1, -1, 3)
        seen = grid_sample(features, at, align_corners=False).flatten(2).transpose(1, 2)
        image = features.flatten(2).transpose(1, 2)
        for layer in self.transformer.layers:  # type: ignore[union-attr]  # a ModuleList
            image, seen = layer(image, seen)
        return image.transpose(1, 2).reshape(features.shape)


def convolved(*channels: int) -> list[nn.Module]:
    """Convolution, normalisation and ReLU from each number of channels to the next."""
    steps: list[nn.Module] = []
    for before, after in pairwise(channels):
        steps += [
            nn.Conv3d(before, after, 3, padding=1, bias=False),
            nn.InstanceNorm3d(after),
            nn.ReLU(),
        ]
    return steps


class Head(nn.Module):
    """Four levels and the cube itself at half its side -> two channels."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.head
        self.mlahead = nn.Module()
        for level in range(2, 6):
            self.mlahead.add_module(
                f"head{level}", nn.Sequential(*convolved(sizes.out, width, width))
            )
            if sizes.back:
                self.mlahead.add_module(f"up{level}", nn.ConvTranspose3d(width, width, 2, stride=2))
        last = nn.Conv3d(width, 2, 3, padding=1, bias=False)
        self.back = sizes.back
        if sizes.back:
            self.image_feature_extractor = nn.Sequential(*convolved(1, width, width))
            self.head = nn.Sequential(*convolved(5 * width + 1, width), last)
        else:
            self.cls = nn.Sequential(*convolved(4 * width + 1, width), last)

    def forward(self, levels: list[Tensor], cube: Tensor) -> Tensor:
        """cube (1, 1, rows, columns, planes) -> (1, 2, rows, columns, planes)."""
        parts = []
        for number, level in enumerate(levels, 2):
            found = self.mlahead.get_submodule(f"head{number}")(level)
            if self.back:
                parts.append(self.mlahead.get_submodule(f"up{number}")(found))
            else:
                parts.append(_doubled(found))
        half = interpolate(cube, scale_factor=0.5, mode="trilinear")
        if self.back:
            parts.append(self.image_feature_extractor(half))
        last = self.head if self.back else self.cls
        return _doubled(last(torch.cat([*parts, half], dim=1)))


def _doubled(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2, mode="trilinear", align_corners=True)


class Lifted(nn.Module):
    """The three parts under the names of the layouts `3dsam-adapter` and `promise`."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.side = sizes.side
        self.image_encoder = Encoder3d(sizes)
        self.prompt_encoder = ClickEncoder(sizes)
        self.mask_decoder = Head(sizes)

    def forward(self, cube: Tensor, clicks: Tensor) -> Tensor:
        """(side, side, side) voxels, planes first, and (N, 3) clicks as `ClickEncoder` takes them
        -> (2, side, side, side) logits, planes first."""
        levels = self.image_encoder(cube)
        levels[-1] = self.prompt_encoder(levels[-1], clicks, self.side)
        found: Tensor = self.mask_decoder(levels, cube.permute(1, 2, 0)[None, None])
        return found[0].permute(0, 3, 1, 2)


def sizes_of(state: Mapping[str, Tensor], heads: int = 8) -> Sizes:
    """Raises `InputError` where a tensor that shows a size is absent.

    heads  of the prompt encoder, which no shape shows: 8 in both releases
    """
    encoder = "image_encoder."
    needed = {
        "pos": f"{encoder}pos_embed",
        "depth": f"{encoder}depth_embed",
        "mask": f"{encoder}blocks.0.attn_mask",
        "rel": f"{encoder}blocks.0.attn.rel_pos_h",
        "neck": f"{encoder}neck_3d.0.0.weight",
        "mlp": "prompt_encoder.transformer.layers.0.mlp.lin1.weight",
        "head": "mask_decoder.mlahead.head2.0.weight",
    }
    if absent := [name for name in needed.values() if name not in state]:
        raise InputError(
            "the checkpoint is not a SAM lifted to 3D: expected, among others, "
            f"{', '.join(absent)}; got {len(state)} tensors."
        )
    shape = {name: tuple(state[key].shape) for name, key in needed.items()}
    blocks = {int(key.split(".")[2]) for key in state if key.startswith(f"{encoder}blocks.")}
    tables = tuple(
        len(state.get(f"{encoder}blocks.{i}.attn.rel_pos_h", ())) for i in range(len(blocks))
    )
    return Sizes(
        width=shape["pos"][3],
        heads=shape["pos"][3] // shape["rel"][1],
        grid=shape["depth"][1],
        positions=shape["pos"][1],
        window=round(shape["mask"][1] ** (1 / 3)),
        tables=tables,
        out=shape["neck"][0],
        head=shape["head"][0],
        prompt_heads=heads,
        prompt_mlp=shape["mlp"][0],
        back=f"{encoder}blocks.0.adapter_back.linear1.weight" in state,
    )
