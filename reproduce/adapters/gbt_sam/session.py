"""GBT-SAM on a stack: slices by fours, each asked by its own box."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import interpolate

from catalog.errors import InputError
from reproduce.adapters.gbt_sam.network import SLICES, load
from reproduce.contracts import (
    Answered,
    Grid,
    Prediction,
    Prompt,
    Sample,
    Spacing,
)
from reproduce.models.promptable import fingerprint
from reproduce.models.volumes import OwnGrid
from reproduce.readers.grids import box_around

if TYPE_CHECKING:
    from numpy.typing import NDArray

OUTSIDE = -100.0  # logit of what is cut off: nothing is above 0 there


class GbtSam(OwnGrid):
    """`function.py: validation_sam` with -thd, -four_chan and -box."""

    title = "gbt-sam"

    def __init__(self, sam: Any, options: Mapping[str, Any], device: str, dtype: str) -> None:
        self.sam: Any = sam.eval().to(device)
        self.options, self.device, self.dtype = dict(options), device, dtype
        self.side = int(options["image_size"])

    def preprocessing_id(self) -> str:
        return fingerprint(name="gbt-sam", options=self.options, dtype=self.dtype)

    def open(self, sample: Sample) -> GbtSession:
        """Raises `InputError` for a stack that has not four channels."""
        channels = self.sam.image_encoder.net.patch_embed.proj.in_channels
        if sample.values.ndim != 4 or sample.values.shape[-1] != channels:
            found = sample.values.shape[3:] or (1,)
            raise InputError(
                f"case {sample.case.id}: gbt-sam takes volumes of {channels} channels (T1, T1 with "
                f"contrast, T2, FLAIR), this one has {found[0]}."
            )
        return GbtSession(self, sample, box_around(np.any(sample.values > 0, axis=-1)))


@dataclass(frozen=True, slots=True)
class SquareSlices:
    """Reference masks on the slices that the release takes its boxes from.

    mask   (S, side, side) bool
    scale  (2,) how much larger rows and columns are there
    """

    mask: NDArray[np.bool_]
    scale: NDArray[np.float64]
    around = None

    def to_input(self, places: NDArray[Any]) -> NDArray[np.float64]:
        """(N, 3) places (s, y, x) in the volume -> on the squares."""
        moved: NDArray[np.float64] = places * np.array([1.0, *self.scale])
        return moved

    def to_image(self, places: NDArray[Any]) -> NDArray[np.float64]:
        """The inverse of `to_input`."""
        moved: NDArray[np.float64] = places / np.array([1.0, *self.scale])
        return moved


def prompt_volume(
    mask: NDArray[np.bool_], options: Mapping[str, Any], spacing: Spacing
) -> SquareSlices:
    """`torchvision.transforms.Resize` without antialiasing; a pixel counts where it is wholly 1."""
    side = int(options["image_size"])
    squares = np.zeros((len(mask), side, side), np.bool_)
    for square, plane in zip(squares, mask, strict=True):
        if plane.any():
            soft = torch.from_numpy(np.ascontiguousarray(plane, np.float32))[None, None]
            there = interpolate(soft, [side, side], mode="bilinear", align_corners=False)
            square[:] = (there[0, 0] == 1).numpy()
    return SquareSlices(squares, side / np.array(mask.shape[1:], np.float64))


@dataclass(slots=True)
class GbtSession:
    """One volume; the features of four slices are kept until others are asked about."""

    model: GbtSam
    sample: Sample
    part: tuple[slice, slice, slice]
    kept: tuple[int, torch.Tensor] | None = None

    def ask(self, prompts: Sequence[Prompt]) -> GbtAnswer:
        """Each prompt is asked on its plane. Raises `InputError` for one without a box."""
        for prompt in prompts:
            if prompt.box is None or prompt.plane is None:
                raise InputError(
                    f"gbt-sam is asked by a box on a slice; the prompt for {prompt.label!r} of "
                    f"case {prompt.case} has none. Choose a profile of boxes on planes."
                )
        return GbtAnswer(self, prompts)

    def forget(self) -> None:
        """What is kept are features of slices, whatever was asked."""

    def features(self, plane: int) -> torch.Tensor | None:
        """(1, C, g, g) of a plane; None for one that is cut off."""
        cut = self.sample.values[self.part]
        number = plane - (self.part[0].start or 0)
        if not 0 <= number < len(cut):
            return None
        chunk, place = divmod(number, SLICES)
        if self.kept is None or self.kept[0] != chunk:
            values = cut[SLICES * chunk : SLICES * (chunk + 1)]
            slices = torch.zeros(SLICES, values.shape[-1], *values.shape[1:3])
            slices[: len(values)] = torch.from_numpy(
                np.ascontiguousarray(values.transpose(0, 3, 1, 2), dtype=np.float32)
            )
            size = [int(self.model.options["image_size"])] * 2
            pixels = interpolate(slices, size, mode="bilinear", align_corners=False)
            self.kept = chunk, self.model.sam.image_encoder(pixels.to(self.model.device))
        return self.kept[1][place : place + 1]


@dataclass(frozen=True, slots=True)
class GbtAnswer:
    """Logits, plane by plane."""

    session: GbtSession
    prompts: Sequence[Prompt]

    def planes(self, grid: Grid) -> Iterator[Answered]:
        """The planes that were asked about, in order."""
        members: dict[int, list[int]] = {}
        for number, prompt in enumerate(self.prompts):
            members.setdefault(prompt.plane or 0, []).append(number)
        for plane, numbers in sorted(members.items()):
            with torch.inference_mode():
                found = [self._answer(plane, self.prompts[number]) for number in numbers]
            scores, quality, low_res = (torch.cat(parts) for parts in zip(*found, strict=True))
            labels = tuple(self.prompts[number].label for number in numbers)
            prediction = Prediction(scores, "logit", labels, quality, low_res)
            yield Answered(plane, numbers, prediction)

    def _answer(
        self, plane: int, prompt: Prompt
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Scores (1, 1, H, W), predicted IoU (1, 1) and low-resolution logits (1, 1, l, l)."""
        session, model = self.session, self.session.model
        sam, device = model.sam, model.device
        height, width = session.sample.shape[1:]
        scores = torch.full((1, 1, height, width), OUTSIDE, device=device)
        features = session.features(plane)
        if features is None:
            low = 4 * sam.prompt_encoder.image_embedding_size[0]
            nothing = torch.full((1, 1, low, low), OUTSIDE, device=device)
            return scores, torch.zeros(1, 1, device=device), nothing
        _, rows, columns = session.part
        inside = scores[..., rows, columns]
        assert prompt.box_xy is not None
        corners = prompt.box_xy.reshape(2, 2) - (columns.start or 0, rows.start or 0)
        corners *= model.side / np.array(inside.shape[:1:-1])
        box = torch.as_tensor(corners.reshape(1, 4), dtype=torch.float32, device=device)
        sparse, dense = sam.prompt_encoder(points=None, boxes=box, masks=None)
        masks, quality = sam.mask_decoder(
            image_embeddings=features,
            image_pe=sam.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        inside[:] = interpolate(masks, inside.shape[-2:])  # nearest, as in the release
        return scores, quality, masks


def build(
    state: Mapping[str, torch.Tensor], options: Mapping[str, Any], device: str, dtype: str
) -> GbtSam:
    """GBT-SAM (`sam_lora_depth`, four channels) from the `state_dict` of its checkpoint."""
    return GbtSam(load(state, int(options["image_size"]), dtype), options, device, dtype)
