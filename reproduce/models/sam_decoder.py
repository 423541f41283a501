"""Segment Anything's mask decoder without copies and projections of the image for every prompt.

`segment_anything` repeats the image's features for each prompt, projects all of them nine times
and writes every head out in another order. A prompt has few tokens beside 4,096 pixels of features,
so here the projections are applied to the tokens instead: with q a token, x a pixel, p its
positional encoding and W the weights of the keys,

    q . W (x + p) = (q W) . x + q . (W p)

where W p is a constant of the weights. Values and the output projection are moved in the same way.
What prompts share (the image, until the first layer has mixed tokens in) is not repeated, and the
transposed convolutions are matrix products on channels-last features. Same weights, same formula;
the result differs by rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from segment_anything.modeling.common import LayerNorm2d
from segment_anything.modeling.mask_decoder import MaskDecoder
from segment_anything.modeling.transformer import (
    Attention,
    TwoWayAttentionBlock,
    TwoWayTransformer,
)
from torch import Tensor, nn
from torch.nn import functional

Decode = Callable[[Tensor, Tensor, Tensor, slice], tuple[Tensor, Tensor]]


def decoder_of(decoder: Any, image_pe: Tensor) -> Decode:
    """A mask decoder as a function like `FusedDecoder`: fused where it is SAM's own.

    Methods that put adapters or LoRA layers into it have other classes there, whose mathematics
    this module does not know; those run as they are (merge LoRA weights first).
    """
    if is_plain(decoder):
        return FusedDecoder(decoder, image_pe)

    def as_it_is(
        features: Tensor, sparse: Tensor, dense: Tensor, wanted: slice
    ) -> tuple[Tensor, Tensor]:
        masks, iou = decoder.predict_masks(
            image_embeddings=features[None],
            image_pe=image_pe,
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
        )
        return masks[:, wanted], iou[:, wanted]

    return as_it_is


def shared(dense: Tensor, masks: Tensor | None) -> Tensor:
    """Dense prompt embeddings (N, C, g, g), or (1, C, g, g) where no prompt has a mask: then the
    prompt encoder repeats one for all."""
    return dense[:1] if masks is None else dense


def is_plain(decoder: Any) -> bool:
    """Whether a mask decoder consists of segment_anything's own classes and nothing else.

    Hooks and methods put into a module change what it computes under the same class: LoRA and
    adapters are attached that way, too.
    """
    if type(decoder) is not MaskDecoder or type(decoder.transformer) is not TwoWayTransformer:
        return False
    if any(
        part._forward_hooks
        or part._forward_pre_hooks
        or {"forward", "predict_masks"} & set(vars(part))
        for part in decoder.modules()
    ):
        return False
    layers = decoder.transformer.layers
    attentions = [decoder.transformer.final_attn_token_to_image]
    for layer in layers:
        if type(layer) is not TwoWayAttentionBlock:
            return False
        attentions += [layer.cross_attn_token_to_image, layer.cross_attn_image_to_token]
    return all(
        type(attention) is Attention
        and all(type(child) is nn.Linear for child in attention.children())
        for attention in attentions
    ) and [type(one) for one in decoder.output_upscaling] == [
        nn.ConvTranspose2d,
        LayerNorm2d,
        nn.GELU,
        nn.ConvTranspose2d,
        nn.GELU,
    ]


class FusedDecoder:
    """Same mathematics as `MaskDecoder.forward` for the prompts of one image, for inference only.

    image_pe  (1, C, g, g) float32, the prompt encoder's dense positional encoding
    """

    def __init__(self, decoder: Any, image_pe: Tensor) -> None:
        self.decoder = decoder
        transformer = decoder.transformer
        pe = image_pe[0].flatten(1).T.contiguous()
        layers = list(transformer.layers)
        self.to_image = [_TokensSee(layer.cross_attn_token_to_image, pe) for layer in layers]
        self.to_tokens = [_ImageSees(layer.cross_attn_image_to_token, pe) for layer in layers]
        self.final = _TokensSee(transformer.final_attn_token_to_image, pe)
        first, self.norm, self.activation, second, self.last_activation = decoder.output_upscaling
        self.first, self.second = _as_product(first), _as_product(second)

    def __call__(
        self, features: Tensor, sparse: Tensor, dense: Tensor, wanted: slice
    ) -> tuple[Tensor, Tensor]:
        """Masks and their predicted quality.

        features  (C, g, g) of one image
        sparse    (N, T, C) tokens of N prompts;  dense  (N, C, g, g), or (1, C, g, g) for all
        wanted    of the decoder's mask tokens, M of them
        returns   logits (N, M, 4g, 4g) and predicted IoU (N, M)
        """
        decoder, transformer = self.decoder, self.decoder.transformer
        own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
        tokens = torch.cat([own.expand(len(sparse), -1, -1), sparse], dim=1)
        queries = tokens
        # (S, L, C); S is 1 while all prompts see the same
        image: Tensor = (features + dense).flatten(2).transpose(1, 2).contiguous()
        for layer, to_image, to_tokens in zip(
            transformer.layers, self.to_image, self.to_tokens, strict=True
        ):
            if layer.skip_first_layer_pe:
                queries = layer.self_attn(q=queries, k=queries, v=queries)
            else:
                positioned = queries + tokens
                queries = queries + layer.self_attn(q=positioned, k=positioned, v=queries)
            queries = layer.norm1(queries)
            queries = layer.norm2(queries + to_image(queries + tokens, image))
            queries = layer.norm3(queries + layer.mlp(queries))
            image = layer.norm4(to_tokens(image, queries + tokens, queries))
        queries = transformer.norm_final_attn(queries + self.final(queries + tokens, image))
        iou = decoder.iou_prediction_head(queries[:, 0])
        networks = list(enumerate(decoder.output_hypernetworks_mlps, start=1))[wanted]
        hyper = torch.stack([network(queries[:, i]) for i, network in networks], dim=2)
        return self._masks(image, hyper, features.shape[-1]), iou[:, wanted]

    def _masks(self, image: Tensor, hyper: Tensor, grid: int) -> Tensor:
        """(N, g * g, C) features, (N, C / 8, M) weights -> (N, M, 4g, 4g) logits."""
        count, channels, masks = hyper.shape
        upscaled = torch.addmm(self.first[1], image.flatten(0, 1), self.first[0])
        upscaled = upscaled.view(-1, len(self.norm.weight))
        upscaled = functional.layer_norm(
            upscaled, upscaled.shape[1:], self.norm.weight, self.norm.bias, self.norm.eps
        )
        upscaled = torch.addmm(self.second[1], self.activation(upscaled), self.second[0])
        upscaled = self.last_activation(upscaled).view(count, -1, channels)
        # Pixels lie by row and column of the grid, then by those of the two upscalings.
        logits: Tensor = (upscaled @ hyper).view(count, grid, grid, 2, 2, 2, 2, masks)
        return logits.permute(0, 7, 1, 3, 5, 2, 4, 6).reshape(count, masks, 4 * grid, 4 * grid)


def _as_product(layer: nn.ConvTranspose2d) -> tuple[Tensor, Tensor]:
    """Weight (in, 4 * out) and bias (4 * out,) of a 2x2 transposed convolution of stride two: each
    pixel becomes four, in the order upper left, upper right, lower left, lower right."""
    assert layer.kernel_size == layer.stride == (2, 2)
    assert layer.bias is not None
    weight = layer.weight.permute(0, 2, 3, 1).reshape(layer.in_channels, -1)
    return weight.contiguous(), layer.bias.repeat(4)


class _Heads:
    """The heads of an attention of C channels, c of them inside."""

    def __init__(self, attention: Attention) -> None:
        self.attention = attention
        self.count = attention.num_heads
        inside = attention.internal_dim
        self.scale = (inside // self.count) ** -0.5
        # (heads, 1, c): 1 where a channel belongs to the head
        self.own = torch.eye(self.count, device=attention.q_proj.weight.device).repeat_interleave(
            inside // self.count, dim=1
        )[:, None]

    def apart(self, values: Tensor) -> Tensor:
        """(N, T, c) -> (N, heads * T, c): each head's channels in rows of their own, else zero."""
        return (values[:, None] * self.own).flatten(1, 2)

    def likeness(self, asking: Tensor, weight: Tensor, positions: Tensor, image: Tensor) -> Tensor:
        """Unnormalised attention (N, heads * T, L) between tokens and an image (S, L, C).

        asking (N, T, c) projected tokens;  weight (c, C) and positions (c, L) of the image's side
        """
        rows = self.apart(asking * self.scale)
        if len(image) == 1:
            return (rows @ weight) @ image[0].T + rows @ positions
        return torch.baddbmm(rows @ positions, rows @ weight, image.transpose(1, 2))


class _TokensSee(_Heads):
    """Tokens attend to the image."""

    def __init__(self, attention: Attention, pe: Tensor) -> None:
        super().__init__(attention)
        keys = attention.k_proj
        # The keys' bias adds the same to all pixels, which the softmax takes away.
        self.positions = (pe @ keys.weight.T).T.contiguous()
        self.values = attention.v_proj.weight.view(self.count, -1, pe.shape[1])

    def __call__(self, tokens: Tensor, image: Tensor) -> Tensor:
        """tokens (N, T, C), image (S, L, C) -> (N, T, C)."""
        attention = self.attention
        likeness = self.likeness(
            attention.q_proj(tokens), attention.k_proj.weight, self.positions, image
        )
        seen = likeness.softmax(2) @ (image[0] if len(image) == 1 else image)
        seen = seen.view(len(tokens), self.count, -1, image.shape[2])  # (N, heads, T, C)
        inside = torch.einsum("nhtc,hdc->nthd", seen, self.values).flatten(2)
        found: Tensor = attention.out_proj(inside + attention.v_proj.bias)
        return found


class _ImageSees(_Heads):
    """The image attends to tokens and takes up what it sees."""

    def __init__(self, attention: Attention, pe: Tensor) -> None:
        super().__init__(attention)
        self.positions = attention.q_proj(pe).T.contiguous()

    def __call__(self, image: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """image (S, L, C), keys and values (N, T, C) -> image + what it sees, (N, L, C)."""
        attention = self.attention
        likeness = self.likeness(
            attention.k_proj(keys), attention.q_proj.weight, self.positions, image
        )
        weights = likeness.view(len(keys), self.count, -1, likeness.shape[2]).softmax(2)
        weights = weights.flatten(1, 2)
        told = self.apart(attention.v_proj(values)) @ attention.out_proj.weight.T
        told += attention.out_proj.bias / self.count  # the weights of every head sum to one
        return torch.baddbmm(image.expand(len(told), -1, -1), weights.transpose(1, 2), told)
