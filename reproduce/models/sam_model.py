"""A loaded Segment Anything as the core sees it (`reproduce.contracts.Model`).

Images are encoded once; all prompts of an image are decoded together. Prompts whose token sequences
have the same length and kind form one batch: padding shorter ones would change their result, since
a padding point is a token that the decoder attends to.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch.nn import functional

from catalog.errors import InputError, UsageError
from reproduce.ahead import ahead
from reproduce.contracts import Grid, Prediction, Prompt, Reference, Sample
from reproduce.models.batches import prompts_together
from reproduce.models.sam_decoder import decoder_of, shared
from reproduce.models.sam_encoder import FusedEncoder, precision
from reproduce.models.sam_preprocessing import (
    Size,
    input_size,
    resize_longest_side,
    resize_mask,
    to_batch,
    to_input_frame,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from segment_anything.modeling import Sam

Multimask = Literal["single", "three"]
EncoderForm = Literal["fused", "official"]
RESIZING_THREADS = 8


@dataclass(frozen=True, slots=True)
class SamEmbedding:
    """An encoded image: features (C, g, g) float32 on the model's device; sizes (H, W) in px."""

    features: torch.Tensor
    original: Size
    resized: Size


@dataclass(frozen=True, slots=True)
class Decoded:
    """The decoder's answer to N prompts of one image, before any upsampling.

    low_res        (N, C, l, l) float32 logits (foreground > 0) of the padded, resized image
    predicted_iou  (N, C) float32
    """

    low_res: torch.Tensor
    predicted_iou: torch.Tensor


class SamModel:
    """Segment Anything behind the `Model` contract.

    `multimask`: "single" takes the decoder's one mask for unambiguous prompts, "three" its three
    candidates for ambiguous ones. `encoder`: "fused" (`sam_encoder`), or "official" for
    segment_anything's own forward; `dtype` is the encoder's precision (float32, bfloat16, float16),
    the decoder always computes in float32. `encode_batch` images go through the encoder together
    (on a CPU more than one brings nothing and costs memory).
    """

    volumetric = False

    def __init__(
        self,
        sam: Sam,
        *,
        multimask: Multimask = "single",
        encoder: EncoderForm = "fused",
        dtype: str = "float32",
        encode_batch: int | None = None,
    ) -> None:
        self.sam = sam
        self.multimask = multimask
        self.side: int = sam.image_encoder.img_size
        self.low_res: int = sam.prompt_encoder.mask_input_size[0]
        self.device: torch.device = sam.pixel_mean.device
        self.encode_batch = encode_batch or (1 if self.device.type == "cpu" else 8)
        self.encoder: torch.nn.Module = sam.image_encoder
        self.encoder_id = f"{encoder}/1/{dtype}"
        if encoder == "fused":
            self.encoder = FusedEncoder(sam.image_encoder, precision(dtype))
        elif dtype != "float32":
            raise UsageError(
                f"encoder official computes in float32 only, got {dtype}. Use encoder=fused."
            )
        with torch.inference_mode():
            image_pe = sam.prompt_encoder.get_dense_pe()
            self._decode = decoder_of(sam.mask_decoder, image_pe)

    # ------------------------------------------------------------------------------- encoding

    def preprocessing_id(self) -> str:
        """16 hex digits over resizing, normalisation, the encoder's form and the kind of device."""
        facts = {
            "preprocessing": "sam/1: Pillow bilinear, longest side, normalise, pad",
            "side": self.side,
            "mean": self.sam.pixel_mean.flatten().tolist(),
            "std": self.sam.pixel_std.flatten().tolist(),
            "encoder": self.encoder_id,
            "device": self.device.type,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]

    @torch.inference_mode()
    def encode(self, images: Sequence[NDArray[np.uint8]]) -> list[SamEmbedding]:
        """Image embeddings, one per (H, W, 3) uint8 RGB image."""
        # On a GPU, threads resize the next images while it works; a CPU has nothing to spare.
        threads = 0 if self.device.type == "cpu" else RESIZING_THREADS
        resized = ahead(self.prepare, images, threads=threads, depth=2 * self.encode_batch)
        embeddings: list[SamEmbedding] = []
        for start in range(0, len(images), self.encode_batch):
            chunk = list(islice(resized, self.encode_batch))
            batch = to_batch(chunk, self.sam.pixel_mean, self.sam.pixel_std, self.side)
            features = self.encoder(batch).float()
            embeddings += [
                SamEmbedding(one, _size(original), _size(image))
                for one, original, image in zip(
                    features, images[start : start + len(chunk)], chunk, strict=True
                )
            ]
        return embeddings

    def prepare(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A (H, W, 3) uint8 image resized for the model; needs no weights and no device."""
        return resize_longest_side(image, self.side)

    # ------------------------------------------------------------------------------- decoding

    @torch.inference_mode()
    def decode(self, embedding: SamEmbedding, prompts: Sequence[Prompt]) -> Decoded:
        """Low-resolution logits of all prompts of one image, in the prompts' order."""
        if not prompts:
            raise UsageError("Segment Anything needs at least one prompt an image; got none.")
        groups: dict[tuple[int, bool, bool], list[int]] = defaultdict(list)
        for index, prompt in enumerate(prompts):
            points = 0 if prompt.points is None else len(prompt.points)
            if prompt.box is None and points == 0 and prompt.mask_input is None:
                raise InputError(
                    f"the prompt for case {prompt.case}, label {prompt.label} has neither box, "
                    "point nor mask; expected at least one. Choose another prompt profile."
                )
            groups[points, prompt.box is not None, prompt.mask_input is not None].append(index)
        low_res: torch.Tensor | None = None
        iou: torch.Tensor | None = None
        step = prompts_together(self.device)
        for members in groups.values():
            for start in range(0, len(members), step):
                chunk = members[start : start + step]
                logits, predicted = self._decode_alike(embedding, [prompts[i] for i in chunk])
                if len(chunk) == len(prompts):
                    return Decoded(logits, predicted)
                if low_res is None or iou is None:
                    low_res = logits.new_empty((len(prompts), *logits.shape[1:]))
                    iou = predicted.new_empty((len(prompts), predicted.shape[1]))
                low_res[chunk], iou[chunk] = logits, predicted
        assert low_res is not None
        assert iou is not None
        return Decoded(low_res, iou)

    def _decode_alike(
        self, embedding: SamEmbedding, prompts: Sequence[Prompt]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Decode prompts that have the same number of points, and all or none a box or mask."""
        first = prompts[0]
        points = boxes = masks = None
        if first.points is not None and len(first.points):
            points = (
                self._coordinates([p.points for p in prompts], embedding),
                torch.from_numpy(
                    np.stack([np.asarray(p.point_labels, dtype=np.int32) for p in prompts])
                ).to(self.device),
            )
        if first.box is not None:
            corners = [np.asarray(p.box).reshape(2, 2) for p in prompts if p.box is not None]
            boxes = self._coordinates(corners, embedding).reshape(-1, 4)
        if first.mask_input is not None:
            masks = torch.from_numpy(
                np.stack([np.asarray(p.mask_input, dtype=np.float32) for p in prompts])
            ).to(self.device)
        sparse, dense = self.sam.prompt_encoder(points=points, boxes=boxes, masks=masks)
        # SAM's first mask is the one for clear prompts, the others are for ambiguous ones.
        wanted = slice(1, None) if self.multimask == "three" else slice(0, 1)
        return self._decode(embedding.features, sparse, shared(dense, masks), wanted)

    def _coordinates(
        self, values: Sequence[NDArray[np.float64] | None], embedding: SamEmbedding
    ) -> torch.Tensor:
        """N arrays (M, 2) of image coordinates -> (N, M, 2) float32 in the model's input frame."""
        frame = to_input_frame(np.stack(list(values)), embedding.original, self.side)  # type: ignore[arg-type]  # callers pass no None
        return torch.from_numpy(frame.astype(np.float32)).to(self.device)

    @torch.inference_mode()
    def predict(self, embedding: SamEmbedding, prompts: Sequence[Prompt], grid: Grid) -> Prediction:
        """Logits of all prompts of one image on the original grid or the resized input's grid."""
        decoded = self.decode(embedding, prompts)
        return Prediction(
            scores=self.upsample(decoded.low_res, embedding, grid),
            kind="logit",
            labels=tuple(prompt.label for prompt in prompts),
            predicted_iou=decoded.predicted_iou,
            low_res=decoded.low_res,
        )

    def upsample(self, low_res: torch.Tensor, embedding: SamEmbedding, grid: Grid) -> torch.Tensor:
        """(N, C, l, l) logits -> (N, C, h, w) on `grid`, as `Sam.postprocess_masks` does it."""
        return upsample_logits(low_res, self.side, embedding.resized, target_size(embedding, grid))

    def reference(self, sample: Sample, grid: Grid) -> Reference:
        """The ground truth on the grid: as it is, or resized (nearest) like the image."""
        if grid == "original":
            return Reference(sample.labels, sample.valid)
        plane = next(iter(sample.labels.values())).shape[-2:]
        size = input_size((plane[0], plane[1]), self.side)
        return Reference(
            {label: resize_mask(mask, size) for label, mask in sample.labels.items()},
            None if sample.valid is None else resize_mask(sample.valid, size),
        )


def _size(image: NDArray[np.uint8]) -> Size:
    return image.shape[0], image.shape[1]


def target_size(embedding: SamEmbedding, grid: Grid) -> Size:
    """(h, w) of a grid. `model_input` is the resized image without its padding."""
    return embedding.original if grid == "original" else embedding.resized


def upsample_logits(low_res: torch.Tensor, side: int, resized: Size, target: Size) -> torch.Tensor:
    """Bilinear to the padded square of `side` px, padding cut off, bilinear to `target` (H, W).

    The same calls in the same order as `Sam.postprocess_masks`, so the same bits. Resizing to the
    size that a mask already has changes nothing and is left out.
    """
    masks = functional.interpolate(low_res, (side, side), mode="bilinear", align_corners=False)
    masks = masks[..., : resized[0], : resized[1]]
    if resized == target:
        return masks
    return functional.interpolate(masks, target, mode="bilinear", align_corners=False)
