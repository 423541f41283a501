"""Classes without a prompt from windows of neighbouring planes, added up where windows overlap.

A window of k planes (k odd) lies around every plane of a stack, the first and last plane repeated
beyond its ends; the network gives probabilities for all k planes of it, and a plane's class is that
with the largest sum over the windows it lies in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from catalog.errors import InputError
from reproduce.contracts import Answered, Grid, Prediction, Prompt, Reference, Sample, StackModel
from reproduce.models.frames import Frame
from reproduce.models.promptable import fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray


class WindowModel(StackModel):
    """A subclass says how a window becomes the network's input (`pixels`) and what the network
    gives for it (`logits`).

    planes   of a window
    classes  their names; channel 0 of the logits is the background
    """

    planes: int
    side: int

    def __init__(
        self, name: str, classes: Sequence[str], options: Mapping[str, Any], device: str
    ) -> None:
        self.name, self.classes, self.options = name, tuple(classes), dict(options)
        self.device = device

    def pixels(self, window: NDArray[Any]) -> NDArray[np.float32]:
        """(k, H, W) values as stored -> the network's input, (k, 3, side, side) float32."""
        raise NotImplementedError

    def logits(self, pixels: torch.Tensor) -> torch.Tensor:
        """(k, 3, side, side) on the device -> (k, 1 + classes, side, side)."""
        raise NotImplementedError

    def to_planes(self, probability: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        """(k, C, side, side) -> (k, C, *shape), lying as the planes do, as the release brings
        them back."""
        raise NotImplementedError

    def preprocessing_id(self) -> str:
        return fingerprint(name=self.name, options=self.options, side=self.side)

    def open(self, sample: Sample) -> WindowSession:
        """Raises `InputError` for planes of several channels."""
        if sample.values.ndim != 3:
            raise InputError(
                f"case {sample.case.id}: {self.name} takes planes of one channel, these have "
                f"{sample.values.shape[-1]}. Use data whose images are grey."
            )
        return WindowSession(self, sample)

    def reference(self, sample: Sample, grid: Grid) -> Reference:
        if grid == "original":
            return Reference(sample.labels, sample.valid)
        frame = Frame.squashed(*sample.shape[1:], self.side)

        def brought(stack: NDArray[np.bool_]) -> NDArray[np.bool_]:
            return np.stack([frame.resize_mask(plane) for plane in stack])

        return Reference(
            {name: brought(stack) for name, stack in sample.labels.items()},
            None if sample.valid is None else brought(sample.valid),
        )


@dataclass(frozen=True, slots=True)
class WindowSession:
    """One stack. Nothing is kept: every window is looked at once."""

    model: WindowModel
    sample: Sample

    def ask(self, prompts: Sequence[Prompt]) -> WindowAnswer:
        """Prompts are ignored."""
        return WindowAnswer(self.model, self.sample)

    def forget(self) -> None:
        """Nothing is kept between two questions."""


@dataclass(frozen=True, slots=True)
class WindowAnswer:
    """Label maps, made plane by plane; sums of as many planes as a window has are held."""

    model: WindowModel
    sample: Sample

    def planes(self, grid: Grid) -> Iterator[Answered]:
        """All planes in order, one 0/1 mask a class."""
        count, half = self.sample.shape[0], self.model.planes // 2
        sums: dict[int, torch.Tensor] = {}
        for middle in range(count):
            around = np.arange(middle - half, middle + half + 1)
            with torch.inference_mode():
                found = self._probability(self.sample.values[np.clip(around, 0, count - 1)], grid)
                for index, one in zip(around.tolist(), found, strict=True):
                    if 0 <= index < count:
                        sums[index] = sums[index] + one if index in sums else one
            if middle >= half:
                yield self._answered(middle - half, sums.pop(middle - half))
        for index in sorted(sums):
            yield self._answered(index, sums[index])

    def _probability(self, window: NDArray[Any], grid: Grid) -> torch.Tensor:
        model = self.model
        pixels = torch.from_numpy(model.pixels(window)).to(model.device)
        height, width = window.shape[1:]
        size = (model.side, model.side) if grid == "model_input" else (height, width)
        return model.to_planes(torch.softmax(model.logits(pixels), dim=1), size)

    def _answered(self, index: int, total: torch.Tensor) -> Answered:
        numbers = torch.arange(1, 1 + len(self.model.classes), device=total.device)
        scores = (total.argmax(dim=0) == numbers[:, None, None]).float()[:, None]
        prediction = Prediction(scores, "label", self.model.classes)
        return Answered(index, range(len(self.model.classes)), prediction)
