"""DAPSAM: adapters before and inside every block, and a dense prompt from the image's prototype."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from segment_anything.modeling.prompt_encoder import PositionEmbeddingRandom
from torch import nn
from torch.nn.functional import cosine_similarity, interpolate

from catalog.errors import InputError
from reproduce.models.bottleneck import Bottleneck
from reproduce.models.frames import Frame
from reproduce.models.promptable import Encoded, as_colour, channels_first
from reproduce.models.sam import build_sam, config_of, load_strictly
from reproduce.models.sam_encoder import FusedAttention, precision
from reproduce.models.sam_preprocessing import resize_mask
from reproduce.models.semantic import OverlappingModel, one_channel
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLASSES = {"fundus": ("optic disc", "optic cup"), "prostate": ("prostate",)}


def gated(x: torch.Tensor, over: tuple[int, int] = (1, 2)) -> torch.Tensor:
    """(B, H, W, C) weighted by its own mean and maximum over two axes: of each channel over the
    image, as the release means it."""
    return x * (x.amax(dim=over, keepdim=True) + x.mean(dim=over, keepdim=True)).sigmoid()


class PatchAdapter(nn.Module):
    """What is added before each block, made from the tokens and the image's patches."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.embedding_generator = nn.Linear(width, width)
        for number in range(depth):
            steps = nn.Linear(width, width // 4), nn.GELU(), nn.Linear(width // 4, width)
            setattr(self, f"lightweight_mlp_{number}", nn.Sequential(*steps))

    def patches(self, x: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) tokens -> the same shape, for all blocks.

        The release reads the tokens, whose channels lie last, as if they lay first.
        """
        batch, _, _, width = x.shape
        made: torch.Tensor = self.embedding_generator(x.reshape(batch, width, -1).mT)
        return made.reshape(x.shape)

    def forward(self, number: int, x: torch.Tensor, patches: torch.Tensor) -> torch.Tensor:
        # Here the release hands the axes over in another order: each column of the image has its
        # weight, from all rows and channels.
        columns = gated(0.5 * x + patches, over=(1, 3))
        added: torch.Tensor = getattr(self, f"lightweight_mlp_{number}")(columns)
        return added


class PrototypePrompt(nn.Module):
    """A dense prompt from the image's prototype, seen through a memory of training prototypes."""

    def __init__(self, width: int, memory: int, grid: int) -> None:
        super().__init__()
        self.memory_bank: Any = nn.Module()
        self.memory_bank.weight = nn.Parameter(torch.empty(memory, width))
        self.pe_layer: Any = PositionEmbeddingRandom(width // 2)
        self.fuse_conv = nn.Conv2d(2 * width + 1, width, 1)
        self.grid = (grid, grid)

    def get_dense_pe(self) -> torch.Tensor:
        """Positions (1, C, g, g), as SAM's prompt encoder has them."""
        positions: torch.Tensor = self.pe_layer(self.grid)[None]
        return positions

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(1, C, g, g) features -> no tokens (1, 0, C), and the dense prompt (1, C, g, g)."""
        prototype = features.mean(dim=(2, 3)) + features.amax(dim=(2, 3))
        bank = self.memory_bank.weight
        recalled = ((prototype @ bank.T).softmax(dim=1) @ bank)[..., None, None]
        recalled = recalled.expand_as(features)
        alike = cosine_similarity(recalled, features, dim=1, eps=1e-7)[:, None]
        dense = self.fuse_conv(torch.cat([features, recalled, alike], dim=1))
        return features.new_empty(1, 0, features.shape[1]), dense


def load(state: Mapping[str, torch.Tensor]) -> Any:
    """The network, loaded strictly. Raises `InputError` for another method's file."""
    bank = state.get("prompt_generator.memory_bank.weight")
    if bank is None:
        raise InputError(
            "the checkpoint is not DAPSAM's: expected, among others, "
            f"prompt_generator.memory_bank.weight; got {len(state)} tensors, the first ones "
            f"{', '.join(sorted(state)[:5]) or 'none'}."
        )
    config = config_of(state)
    with unfilled():
        sam: Any = build_sam(config)
        del sam.prompt_encoder
        sam.prompt_generator = PrototypePrompt(bank.shape[1], len(bank), config.grid)
        sam.image_encoder.l_adapter = PatchAdapter(config.embed_dim, config.depth)
        for block in sam.image_encoder.blocks:
            block.channel_adapter = Bottleneck(config.embed_dim)
    load_strictly(sam, state)
    return sam


class Dapsam(OverlappingModel):
    """`fundus/test.py`, `prostate/test.py`: sigmoid of each mask at the network's side."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        encoder = self.sam.image_encoder
        self.side = int(encoder.img_size)
        self.attention = [FusedAttention(b, precision(self.dtype)) for b in encoder.blocks]
        self.encoder = self.features
        if self.options["recipe"] == "prostate":
            self.takes = "any"  # what the percentiles are taken of is the volume as stored

    def frame(self, height: int, width: int) -> Frame:
        if self.options["recipe"] == "fundus":
            return Frame.squashed(height, width, self.side)
        if max(height, width) > self.side:
            raise InputError(
                f"dapsam: the prostate release takes slices of up to {self.side}x{self.side} "
                f"pixels as they are; got {height}x{width}. Resample the volume first."
            )
        return Frame(height, width, self.side, height, width)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        if self.options["recipe"] == "prostate":
            return self.slice_pixels(image, frame)
        from PIL import Image

        small = Image.fromarray(as_colour(image)).resize((self.side, self.side))
        values = channels_first(np.asarray(small))
        for channel in values:
            channel[:] = (channel - channel.mean()) / (channel.std() or 1)
        return values

    def slice_pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        """A slice (H, W); one without contrast becomes 0."""
        plane = image if image.ndim == 2 else one_channel(image, "DAPSAM")
        plane = plane.astype(np.float32)
        inside = plane > 0
        if inside.any():
            low, high = np.percentile(plane[inside], (0.2, 99.8))
            plane[inside] = plane[inside].clip(low, high)
        square = np.zeros((3, self.side, self.side), np.float32)
        square[:, frame.rows, frame.columns] = (plane - plane.mean()) / (plane.std() or 1)
        return square

    def mask_pixels(self, mask: NDArray[np.bool_], frame: Frame) -> NDArray[np.bool_]:
        return resize_mask(mask, (frame.input_height, frame.input_width))

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """(B, 3, side, side) -> (B, 256, g, g)."""
        encoder = self.sam.image_encoder
        x = encoder.patch_embed(pixels) + encoder.pos_embed
        patches = encoder.l_adapter.patches(x)
        for number, (block, attend) in enumerate(zip(encoder.blocks, self.attention, strict=True)):
            x = x + encoder.l_adapter(number, x, patches)
            attend(x)
            normed = block.norm2(x)
            x += block.mlp(normed) + 0.5 * block.channel_adapter(gated(normed + patches))
        features: torch.Tensor = encoder.neck(x.permute(0, 3, 1, 2))
        return features

    def logits(self, embedding: Encoded) -> torch.Tensor:
        sparse, dense = self.sam.prompt_generator(embedding.features)
        low_res, _ = self.sam.mask_decoder.predict_masks(
            image_embeddings=embedding.features,
            image_pe=self.sam.prompt_generator.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
        )
        return interpolate(low_res, (self.side, self.side), mode="bilinear", align_corners=False)


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> Dapsam:
    """DAPSAM from the state dict of its whole model."""
    sam, classes = load(state), CLASSES[options["recipe"]]
    found = sam.mask_decoder.num_mask_tokens
    if found != len(classes):
        raise InputError(
            f"dapsam: the checkpoint has {found} masks, the recipe {options['recipe']} has "
            f"{len(classes)} ({', '.join(classes)}). Choose the other with the option `recipe`."
        )
    return Dapsam("dapsam", sam, classes, options, device, dtype)
