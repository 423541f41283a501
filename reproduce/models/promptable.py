"""A released promptable model: what every variant of SAM shares, with the differences as methods.

A subclass says how an image becomes the network's input (`frame`, `pixels`), and, where it differs
from SAM, how low-resolution logits become scores (`scores`) and how coordinates are rounded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import interpolate

from catalog.errors import InputError, UsageError
from reproduce.contracts import (
    Grid,
    Plane,
    PlaneModel,
    Prediction,
    Prompt,
    Reference,
    ScoreKind,
)
from reproduce.models.batches import prompts_together
from reproduce.models.frames import Frame
from reproduce.models.sam_decoder import decoder_of, shared
from reproduce.models.sam_encoder import FusedEncoder, precision

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Encoded:
    """One image after the encoder: `features` (1, C, h, w) float32, and where the image lies."""

    features: torch.Tensor
    frame: Frame


def as_colour(image: NDArray[Any]) -> NDArray[Any]:
    """(H, W) or (H, W, 3) -> (H, W, 3), the one channel three times."""
    return np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image


def channels_first(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """(H, W, 3) -> (3, H, W), contiguous, float32."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)


def encoder_of(
    sam: Any, plain: bool, device: str, dtype: str
) -> Callable[[torch.Tensor], torch.Tensor]:
    """A network's image encoder as a function of the input batch, in the precision asked for.

    `plain`: the encoder is SAM's own (LoRA merged), so its fused form does the same faster. Other
    encoders run as they are, under autocast below float32.
    """
    kind = precision(dtype)
    if plain:
        fused = FusedEncoder(sam.image_encoder, kind)
        return lambda pixels: fused(pixels)
    if kind is torch.float32:
        return lambda pixels: sam.image_encoder(pixels)

    def cast(pixels: torch.Tensor) -> torch.Tensor:
        with torch.autocast(torch.device(device).type, kind):
            features: torch.Tensor = sam.image_encoder(pixels)
        return features.float()

    return cast


def fingerprint(**parts: Any) -> str:
    """Sixteen hex digits that change with any of the parts (plain data)."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


class ImageModel(PlaneModel):
    """What promptable and automatic models share: a square input and masks brought onto it.

    The grid `model_input` is the part of the input that the image fills, without padding.
    """

    side: int  # of the network's square input, in pixels

    def __init__(self, name: str, options: Mapping[str, Any], device: str, dtype: str) -> None:
        self.name, self.options, self.device, self.dtype = name, dict(options), device, dtype

    def frame(self, height: int, width: int) -> Frame:
        """Where an image of this size lies in the network's input."""
        raise NotImplementedError

    def pixels(self, image: NDArray[Any], frame: Frame) -> NDArray[np.float32]:
        """The network's input for one image, (3, side, side) float32."""
        raise NotImplementedError

    def mask_pixels(self, mask: NDArray[np.bool_], frame: Frame) -> NDArray[np.bool_]:
        """A reference mask on the network's grid, as the released evaluation makes it."""
        return frame.resize_mask(mask)

    def preprocessing_id(self) -> str:
        """Hash of what changes an embedding besides image and checkpoint."""
        return fingerprint(name=self.name, options=self.options, side=self.side, dtype=self.dtype)

    def batch(self, planes: Sequence[Plane]) -> tuple[torch.Tensor, list[Frame]]:
        """Inputs (B, 3, side, side) float32 on the device, and each image's place."""
        frames = [self.frame(*plane.image.shape[:2]) for plane in planes]
        pixels = [self.pixels(p.image, f) for p, f in zip(planes, frames, strict=True)]
        return torch.from_numpy(np.stack(pixels)).to(self.device), frames

    def reference(self, plane: Plane, grid: Grid) -> Reference:
        """Ground truth of a plane on the grid that is scored."""
        if grid == "original":
            return Reference(plane.labels, plane.valid, plane.objects)

        def bring(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
            return self.mask_pixels(mask, self.frame(*mask.shape))

        return Reference(
            {label: bring(mask) for label, mask in plane.labels.items()},
            None if plane.valid is None else bring(plane.valid),
        )


class PromptedModel(ImageModel):
    """A SAM with its own input and output: image encoder, prompt encoder, mask decoder.

    `sam` has those three under SAM's names. `candidates` are the decoder's masks that are kept, in
    its order; choosing among them is the protocol's business.
    """

    kind: ScoreKind = "logit"
    plain_encoder = False  # True: SAM's own, see `encoder_of`
    candidates = slice(0, 1)  # of the decoder's masks: SAM's first is the one for clear prompts
    upscaling = 4  # pixels of a low-resolution mask along one of the embedding

    def __init__(
        self, name: str, sam: Any, options: Mapping[str, Any], device: str, dtype: str
    ) -> None:
        super().__init__(name, options, device, dtype)
        self.sam: Any = sam.eval().to(device)  # SAM's parts, and those of its relatives
        self.side = int(self.sam.prompt_encoder.input_image_size[0])
        self.encoder = encoder_of(self.sam, self.plain_encoder, device, dtype)
        with torch.inference_mode():
            self.decoder = decoder_of(self.sam.mask_decoder, self.sam.prompt_encoder.get_dense_pe())

    @torch.inference_mode()
    def encode(self, planes: Sequence[Plane]) -> list[Encoded]:
        """One embedding per plane, all in one pass of the encoder."""
        pixels, frames = self.batch(planes)
        features = self.encoder(pixels)
        return [Encoded(f[None], frame) for f, frame in zip(features, frames, strict=True)]

    @torch.inference_mode()
    def predict(self, embedding: Encoded, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        """Scores of all prompts of one image, in their order."""
        low_res, quality = self.logits(embedding, prompts)
        return Prediction(
            scores=self.scores(low_res, embedding.frame, grid),
            kind=self.kind,
            labels=tuple(prompt.label for prompt in prompts),
            predicted_iou=quality,
            low_res=low_res,
        )

    @torch.inference_mode()
    def logits(
        self, embedding: Encoded, prompts: Sequence[Prompt]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Low-resolution logits (N, C, l, l) and predicted IoU (N, C) of all prompts of one image.

        Prompts of one kind and number of points are decoded together: SAM's padding point would
        change the result of a prompt that is padded to the length of another.
        """
        if not prompts:
            raise UsageError(f"{self.name} needs at least one prompt an image; got none.")
        groups: dict[tuple[int, bool, bool], list[int]] = {}
        for i, prompt in enumerate(prompts):
            points = 0 if prompt.points is None else len(prompt.points)
            if prompt.is_empty:
                raise InputError(
                    f"{self.name} needs a box, points or a mask for each object; the prompt for "
                    f"{prompt.label!r} of case {prompt.case} has none. Choose a prompt profile "
                    "other than none."
                )
            groups.setdefault(
                (points, prompt.box is not None, prompt.mask_input is not None), []
            ).append(i)
        candidates = len(range(self.sam.mask_decoder.num_mask_tokens)[self.candidates])
        side = self.upscaling * embedding.features.shape[-1]
        low_res = torch.empty(len(prompts), candidates, side, side, device=self.device)
        quality = torch.empty(len(prompts), candidates, device=self.device)
        step = prompts_together(self.device)
        for members in groups.values():
            for start in range(0, len(members), step):
                indices = members[start : start + step]
                masks, iou = self.decode(embedding, [prompts[i] for i in indices])
                if len(indices) == len(prompts):
                    return masks.float(), iou.float()
                low_res[indices], quality[indices] = masks.float(), iou.float()
        return low_res, quality

    def decode(
        self, embedding: Encoded, prompts: Sequence[Prompt]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Low-resolution logits (N, C, l, l) and predicted IoU (N, C) of prompts of one kind."""
        frame = embedding.frame
        boxes = points = masks = None
        if prompts[0].box is not None:
            corners = np.stack([p.box_xy.reshape(2, 2) for p in prompts if p.box_xy is not None])
            boxes = self._tensor(self.box_to_input(corners, frame).reshape(-1, 4))
        if prompts[0].points is not None and len(prompts[0].points):
            xy = np.stack([p.points_xy for p in prompts if p.points_xy is not None])
            points = (
                self._tensor(frame.to_input(xy)),
                torch.as_tensor(
                    np.stack([np.asarray(p.point_labels) for p in prompts]), device=self.device
                ),
            )
        if prompts[0].mask_input is not None:
            masks = self.mask_prompt(torch.stack([self._tensor(p.mask_input) for p in prompts]))
        sparse, dense = self.sam.prompt_encoder(points=points, boxes=boxes, masks=masks)
        return self.decoder(embedding.features[0], sparse, shared(dense, masks), self.candidates)

    def box_to_input(self, corners: NDArray[np.float64], frame: Frame) -> NDArray[np.float64]:
        """Corners (N, 2, 2) of boxes in the image -> on the input; some releases round them."""
        return frame.to_input(corners)

    def mask_prompt(self, logits: torch.Tensor) -> torch.Tensor:
        """What is fed back of the previous round's (N, 1, l, l) logits."""
        return logits

    def scores(self, low_res: torch.Tensor, frame: Frame, grid: Grid) -> torch.Tensor:
        """(N, C, l, l) logits -> (N, C, h, w) scores: SAM's two bilinear steps."""
        square = interpolate(low_res, (self.side, self.side), mode="bilinear", align_corners=False)
        return frame.inside(square) if grid == "model_input" else frame.to_original(square)

    def _tensor(self, array: Any) -> torch.Tensor:
        return torch.as_tensor(array, dtype=torch.float32, device=self.device)
