"""De-LightSAM: MobileSAM's TinyViT with a token and a perceptron more a block, a small decoder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from segment_anything.modeling import PromptEncoder, TwoWayTransformer
from segment_anything.modeling.common import LayerNorm2d
from segment_anything.modeling.mask_decoder import MLP
from timm.models.tiny_vit import Attention, NormMlp
from torch import nn
from torch.nn.functional import interpolate, softmax

from reproduce.models.frames import Frame
from reproduce.models.maps import MapModel
from reproduce.models.promptable import as_colour, channels_first
from reproduce.models.sam import PIXEL_MEAN, load_strictly
from reproduce.models.tinyvit import TinyVitEncoder, rename, with_tables
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE, GRID, WIDTH, CLASSES = 1024, 64, 256, 1000
MODALITIES = 6
ENCODER = "SemiTViT."


class TokenAttention(Attention):
    """Attention of a window that looks at one learned token as well, the same for keys and values.

    The token has a bias of its own, shared by the heads.
    """

    def __init__(self, plain: Attention) -> None:
        heads = plain.num_heads
        super().__init__(
            plain.norm.normalized_shape[0],
            plain.key_dim,
            heads,
            attn_ratio=plain.attn_ratio,
            resolution=plain.resolution,
        )
        self.med_attention_biases = nn.Parameter(torch.empty(1))
        self.deep_QKV_embeddings_med = nn.Parameter(torch.empty(heads, 1, plain.key_dim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, N, C) -> (B, N, C)."""
        windows, count, _ = x.shape
        qkv = self.qkv(self.norm(x)).view(windows, count, self.num_heads, -1).transpose(1, 2)
        queries, keys, values = qkv.split([self.key_dim, self.key_dim, self.val_dim], dim=3)
        token = self.deep_QKV_embeddings_med.expand(windows, -1, -1, -1)
        keys, values = torch.cat([keys, token], dim=2), torch.cat([values, token], dim=2)
        places = self.get_attention_biases(x.device)
        bias = torch.cat([places, self.med_attention_biases.expand(*places.shape[:2], 1)], dim=2)
        weights = softmax((queries @ keys.transpose(2, 3)) * self.scale + bias, dim=-1)
        seen: torch.Tensor = self.proj((weights @ values).transpose(1, 2).flatten(2))
        return seen


class TwoPerceptrons(nn.Module):
    """A block's perceptron with a second one beside it, their answers added."""

    def __init__(self, plain: NormMlp) -> None:
        super().__init__()
        self.plain = plain
        self.med_dah = NormMlp(plain.fc1.in_features, plain.fc1.out_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        added: torch.Tensor = self.plain(x) + self.med_dah(x)
        return added


class Decoder(nn.Module):
    """SAM's mask decoder with one hypernetwork for all tokens, and none for quality."""

    def __init__(self) -> None:
        super().__init__()
        self.transformer = TwoWayTransformer(
            depth=2, embedding_dim=WIDTH, mlp_dim=2048, num_heads=8
        )
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(WIDTH, WIDTH // 4, 2, stride=2),
            LayerNorm2d(WIDTH // 4),
            nn.GELU(),
            nn.ConvTranspose2d(WIDTH // 4, WIDTH // 8, 2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList([MLP(WIDTH, WIDTH, WIDTH // 8, 3)])


class DeLightSam(nn.Module):
    """(B, 3, 1024, 1024) -> logits (B, 1, 1024, 1024) of one modality's token."""

    def __init__(self, modality: int) -> None:
        super().__init__()
        self.modality = modality
        self.SemiTViT = TinyVitEncoder(SIDE, stem_kernel=3, classes=CLASSES)
        # The first stage is of convolutions.
        for stage in list(self.SemiTViT.stages)[1:]:
            for block in stage.blocks:
                block.attn, block.mlp = TokenAttention(block.attn), TwoPerceptrons(block.mlp)
        self.prompt_encoder = PromptEncoder(
            embed_dim=WIDTH,
            image_embedding_size=(GRID, GRID),
            input_image_size=(SIDE, SIDE),
            mask_in_chans=16,
        )
        self.mask_decoder = Decoder()
        self.patch_decoder = nn.Sequential(
            nn.Conv2d(WIDTH, WIDTH // 4, 2, stride=2),
            LayerNorm2d(WIDTH // 4),
            nn.GELU(),
            nn.Conv2d(WIDTH // 4, 1, 1),
        )
        self.dense_prompter = nn.Sequential(nn.Conv2d(1, WIDTH, 1), LayerNorm2d(WIDTH), nn.GELU())
        self.mask_query = nn.Embedding(MODALITIES + 1, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.SemiTViT(x)
        # The network prompts itself: patches that it takes for the object, as a dense prompt.
        patches = (self.patch_decoder(features).sigmoid() >= 0.5).to(features.dtype)
        source = features + self.dense_prompter(interpolate(patches, scale_factor=2))
        count, decoder = len(x), self.mask_decoder
        tokens, image = decoder.transformer(
            source,
            self.prompt_encoder.get_dense_pe().expand(count, -1, -1, -1),
            self.mask_query.weight.expand(count, -1, -1),
        )
        upscaled = decoder.output_upscaling(image.transpose(1, 2).reshape(features.shape))
        weights = decoder.output_hypernetworks_mlps[0](tokens[:, self.modality])
        masks = torch.einsum("bc,bchw->bhw", weights, upscaled)[:, None]
        return interpolate(masks, (SIDE, SIDE), mode="bilinear", align_corners=False)


class DeLightSamModel(MapModel):
    """`eval.py`, `dataloader.py`."""

    def frame(self, height: int, width: int) -> Frame:
        return Frame.squashed(height, width, self.side)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        import cv2

        square = cv2.resize(
            as_colour(image), (self.side, self.side), interpolation=cv2.INTER_LINEAR
        )
        # The release divides by the mean: its `pixel_std` is set from `pixel_mean`.
        mean = np.array(PIXEL_MEAN, np.float32)
        return channels_first((square.astype(np.float32) - mean) / mean)


def _named(key: str) -> str:
    """A tensor's name in the release -> its name here.

    >>> _named("SemiTViT.layers.1.blocks.0.med_dah.fc1.bias")
    'SemiTViT.stages.1.blocks.0.mlp.med_dah.fc1.bias'
    >>> _named("mask_query.weight")
    'mask_query.weight'
    """
    if not key.startswith(ENCODER):
        return key
    name = rename(key.removeprefix(ENCODER))
    name = re.sub(r"^(stages\.\d\.blocks\.\d\.)mlp\.", r"\1mlp.plain.", name)
    return ENCODER + re.sub(r"^(stages\.\d\.blocks\.\d\.)med_dah\.", r"\1mlp.med_dah.", name)


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> DeLightSamModel:
    """De-LightSAM from its state dict. Raises `InputError` naming what does not fit."""
    with unfilled():
        net = DeLightSam(int(options["modality"]))
    load_strictly(net, {_named(key): value for key, value in state.items()})
    with_tables(net)
    return DeLightSamModel("de-lightsam", net, SIDE, options, device, dtype)
