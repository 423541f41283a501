"""Segment Anything's image encoder without its full attention matrices.

`segment_anything` writes the (heads, 4096, 4096) attention matrix several times per global block.
Here the decomposed relative positions (`add_decomposed_rel_pos`) become the additive mask of
`scaled_dot_product_attention`, made for a part of the queries and heads at a time; tokens that only
pad a window are not projected (their projection is the bias); and on a CPU every block works
through the image in strips, so that nothing larger than the cache or the allocator's reusable heap
is written. Same weights, same formula; the result differs by rounding.

With `dtype=torch.bfloat16` matrices are multiplied in that precision while the residual stream, the
normalisations and the relative positions' mask stay in float32.
"""

from __future__ import annotations

import torch
from segment_anything.modeling.image_encoder import (
    Attention,
    Block,
    ImageEncoderViT,
    get_rel_pos,
)
from torch import Tensor, nn
from torch.nn import functional

from catalog.errors import UsageError
from reproduce.models.products import by_onednn, product
from reproduce.models.unfilled import unfilled

LONG = 1024  # keys from which attention by hand is quicker, where it is at all
AT_ONCE = 256  # queries whose scores stay in the cache

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def precision(name: str) -> torch.dtype:
    """The torch type of a precision's name. Raises `UsageError` listing the known ones."""
    if name not in DTYPES:
        raise UsageError(f"precision: expected one of {', '.join(DTYPES)}; got {name!r}")
    return DTYPES[name]


def fused(encoder: nn.Module, dtype: torch.dtype = torch.float32) -> nn.Module:
    """The fused form of an encoder, or the encoder itself where it is not SAM's own.

    Methods that put adapters or LoRA layers into the blocks have other classes there, whose
    mathematics this module does not know; merge such weights first.
    """
    plain = type(encoder) is ImageEncoderViT and all(
        type(block) is Block
        and isinstance(block.attn, Attention)
        and type(block.attn) is Attention
        and block.attn.use_rel_pos
        and type(block.attn.qkv) is nn.Linear
        for block in encoder.get_submodule("blocks").children()
    )
    return FusedEncoder(encoder, dtype) if plain else encoder


class FusedEncoder(nn.Module):
    """Same mathematics as `ImageEncoderViT.forward`, with the parameters of `encoder`.

    Input (B, 3, side, side) float32, normalised; output (B, C, g, g) float32. For inference only:
    blocks change their input in place.
    """

    def __init__(self, encoder: ImageEncoderViT, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.patch_embed = encoder.patch_embed
        self.pos_embed = encoder.pos_embed
        self.blocks = nn.ModuleList(FusedBlock(block, dtype) for block in encoder.blocks)
        self.neck = encoder.neck

    def forward(self, images: Tensor) -> Tensor:
        x = self.patch_embed(images)
        x = x.contiguous() if self.pos_embed is None else x + self.pos_embed
        for block in self.blocks:
            block(x)
        features: Tensor = self.neck(x.permute(0, 3, 1, 2))
        return features


class FusedAttention(nn.Module):
    """The attention half of a block of `ImageEncoderViT`, in place; float32 parameters are shared.

    Methods with adapters put their own half after it.

    windows_first  windows are padded before the normalisation, so that padding tokens are its bias;
                   SAM itself pads with zeros after it
    """

    def __init__(
        self, block: Block, dtype: torch.dtype = torch.float32, windows_first: bool = False
    ) -> None:
        super().__init__()
        attention = block.attn
        self.window: int = block.window_size
        self.heads: int = attention.num_heads
        self.dtype = dtype
        self.norm1 = block.norm1
        self.qkv, self.proj = _cast(attention.qkv, dtype), _cast(attention.proj, dtype)
        self.rel_pos_h, self.rel_pos_w = attention.rel_pos_h, attention.rel_pos_w
        self.windows_first = windows_first

    def forward(self, x: Tensor) -> None:
        """Replace x, (B, H, W, C) float32."""
        self.attend(x)

    def attend(self, x: Tensor) -> None:
        """Add attention to x: the first half of the block."""
        rows = self.rows(x)
        if not self.window:
            self._everywhere(x, rows)
            return
        for start in range(0, x.shape[1], rows):
            strip = x[:, start : start + rows]
            strip += self._windowed(self.norm1(strip).to(self.dtype))

    def rows(self, x: Tensor) -> int:
        """How many rows of x to do at once: one row of windows, or as many tokens in a global
        block; a GPU wants all there is."""
        rows: int = (self.window or 16) if x.device.type == "cpu" else x.shape[1]
        return -(-rows // self.window) * self.window if self.window else rows

    def _everywhere(self, x: Tensor, rows: int) -> None:
        """Add global attention to x: keys and values of all tokens, queries strip by strip."""
        batch, height, width, channels = x.shape
        per_head = channels // self.heads
        weight, bias = self.qkv.weight, self.qkv.bias
        normed = self.norm1(x).to(self.dtype)
        kv = product(normed, weight[channels:], bias[channels:])
        # (B, tokens, 2, heads, c) -> k, v of (B, heads, tokens, c), as views
        k, v = kv.view(batch, -1, 2, self.heads, per_head).permute(2, 0, 3, 1, 4)
        to_rows = get_rel_pos(height, height, self.rel_pos_h).to(self.dtype)
        to_columns = get_rel_pos(width, width, self.rel_pos_w).to(self.dtype)
        for start in range(0, height, rows):
            strip = x[:, start : start + rows]
            part = normed[:, start : start + rows]
            q = product(part, weight[:channels], bias[:channels])
            q = q.view(batch, -1, self.heads, per_head).transpose(1, 2)
            out = _attend(q, k, v, to_rows[start : start + rows], to_columns)
            strip += _through(self.proj, out.transpose(1, 2).reshape(strip.shape))

    def _windowed(self, x: Tensor) -> Tensor:
        """(B, h, W, C) -> the same: attention inside windows, for whole rows of windows."""
        batch, height, width, channels = x.shape
        side, per_head = self.window, channels // self.heads
        high, wide = -(-height // side), -(-width // side)
        qkv = _through(self.qkv, x)
        if (high * side, wide * side) != (height, width):
            # Padding tokens take part: SAM pads with zeros before projecting, which gives the bias.
            padding = self.qkv.bias
            if self.windows_first:
                padding = self.qkv(self.norm1.bias.to(self.dtype))
            whole = qkv.new_empty((batch, high * side, wide * side, 3 * channels))
            whole[:, height:] = padding
            whole[:, :height, width:] = padding
            whole[:, :height, :width] = qkv
            qkv = whole
        tiles = qkv.view(batch, high, side, wide, side, 3, self.heads, per_head)
        # -> q, k, v of (windows, heads, tokens, c)
        q, k, v = tiles.permute(5, 0, 1, 3, 6, 2, 4, 7).reshape(
            3, -1, self.heads, side * side, per_head
        )
        to_rows = get_rel_pos(side, side, self.rel_pos_h).to(self.dtype)
        to_columns = get_rel_pos(side, side, self.rel_pos_w).to(self.dtype)
        out = _attend(q, k, v, to_rows, to_columns)
        out = out.view(batch, high, wide, self.heads, side, side, per_head)
        out = out.permute(0, 1, 4, 2, 5, 3, 6).reshape(batch, high * side, wide * side, channels)
        return _through(self.proj, out[:, :height, :width])


class FusedBlock(FusedAttention):
    """One transformer block of `ImageEncoderViT`, in place; float32 parameters are shared."""

    def __init__(self, block: Block, dtype: torch.dtype) -> None:
        super().__init__(block, dtype)
        self.norm2 = block.norm2
        self.lin1, self.lin2 = _cast(block.mlp.lin1, dtype), _cast(block.mlp.lin2, dtype)
        self.act = block.mlp.act

    def forward(self, x: Tensor) -> None:
        """Replace x, (B, H, W, C) float32, by the block's output."""
        self.attend(x)
        self.feed(x)

    def feed(self, x: Tensor) -> None:
        """Add the perceptron to x: the second half."""
        rows = self.rows(x)
        for start in range(0, x.shape[1], rows):
            strip = x[:, start : start + rows]
            wide = _through(self.lin1, self.norm2(strip).to(self.dtype))
            strip += _through(self.lin2, self.act(wide))


def _attend(q: Tensor, k: Tensor, v: Tensor, to_rows: Tensor, to_columns: Tensor) -> Tensor:
    """Attention with decomposed relative positions (`add_decomposed_rel_pos`).

    q (B, heads, h * w, c), k and v (B, heads, H * W, c); to_rows (h, H, c) and to_columns (w, W, c)
    hold the embedding of every key row (column) seen from every query row (column).
    """
    batch, heads, queries, channels = q.shape
    height, width = to_rows.shape[0], to_columns.shape[0]
    keys = k.shape[2]
    grid = q.reshape(batch * heads, height, width, channels)
    by_row = torch.einsum("bhwc,hkc->bhwk", grid, to_rows).float()
    by_column = torch.einsum("bhwc,wkc->bhwk", grid, to_columns).float()
    if keys >= LONG and by_onednn(q):
        return _attend_by_hand(q, k, v, by_row.flatten(1, 2), by_column.flatten(1, 2))
    by_row = by_row.reshape(batch, heads, queries, -1, 1)
    by_column = by_column.reshape(batch, heads, queries, 1, to_columns.shape[1])
    at_once = max(1, _mask_bytes(q.device) // (4 * queries * keys))
    step_heads = min(heads, at_once)
    step = max(1, min(batch, at_once // step_heads))
    out = torch.empty_like(q, memory_format=torch.contiguous_format)
    for b in range(0, batch, step):
        for h in range(0, heads, step_heads):
            part = (slice(b, b + step), slice(h, h + step_heads))
            mask = (by_row[part] + by_column[part]).flatten(3)
            if q.device.type != "cpu":  # only the CPU's kernel takes a mask of higher precision
                mask = mask.to(q.dtype)
            out[part] = functional.scaled_dot_product_attention(
                q[part], k[part], v[part], attn_mask=mask
            )
    return out


def _attend_by_hand(q: Tensor, k: Tensor, v: Tensor, by_row: Tensor, by_column: Tensor) -> Tensor:
    """Attention as products, a few queries of one head at a time: the scores stay in the cache.

    q (B, heads, queries, c); by_row (B * heads, queries, H) and by_column (B * heads, queries, W)
    are added to the scores of keys in row and column.
    """
    out = torch.empty_like(q, memory_format=torch.contiguous_format)
    scale = q.shape[-1] ** -0.5
    for pair in range(q.shape[0] * q.shape[1]):
        one = divmod(pair, q.shape[1])
        keys, values = k[one].contiguous(), v[one].t().contiguous()
        queries = q[one] * scale
        for start in range(0, len(queries), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            scores = product(queries[part], keys)
            grid = scores.view(len(scores), by_row.shape[-1], by_column.shape[-1])
            grid += by_row[pair, part, :, None]
            grid += by_column[pair, part, None, :]
            out[one][part] = product(scores.softmax(-1), values)
    return out


def _through(linear: nn.Linear, x: Tensor) -> Tensor:
    return product(x, linear.weight, linear.bias)


def _mask_bytes(device: torch.device) -> int:
    """How large a part of the additive mask to make at once: enough work for every thread."""
    return 2 << 30 if device.type == "cuda" else (8 << 20) * torch.get_num_threads()


def _cast(linear: nn.Linear, dtype: torch.dtype) -> nn.Linear:
    """The layer itself in float32, a copy in any other precision."""
    if linear.weight.dtype == dtype:
        return linear
    with unfilled():
        copy = nn.Linear(linear.in_features, linear.out_features)
    copy.weight = nn.Parameter(linear.weight.to(dtype), requires_grad=False)
    copy.bias = nn.Parameter(linear.bias.to(dtype), requires_grad=False)
    return copy
