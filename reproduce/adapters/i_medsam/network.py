"""I-MedSAM: gated LoRA and a path for the image's spectrum in the encoder, an implicit decoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from catalog.errors import InputError, UsageError
from reproduce.adapters.i_medsam.field import Field
from reproduce.contracts import Grid, Prediction, Prompt
from reproduce.models.frames import Frame, PromptPlane
from reproduce.models.promptable import Encoded, PromptedModel, as_colour, channels_first
from reproduce.models.sam import build_sam, config_of, load_strictly, resize_positions
from reproduce.models.unfilled import unfilled

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIELD = "mask_decoder.seg_field.seg_net.0.0.weight"


class FrequencyAdapter(nn.Module):
    """Linear to four values, GELU, back, added to the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.D_fc1, self.D_fc2 = nn.Linear(width, 4), nn.Linear(4, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = x + self.D_fc2(nn.functional.gelu(self.D_fc1(x)))
        return changed


class GatedQkv(nn.Module):
    """SAM's joint layer with LoRA on q and v, weighted by the mean of the window it is asked for.

    That weight differs from window to window, so the pairs can't be merged.
    """

    def __init__(self, qkv: nn.Module, pairs: Sequence[nn.Parameter], gate: nn.Parameter) -> None:
        super().__init__()
        self.qkv, self.gate = qkv, gate
        self.a_q, self.b_q, self.a_v, self.b_v = pairs  # (rank, width) and (width, rank) of each

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (windows, h, w, C) -> (windows, h, w, 3 * C)."""
        qkv: torch.Tensor = self.qkv(x)
        weight = (x.mean(dim=(1, 2)) @ self.gate.T)[:, None, None]
        width = x.shape[-1]
        qkv[..., :width] += x @ self.a_q.T @ self.b_q.T * weight
        qkv[..., -width:] += x @ self.a_v.T @ self.b_v.T * weight
        return qkv


class SpectralEncoder(nn.Module):
    """SAM's encoder with, beside every block, an adapter on the patches of the image's spectrum."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """(B, 3, side, side) of 0-1 -> (B, 256, g, g)."""
        encoder = self.encoder
        x = encoder.patch_embed(pixels) + encoder.pos_embed
        spectrum = encoder.patch_embed(spectrum_of(pixels)) + encoder.pos_embed
        for block in encoder.blocks:
            spectrum = block.freq_adapter(block.freq_norm(spectrum))
            x = block(x) + 0.5 * spectrum
        features: torch.Tensor = encoder.neck(x.permute(0, 3, 1, 2))
        return features


def spectrum_of(pixels: torch.Tensor) -> torch.Tensor:
    """Magnitude of the red channel's spectrum, its zero in the middle, 0-1, three times.

    (B, 3, side, side) -> the same. In double precision, as NumPy's was when it was released. The
    release means the grey image, but takes a third of the first channel three times.
    """
    red = pixels[:, 0] / 3 + pixels[:, 0] / 3 + pixels[:, 0] / 3
    shifted = torch.fft.fftshift(torch.fft.fft2((red * 255).double()), dim=(-2, -1)).abs()
    low, high = (f(shifted, dim=(-2, -1), keepdim=True) for f in (torch.amin, torch.amax))
    magnitude: torch.Tensor = ((shifted - low) / (high - low)).float()
    return magnitude[:, None].expand(-1, 3, -1, -1)


def load(state: Mapping[str, torch.Tensor], image_size: int) -> Any:
    """The network from SAM's tensors with those of I-MedSAM laid over them, loaded strictly."""
    if FIELD not in state:
        raise InputError(
            f"the checkpoint is not I-MedSAM's: expected {FIELD} and w_a_000 over the tensors of "
            f"SAM's vit_b; got {len(state)} tensors. Give both files, SAM's first."
        )
    config = config_of(state)
    state = resize_positions(state, image_size, config.global_attn_indexes)
    rank = len(state["w_a_000"]) if "w_a_000" in state else 4
    width, depth = config.embed_dim, config.depth
    with unfilled():
        sam: Any = build_sam(replace(config, image_size=image_size))
        inner = config.prompt_embed_dim
        sam.mask_decoder.seg_field = Field(inner, inner // 8)
        for block in sam.image_encoder.blocks:
            block.freq_adapter = FrequencyAdapter(width)
            block.freq_norm = nn.LayerNorm(width, eps=1e-6)
        shapes = {"a": (rank, width), "b": (width, rank), "g": (1, width)}
        for name, shape in shapes.items():
            for number in range(depth if name == "g" else 2 * depth):
                sam.register_parameter(f"w_{name}_{number:03d}", nn.Parameter(torch.empty(shape)))
    load_strictly(sam, state)
    for number, block in enumerate(sam.image_encoder.blocks):
        pairs = [getattr(sam, f"w_{x}_{2 * number + n:03d}") for n in (0, 1) for x in "ab"]
        block.attn.qkv = GatedQkv(block.attn.qkv, pairs, getattr(sam, f"w_g_{number:03d}"))
    sam.image_encoder = SpectralEncoder(sam.image_encoder)
    return sam


def touched(mask: NDArray[np.bool_], side: int) -> NDArray[np.uint8]:
    """A mask of 0 and 255 squashed to a square with OpenCV's bilinear, 0 to 255.

    `dataset.py` hands the flag for nearest neighbour over as another argument.
    """
    import cv2

    return np.asarray(cv2.resize(mask.astype(np.uint8) * 255, (side, side)), np.uint8)


def prompt_plane(mask: NDArray[np.bool_], options: Mapping[str, Any]) -> PromptPlane:
    """Boxes go around all pixels of the square that the object touches."""
    side = int(options["label_size"])
    height, width = mask.shape
    return PromptPlane(touched(mask, side) > 0, Frame.squashed(height, width, side))


class IMedSam(PromptedModel):
    """`main.py --test_only`: one mask for a box, decoded pixel by pixel on the grid asked for."""

    def frame(self, height: int, width: int) -> Frame:
        return Frame.squashed(height, width, self.side)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        import cv2

        square = cv2.resize(as_colour(image), (self.side, self.side))
        return channels_first(square.astype(np.float32) / np.float32(255))

    def mask_pixels(self, mask: NDArray[np.bool_], frame: Frame) -> NDArray[np.bool_]:
        whole: NDArray[np.bool_] = touched(mask, int(self.options["label_size"])) == 255
        return whole

    @torch.inference_mode()
    def predict(self, embedding: Encoded, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        """Logits (N, 1, h, w), one box after another."""
        frame, side = embedding.frame, int(self.options["label_size"])
        size = (side, side) if grid == "model_input" else (frame.height, frame.width)
        scores = [self.field(embedding, prompt, size) for prompt in prompts]
        if not scores:
            raise UsageError(f"{self.name} needs a box for each object; got none.")
        labels = tuple(prompt.label for prompt in prompts)
        return Prediction(scores=torch.cat(scores), kind="logit", labels=labels)

    def field(self, embedding: Encoded, prompt: Prompt, size: tuple[int, int]) -> torch.Tensor:
        """Logits (1, 1, h, w) of one object."""
        if prompt.box_xy is None:
            raise InputError(
                f"{self.name} is asked by a box; the prompt for {prompt.label!r} of case "
                f"{prompt.case} has none. Choose a prompt profile with boxes."
            )
        corners = embedding.frame.to_input(prompt.box_xy.reshape(1, 2, 2)).reshape(1, 4)
        sam, decoder = self.sam, self.sam.mask_decoder
        sparse, dense = sam.prompt_encoder(points=None, boxes=self._tensor(corners), masks=None)
        own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])[None]
        features = embedding.features + dense
        positions = sam.prompt_encoder.get_dense_pe()
        _, keys = decoder.transformer(features, positions, torch.cat([own, sparse], dim=1))
        upscaled = decoder.output_upscaling(keys.transpose(1, 2).reshape(features.shape))
        found: torch.Tensor = decoder.seg_field(upscaled, positions, size)
        return found


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> IMedSam:
    """I-MedSAM from SAM's vit_b checkpoint with the released file's tensors laid over it."""
    return IMedSam("i-medsam", load(state, int(options["image_size"])), options, device, dtype)
