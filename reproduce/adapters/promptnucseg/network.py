"""PromptNucSeg: SAM at 256 px, asked by one point for each nucleus that the prompter found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import interpolate

from catalog.errors import InputError
from reproduce.adapters.promptnucseg.prompter import Prompter, load, points
from reproduce.contracts import Grid, Plane, Prediction, Prompt
from reproduce.models.frames import Frame
from reproduce.models.promptable import Encoded, PromptedModel, as_colour, channels_first
from reproduce.models.sam import config_of, load_sam

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 256
MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255
SCALE = np.float32(1) / (np.array([0.229, 0.224, 0.225], np.float32) * 255)
TYPES = ("neoplastic", "inflammatory", "connective", "dead", "epithelial")
FIRST = "prompter."  # before the names of the first stage's tensors
OVERLAP = 0.5  # IoU of boxes above which the less sure of two nuclei is left out


@dataclass(frozen=True, slots=True)
class Looked(Encoded):
    """An image after SAM's encoder, and as both stages take it, (1, 3, side, side)."""

    pixels: torch.Tensor


class PromptNucSeg(PromptedModel):
    """`prompter/predict_prompts.py`, then `segmentor/main.py: evaluate` for PanNuke."""

    plain_encoder = True
    cacheable = False  # the image is kept beside the embedding

    def __init__(
        self, sam: Any, prompter: Prompter | None, options: Mapping[str, Any], device: str, d: str
    ) -> None:
        super().__init__("promptnucseg", sam, options, device, d)
        self.prompter = None if prompter is None else prompter.to(device)
        self.finds = TYPES if options["answers"] == "types" else ("nuclei",)

    def frame(self, height: int, width: int) -> Frame:
        if max(height, width) > self.side:
            raise InputError(
                f"PromptNucSeg takes patches of {self.side} px at most (as those of PanNuke), got "
                f"{height}x{width}. Cut it into patches."
            )
        return Frame(height, width, self.side, height, width)

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        more = (0, self.side - frame.height), (0, self.side - frame.width), (0, 0)
        filled = np.pad(as_colour(image), more, mode="reflect").astype(np.float32)
        return channels_first((filled - MEAN) * SCALE)

    @torch.inference_mode()
    def encode(self, planes: Sequence[Plane]) -> list[Encoded]:
        pixels, frames = self.batch(planes)
        features = self.encoder(pixels)
        each = zip(features, frames, pixels, strict=True)
        return [Looked(f[None], frame, one[None]) for f, frame, one in each]

    @torch.inference_mode()
    def find(self, embedding: Looked, case: str, plane: int | None) -> list[Prompt]:
        """A point in each nucleus, under its type where types are asked for."""
        if self.prompter is None:
            raise InputError(
                "the weights of the first stage (the prompter) are not given, and nobody says "
                "where nuclei are. Give both files, points, or the run whose points are replayed."
            )
        frame = embedding.frame
        places, logits = self.prompter(embedding.pixels)
        found, kinds = points(places, logits, frame.height, frame.width)
        on = np.ones(1, np.int64)
        return [
            Prompt.on_plane(
                case,
                self.finds[kind if len(self.finds) > 1 else 0],
                plane,
                points_xy=xy,
                point_labels=on,
                object_index=number,
            )
            for number, (xy, kind) in enumerate(zip(found, kinds.tolist(), strict=True))
        ]

    @torch.inference_mode()
    def predict(self, embedding: Encoded, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        """0/1 masks (N, 1, h, w) that share no pixel within a class: of two nuclei whose boxes
        overlap the surer is left, and a pixel is the surest nucleus' of its class."""
        frame = embedding.frame
        if not prompts:
            size = (0, 1, frame.height, frame.width)
            return Prediction(torch.zeros(size, device=self.device), "label", ())
        low_res, quality = self.logits(embedding, prompts)
        whole = interpolate(low_res, (self.side, self.side), mode="bilinear", align_corners=False)
        masks = whole[:, 0] > 0
        kept = surest(masks, quality[:, 0])
        scores = torch.zeros_like(whole)
        taken = {prompt.label: torch.zeros_like(masks[0]) for prompt in prompts}
        for n in kept:
            label = prompts[n].label
            scores[n, 0] = (masks[n] & ~taken[label]).float()
            taken[label] |= masks[n]
        labels = tuple(prompt.label for prompt in prompts)
        return Prediction(frame.inside(scores), "label", labels, quality)


def surest(masks: torch.Tensor, quality: torch.Tensor) -> list[int]:
    """Positions of masks (N, h, w) that are left, the surest first; boxes end at the last pixel."""
    from torchvision.ops import masks_to_boxes, nms

    some = masks.flatten(1).any(1)
    boxes = torch.zeros(len(masks), 4, device=masks.device)
    if some.any():
        boxes[some] = masks_to_boxes(masks[some]).float()
    found: list[int] = nms(boxes, quality, OVERLAP).tolist()
    return found


def at_256(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """SAM's tensors for 1024 px with positions as the release resizes them while it runs: those of
    the image bicubic, relative ones of blocks with global attention linear."""
    state = dict(state)
    name = "image_encoder.pos_embed"
    if name not in state or state[name].ndim != 4:
        return state
    grid = SIDE // 16
    full = 2 * state[name].shape[1] - 1
    positions = state[name].permute(0, 3, 1, 2).float()
    state[name] = interpolate(positions, (grid, grid), mode="bicubic", align_corners=False).permute(
        0, 2, 3, 1
    )
    for key, rows in state.items():
        if ".attn.rel_pos_" in key and rows.ndim == 2 and rows.shape[0] == full:
            linear = rows.float().T[None]
            state[key] = interpolate(linear, 2 * grid - 1, mode="linear")[0].T.contiguous()
    return state


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> PromptNucSeg:
    """Both stages, or the second alone. Raises `InputError` naming what does not fit."""
    first = {k.removeprefix(FIRST): v for k, v in state.items() if k.startswith(FIRST)}
    second = at_256({k: v for k, v in state.items() if not k.startswith(FIRST)})
    sam = load_sam(second, replace(config_of(second), image_size=SIDE, window=14))
    return PromptNucSeg(sam, load(first) if first else None, options, device, dtype)
