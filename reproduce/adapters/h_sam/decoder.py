"""The two mask decoders of H-SAM, on `segment_anything`'s parts and under the checkpoint's names.

The first decodes as SAM does, but its tokens look at the image before they look at each other. The
second takes the first one's masks as weights of its attention and its upscaled image as a skip
connection.
"""

from __future__ import annotations

import torch
from segment_anything.modeling import MaskDecoder, TwoWayTransformer
from segment_anything.modeling.common import LayerNorm2d, MLPBlock
from segment_anything.modeling.mask_decoder import MLP
from segment_anything.modeling.transformer import Attention, TwoWayAttentionBlock
from torch import nn

WIDTH = 256


class CrossFirstBlock(TwoWayAttentionBlock):  # type: ignore[misc]  # segment_anything is untyped
    """SAM's block in another order: tokens to image, tokens to tokens, MLP, image to tokens."""

    def forward(
        self,
        queries: torch.Tensor,
        keys: torch.Tensor,
        query_pe: torch.Tensor,
        key_pe: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        seen = self.cross_attn_token_to_image(q=queries + query_pe, k=keys + key_pe, v=keys)
        queries = self.norm2(queries + seen)
        if self.skip_first_layer_pe:
            queries = self.self_attn(q=queries, k=queries, v=queries)
        else:
            q = queries + query_pe
            queries = queries + self.self_attn(q=q, k=q, v=queries)
        queries = self.norm1(queries)
        queries = self.norm3(queries + self.mlp(queries))
        told = self.cross_attn_image_to_token(q=keys + key_pe, k=queries + query_pe, v=queries)
        return queries, self.norm4(keys + told)


class MaskedAttention(Attention):  # type: ignore[misc]  # segment_anything is untyped
    """Attention whose weights are multiplied, after softmax, by class probabilities per place.

    `weights` (B, classes, places) is set by the decoder before each pass. The three norms are in
    the checkpoint and used nowhere in the release. A line of the release that zeroes rows whose
    logits sum exactly to the number of keys is left out: real numbers do not do that.
    """

    def __init__(self, width: int, heads: int, classes: int) -> None:
        super().__init__(width, heads)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(n) for n in (196, classes, 1024))
        self.weights = torch.empty(0)

    def forward(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        q, k, v = (
            self._separate_heads(project(x), self.num_heads)
            for project, x in ((self.q_proj, q), (self.k_proj, k), (self.v_proj, v))
        )
        attention = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(dim=-1)
        weights = self.weights[:, None]
        if attention.shape[-1] != weights.shape[-1]:  # the image asks, the tokens answer
            weights = weights.transpose(-1, -2)
        out: torch.Tensor = self.out_proj(self._recombine_heads((attention * weights) @ v))
        return out


def _transformer() -> TwoWayTransformer:
    transformer = TwoWayTransformer(depth=2, embedding_dim=WIDTH, mlp_dim=2048, num_heads=8)
    for layer in transformer.layers:
        layer.__class__ = CrossFirstBlock
    return transformer


class FirstDecoder(MaskDecoder):  # type: ignore[misc]  # segment_anything is untyped
    """SAM's decoder with one mask token per class; also gives what the second one needs."""

    def __init__(self, classes: int) -> None:
        super().__init__(
            transformer_dim=WIDTH,
            transformer=_transformer(),
            num_multimask_outputs=classes - 1,
            iou_head_depth=3,
            iou_head_hidden_dim=256,
        )

    def decode(
        self, features: torch.Tensor, positions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(1, 256, g, g) -> masks (1, classes, 4g, 4g), upscaled image (1, 32, 4g, 4g)."""
        tokens = torch.cat([self.iou_token.weight, self.mask_tokens.weight])[None]
        out, image = self.transformer(features, positions, tokens)
        upscaled = self.output_upscaling(image.transpose(1, 2).reshape(features.shape))
        return _masks(self.output_hypernetworks_mlps, out[:, 1:], upscaled), upscaled


class SecondDecoder(nn.Module):
    """From the first decoder's masks to masks of four times their side."""

    def __init__(self, classes: int, grid: int) -> None:
        super().__init__()
        self.transformer2 = _transformer()
        for layer in self.transformer2.layers:
            layer.cross_attn_token_to_image = MaskedAttention(WIDTH, 8, classes)
            layer.cross_attn_image_to_token = MaskedAttention(WIDTH, 8, classes)
        self.mask_tokens = nn.Embedding(classes, WIDTH)
        self.output_upscaling = nn.Sequential(*_doubling(256, 64, norm=True), *_doubling(64, 32))
        self.skip_connect = nn.Sequential(
            *_doubling(64, 32, norm=True), *_doubling(32, 16, norm=True)
        )
        self.output_hypernetworks_mlps2 = nn.ModuleList(
            [MLP(WIDTH, WIDTH, 16, 5) for _ in range(classes)]
        )
        self.iou_prediction_head = MLP(WIDTH, 256, classes, 3)
        # From here on: in the checkpoint, without influence on the masks. The release squeezes the
        # classes to one channel and takes its softmax over channels, which is 1 everywhere.
        places = grid * grid
        heads = 8 if places % 8 == 0 else 7
        self.self_attn, self.self_attn2 = Attention(places, heads), Attention(places, heads)
        self.norm1, self.norm2 = nn.LayerNorm(places), nn.LayerNorm(places)
        self.mlp = MLPBlock(places, 2048, nn.ReLU)
        self.med_sel = nn.Sequential(nn.Linear(classes, 1), nn.ReLU())

    def decode(
        self,
        features: torch.Tensor,
        positions: torch.Tensor,
        weights: torch.Tensor,
        upscaled: torch.Tensor,
    ) -> torch.Tensor:
        """(1, 256, g, g), class logits (1, classes, g, g) -> masks (1, classes, 16g, 16g)."""
        for layer in self.transformer2.layers:
            for attention in (layer.cross_attn_token_to_image, layer.cross_attn_image_to_token):
                attention.weights = weights.softmax(dim=1).flatten(2)
        # Twice the features: the release adds them to their product with the map of ones above.
        out, image = self.transformer2(2 * features, positions, self.mask_tokens.weight[None])
        again = self.output_upscaling(image.transpose(1, 2).reshape(features.shape))
        wide = self.skip_connect(torch.cat([again, upscaled], dim=1))
        return _masks(self.output_hypernetworks_mlps2, out, wide)


def _doubling(channels_in: int, channels_out: int, norm: bool = False) -> list[nn.Module]:
    """Transposed convolution to twice the side, optionally normalised, GELU."""
    up = nn.ConvTranspose2d(channels_in, channels_out, kernel_size=2, stride=2)
    return [up, *([LayerNorm2d(channels_out)] if norm else []), nn.GELU()]


def _masks(networks: nn.ModuleList, tokens: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Every token's vector times the image's: (1, classes, h, w)."""
    vectors = torch.stack([network(tokens[:, i]) for i, network in enumerate(networks)], dim=1)
    return torch.einsum("bnc,bchw->bnhw", vectors, image)
