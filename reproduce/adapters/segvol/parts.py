"""SegVol's network: MONAI's ViT, SAM's prompts and decoder with a third axis, CLIP's text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from monai.networks.nets.vit import ViT
from segment_anything.modeling.mask_decoder import MLP
from segment_anything.modeling.prompt_encoder import PromptEncoder
from segment_anything.modeling.transformer import TwoWayTransformer
from torch import nn
from torch.nn.functional import interpolate
from transformers import CLIPTextConfig, CLIPTextModel

from reproduce.adapters.segvol.words import BEGIN, END
from reproduce.models.sam import load_strictly
from reproduce.models.unfilled import unfilled

PATCH = (4, 16, 16)
WINDOW = (32, 256, 256)
HEADS, CLIP_HEAD, HIDDEN = 12, 64, 2048


class Text(nn.Module):
    """CLIP's text tower and a layer to the width of the prompts."""

    def __init__(self, sizes: Mapping[str, Any], width: int) -> None:
        super().__init__()
        self.clip_text_model = CLIPTextModel(
            CLIPTextConfig(
                bos_token_id=BEGIN,
                eos_token_id=END,
                num_attention_heads=sizes["hidden_size"] // CLIP_HEAD,
                projection_dim=sizes["hidden_size"],
                **sizes,
            )
        )
        self.dim_align = nn.Linear(sizes["hidden_size"], width)

    def forward(self, tokens: list[int]) -> torch.Tensor:
        """-> (1, width)."""
        device = self.dim_align.weight.device
        found: Any = self.clip_text_model(torch.tensor([tokens], device=device))
        embedding: torch.Tensor = self.dim_align(found.pooler_output)
        return embedding


class Decoder(nn.Module):
    """SAM's mask decoder over (C, d, h, w); its first mask is kept, and text is added to it."""

    def __init__(self, width: int, text: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        quarter, eighth = width // 4, width // 8
        self.transformer = TwoWayTransformer(2, width, 8, HIDDEN)
        self.iou_token, self.mask_tokens = nn.Embedding(1, width), nn.Embedding(4, width)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose3d(width, quarter, 2, 2),
            nn.LayerNorm((quarter, *(2 * n for n in shape))),
            nn.GELU(),
            nn.ConvTranspose3d(quarter, eighth, 2, 2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            MLP(width, width, eighth, 3) for _ in range(4)
        )
        self.iou_prediction_head = MLP(width, 256, 4, 3)
        self.txt_align_upscaled_embedding = nn.Linear(text, eighth)

    def forward(
        self,
        image: torch.Tensor,
        positions: torch.Tensor,
        sparse: torch.Tensor,
        text: torch.Tensor | None,
    ) -> torch.Tensor:
        """image, positions (1, C, d, h, w); sparse (1, N, C); text (1, T) -> (1, 1, 4d, 4h, 4w)."""
        tokens = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        flat = (x.flatten(3) for x in (image, positions))  # it takes two axes
        seen, after = self.transformer(*flat, torch.cat([tokens[None], sparse], dim=1))
        large = self.output_upscaling(after.transpose(1, 2).reshape(image.shape))
        weights = self.output_hypernetworks_mlps[0](seen[:, 1])
        if text is not None:
            weights = weights + self.txt_align_upscaled_embedding(text)
        return torch.einsum("bc,bcdhw->bdhw", weights, large)[:, None]


class SegVolNet(nn.Module):
    """One window of `WINDOW` voxels asked with a box, a text or both."""

    def __init__(self, sizes: Mapping[str, Any]) -> None:
        super().__init__()
        width, window = sizes["width"], sizes["window"]
        self.window: tuple[int, ...] = window
        self.shape = tuple(n // p for n, p in zip(window, PATCH, strict=True))
        self.image_encoder = ViT(
            in_channels=1,
            img_size=window,
            patch_size=PATCH,
            hidden_size=width,
            mlp_dim=sizes["mlp"],
            num_layers=sizes["depth"],
            num_heads=sizes["heads"],
            proj_type="perceptron",
        )
        for block in self.image_encoder.blocks:  # MONAI 0.9, which made the files, had none
            del block.norm_cross_attn
        # Its convolutions of masks are in the file and never asked.
        self.prompt_encoder: Any = PromptEncoder(width, self.shape[1:], window[1:], 16)
        frequencies = torch.empty(3, width // 2)
        self.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix = frequencies
        self.mask_decoder = Decoder(width, sizes["text_width"], self.shape)
        self.text_encoder = Text(sizes["text"], sizes["text_width"])

    def forward(
        self, window: torch.Tensor, box: torch.Tensor | None, text: torch.Tensor | None
    ) -> torch.Tensor:
        """(1, 1, d, h, w), a box (6,) of first and last voxel, an embedding -> logits alike."""
        features = self.image_encoder(window)[0].transpose(1, 2).unflatten(2, self.shape)
        features = features + self.prompt_encoder.no_mask_embed.weight[..., None, None, None]
        sparse = [] if box is None else [self.corners(box)]
        sparse += [] if text is None else [text[:, None]]
        low = self.mask_decoder(features, self.positions(), torch.cat(sparse, dim=1), text)
        return interpolate(low, self.window, mode="trilinear")

    def corners(self, box: torch.Tensor) -> torch.Tensor:
        """(6,) -> (1, 2, C). First and second number are set against each other's side."""
        high, wide, deep = self.window[1], self.window[0], self.window[2]
        sides = torch.tensor([high, wide, deep], device=box.device)
        coded = self.code((box.reshape(1, 2, 3) + 0.5) / sides)
        own = [self.prompt_encoder.point_embeddings[n].weight for n in (2, 3)]
        return coded + torch.stack(own, dim=1)

    def positions(self) -> torch.Tensor:
        """(1, C, d, h, w). As with boxes the second axis is told first."""
        device = self.prompt_encoder.no_mask_embed.weight.device
        places = [(torch.arange(n, device=device) + 0.5) / n for n in self.shape]
        first, second, third = torch.meshgrid(*places, indexing="ij")
        coded = self.code(torch.stack([second, first, third], dim=-1))
        return coded.permute(3, 0, 1, 2)[None]

    def code(self, places: torch.Tensor) -> torch.Tensor:
        """Parts of the window (..., 3) -> (..., C)."""
        waves = (2 * places - 1) @ self.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
        waves = 2 * math.pi * waves
        return torch.cat([waves.sin(), waves.cos()], dim=-1)


def sizes_of(state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """The released network's sizes, or those of one like it that is smaller."""
    taken = {key: tuple(value.shape) for key, value in state.items()}

    def shape(key: str, *else_: int) -> tuple[int, ...]:
        return taken.get(key, else_)

    def count(prefix: str) -> int:
        return len({k[len(prefix) :].partition(".")[0] for k in taken if k.startswith(prefix)})

    width = shape("mask_decoder.iou_token.weight", 1, 768)[1]
    large = shape("mask_decoder.output_upscaling.1.weight", width // 4, 16, 32, 32)[1:]
    clip = "text_encoder.clip_text_model."
    words, text = shape(f"{clip}embeddings.token_embedding.weight", 49408, 512)
    return {
        "width": width,
        "window": tuple(n // 2 * p for n, p in zip(large, PATCH, strict=True)),
        "mlp": shape("image_encoder.blocks.0.mlp.linear1.weight", 3072)[0],
        "depth": count("image_encoder.blocks."),
        "heads": HEADS if width % HEADS == 0 else 1,
        "text_width": shape("text_encoder.dim_align.weight", 768)[0],
        "text": {
            "hidden_size": text,
            "vocab_size": words,
            "num_hidden_layers": count(f"{clip}encoder.layers."),
            "intermediate_size": shape(f"{clip}encoder.layers.0.mlp.fc1.weight", 2048)[0],
        },
    }


def load(state: Mapping[str, torch.Tensor]) -> SegVolNet:
    """The network, loaded strictly. Names as transformers 5 has them are the file's without a part,
    and the file's numbers of places are those of every CLIP."""
    named = {
        key.replace("clip_text_model.text_model.", "clip_text_model."): value
        for key, value in state.items()
        if not key.endswith("embeddings.position_ids")
    }
    with unfilled():
        net = SegVolNet(sizes_of(named))
    load_strictly(net, named)
    embeddings: Any = net.text_encoder.clip_text_model.embeddings
    places = torch.arange(embeddings.position_embedding.num_embeddings)[None]
    embeddings.register_buffer("position_ids", places, persistent=False)
    return net
