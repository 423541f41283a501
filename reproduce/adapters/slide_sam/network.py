"""Slide-SAM: one prompt, three candidates, three slices each; the next window by the last's box."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate

from catalog.errors import InputError
from reproduce.contracts import Answered, Grid, Prediction, Prompt, Sample
from reproduce.models.lora import merge, number_wrapped
from reproduce.models.promptable import fingerprint
from reproduce.models.sam import PIXEL_MEAN, PIXEL_STD, build_sam, config_of, load_strictly
from reproduce.models.sam_encoder import FusedEncoder, precision
from reproduce.models.unfilled import unfilled
from reproduce.models.volumes import OwnGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE, SLICES = 1024, 3
CT, OTHER, DARKEST = (-200, 400), (0, 600), -10
OFFSET = 1.0  # of the logits, for stability
SMALLEST, SHARE, LARGEST_KERNEL = (
    50,
    20,
    8,
)  # px of a mask to follow; of a mask's px, and px at most
MARGIN = 0.05  # of a box's sides
KEPT = 4  # features of windows kept at a time, 4 MiB each
CHOOSE = "Choose a profile that asks on one plane (--prompts box-largest-plane)."


class Asked(NamedTuple):
    """On the network's input: a box (1, 4), or a point on the object (1, 1, 2)."""

    box: torch.Tensor | None
    point: torch.Tensor | None


class SlideSam(OwnGrid):
    """`VolumePredictor.predict_volume`."""

    title = "Slide-SAM"

    side = SIDE

    def __init__(self, sam: Any, options: Mapping[str, Any], device: str, dtype: str) -> None:
        self.options, self.device, self.dtype = dict(options), device, dtype
        self.sam = sam.eval().to(device)
        self.encoder = FusedEncoder(self.sam.image_encoder, precision(dtype))

    def preprocessing_id(self) -> str:
        return fingerprint(name="slide-sam", options=self.options, dtype=self.dtype)

    def open(self, sample: Sample) -> Following:
        """Raises `InputError` for planes of several channels and stacks of less than three."""
        if sample.values.ndim != 3 or sample.shape[0] < SLICES:
            raise InputError(
                f"case {sample.case.id}: Slide-SAM takes volumes of one channel and at least "
                f"{SLICES} planes, this one is {sample.values.shape}."
            )
        values = np.asarray(sample.values, np.float32)
        low, high = CT if values.min() < DARKEST else OTHER
        return Following(self, sample, values.clip(low, high))

    def pixels(self, window: NDArray[np.float32]) -> torch.Tensor:
        """(3, H, W) -> the network's input, (1, 3, side, side)."""
        large = interpolate(torch.from_numpy(window)[None], (SIDE, SIDE)).to(self.device)
        low, high = large.min(), large.max()
        large = (large - low) / (high - low) * 255
        mean, std = (
            torch.tensor(v, device=self.device)[:, None, None] for v in (PIXEL_MEAN, PIXEL_STD)
        )
        return (large - mean) / std

    def decode(self, features: torch.Tensor, asked: Asked, size: tuple[int, int]) -> Any:
        """(3, H, W) logits of the candidate with the highest predicted IoU, and that IoU."""
        sam: Any = self.sam
        labels = torch.ones((1, 1), dtype=torch.int32, device=self.device)
        points = None if asked.point is None else (asked.point, labels)
        sparse, dense = sam.prompt_encoder(points=points, boxes=asked.box, masks=None)
        decoder = sam.mask_decoder
        tokens = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight])
        tokens = torch.cat([tokens[None], sparse], dim=1)
        pe = sam.prompt_encoder.get_dense_pe()
        seen, image = decoder.transformer(features + dense, pe, tokens)
        image = image.transpose(1, 2).reshape(features.shape)
        iou = decoder.iou_prediction_head(seen[:, 0])[0, 1:]
        best = int(iou.argmax())
        weights = decoder.output_hypernetworks_mlps[1 + best](seen[:, 2 + best])[0]
        enlarged = (
            decoder.output_upscaling,
            decoder.output_upscaling2,
            decoder.output_upscaling3,
        )
        masks = torch.stack([torch.einsum("c,chw->hw", weights, up(image)[0]) for up in enlarged])
        large = interpolate(masks[None], (SIDE, SIDE), mode="bilinear")
        return interpolate(large, size, mode="bilinear")[0], iou[best]


@dataclass(slots=True)
class Following:
    """One volume; features of the last few windows are kept."""

    model: SlideSam
    sample: Sample
    values: NDArray[np.float32]
    features: dict[int, torch.Tensor] = field(default_factory=dict)

    def ask(self, prompts: Sequence[Prompt]) -> Followed:
        """Raises `InputError` for a prompt that is no box or point on the object of one plane."""
        with torch.inference_mode():
            masks = [self._followed(prompt) for prompt in prompts]
        return Followed([prompt.label for prompt in prompts], masks)

    def forget(self) -> None:
        """Features are kept."""

    def _followed(self, prompt: Prompt) -> NDArray[np.bool_]:
        """(S, H, W): the windows' masks together."""
        planes, height, width = self.sample.shape
        plane, asked = self._asked(prompt)
        found = np.zeros((planes, height, width), np.bool_)
        first = self._masks(plane, asked)
        for step in (1, -1):
            masks, at = first, plane
            while masks is not None:
                found[at - 1 : at + 2] |= masks
                at += step
                if not 1 <= at < planes - 1:
                    break
                box = self.box_of(masks[1 + step])
                masks = None if box is None else self._masks(at, Asked(box, None))
        return found

    def _asked(self, prompt: Prompt) -> tuple[int, Asked]:
        """The middle plane of the first window, and what is asked of it."""
        planes, height, width = self.sample.shape
        points, labels = prompt.points_xy, prompt.point_labels
        one = points is not None and labels is not None and labels.tolist() == [1]
        if prompt.plane is None or (prompt.box is None) == (not one) or prompt.mask is not None:
            raise InputError(
                f"case {prompt.case}: Slide-SAM is asked about {prompt.label!r} by one box, or one "
                f"click on it, on one plane. {CHOOSE}"
            )
        scale = np.array([SIDE / width, SIDE / height])
        given = prompt.box_xy if prompt.box_xy is not None else points
        assert given is not None
        places = torch.as_tensor(given.reshape(-1, 2) * scale, device=self.model.device)
        asked = Asked(None, places[None]) if one else Asked(places.reshape(1, 4), None)
        return min(max(prompt.plane, 1), planes - 2), asked

    def _masks(self, plane: int, asked: Asked) -> NDArray[np.bool_] | None:
        """(3, H, W) opened masks of the window around a plane; None where it is not trusted."""
        model = self.model
        if plane not in self.features:
            window = self.values[plane - 1 : plane + 2]
            self.features[plane] = model.encoder(model.pixels(window))
            self.features.pop(next(iter(self.features))) if len(self.features) > KEPT else None
        logits, iou = model.decode(self.features[plane], asked, self.sample.shape[1:])
        if model.options["iou"] >= 0 and not iou > model.options["iou"]:
            return None
        stable = (logits > OFFSET).sum() / (logits > -OFFSET).sum()
        if model.options["stability"] > 0 and not stable >= model.options["stability"]:
            return None
        return np.stack([opened(one) for one in (logits > 0).cpu().numpy()])

    def box_of(self, mask: NDArray[np.bool_]) -> torch.Tensor | None:
        """The box (1, 4) on the network's input of a mask; None for one too small to follow."""
        if mask.sum() <= SMALLEST:
            return None
        large = interpolate(torch.from_numpy(mask)[None, None].float(), (SIDE, SIDE))[0, 0]
        rows, columns = (torch.nonzero(large.any(dim=n))[:, 0].tolist() for n in (1, 0))
        x0, y0, x1, y1 = columns[0], rows[0], columns[-1], rows[-1]
        wide, high = int((x1 - x0) * MARGIN), int((y1 - y0) * MARGIN)
        # Enlarged to the upper left, made smaller at the lower right, as `enlarge` does.
        box = [max(x0 - wide, 0), max(y0 - wide, 0)]
        box += [min(x1 - high, SIDE - 1), min(y1 - high, SIDE - 1)]
        return torch.tensor([box], device=self.model.device)


def opened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """`remove_mask_noise`: without what a square does not fit into.

    Its side is a twentieth of the mask's pixels, 8 at most; OpenCV takes 3 where it is 0.
    """
    side = min(int(mask.sum()) // SHARE, LARGEST_KERNEL)
    kernel = np.ones((side or 3,) * 2, np.uint8)
    cleared: NDArray[Any] = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    return cleared > 0


@dataclass(frozen=True, slots=True)
class Followed:
    """A mask (S, H, W) for each object."""

    labels: Sequence[str]
    masks: Sequence[NDArray[np.bool_]]

    def planes(self, grid: Grid) -> Iterator[Answered]:
        for index in range(len(self.masks[0]) if self.masks else 0):
            scores = torch.from_numpy(np.stack([mask[index] for mask in self.masks]))[:, None]
            prediction = Prediction(scores.float(), "label", tuple(self.labels))
            yield Answered(index, range(len(self.labels)), prediction)


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> SlideSam:
    """From a state dict with its LoRA layers. Raises `InputError` naming what does not fit."""
    state = merge(number_wrapped(state))
    config = config_of(state)
    with unfilled():
        sam: Any = build_sam(config)
        stem = sam.prompt_encoder.mask_downscaling[0]
        sam.prompt_encoder.mask_downscaling[0] = nn.Conv2d(SLICES, stem.out_channels, 2, 2)
        for number in (2, 3):
            up = build_sam(config).mask_decoder.output_upscaling
            sam.mask_decoder.add_module(f"output_upscaling{number}", up)
    load_strictly(sam, state)
    return SlideSam(sam, options, device, dtype)
