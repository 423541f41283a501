"""Networks that answer for a whole volume at once, asked for classes or for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from catalog.errors import InputError
from reproduce.contracts import (
    Answered,
    Grid,
    Prediction,
    Prompt,
    Reference,
    Sample,
    ScoreKind,
    Session,
    StackModel,
)
from reproduce.models.promptable import fingerprint


class VolumeModel(StackModel):
    """A subclass says what is said about every voxel (`maps`)."""

    kind: ClassVar[ScoreKind]
    side: int

    def __init__(
        self,
        name: str,
        net: torch.nn.Module,
        side: int,
        classes: Sequence[str],
        options: Mapping[str, Any],
        device: str,
        dtype: str,
    ) -> None:
        self.name, self.options, self.device, self.dtype = name, dict(options), device, dtype
        self.net = net.eval().requires_grad_(False).to(device)
        self.side, self.classes = side, tuple(classes)

    def preprocessing_id(self) -> str:
        return fingerprint(name=self.name, options=self.options, dtype=self.dtype)

    def maps(self, sample: Sample) -> torch.Tensor:
        """(classes, S, H, W): what is said about each voxel of the sample, of kind `kind`."""
        raise NotImplementedError

    def open(self, sample: Sample) -> Session:
        """Nothing is computed yet: the whole is asked at once."""
        if sample.values.ndim != 3:
            raise InputError(
                f"{self.name} takes volumes of one channel; case {sample.case.id} has colours."
            )
        return Opened(self, sample)

    def reference(self, sample: Sample, grid: Grid) -> Reference:
        if grid != "original":
            raise InputError(
                f"{self.name} is scored on the original grid: what it answers is brought back. "
                "Leave out --set grid."
            )
        return Reference(sample.labels, sample.valid)


@dataclass(frozen=True, slots=True)
class Opened:
    """One volume. There is one question, and it has no prompts."""

    model: VolumeModel
    sample: Sample

    def ask(self, prompts: Sequence[Prompt]) -> Whole:
        """All classes; prompts are ignored."""
        model = self.model
        return Whole(model.classes, model.kind, model.maps(self.sample))

    def forget(self) -> None:
        """Nothing is kept."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Maps (N, S, H, W) of a volume, one for each label."""

    labels: tuple[str, ...]
    kind: ScoreKind
    maps: torch.Tensor

    def planes(self, grid: Grid) -> Iterator[Answered]:
        for index in range(self.maps.shape[1]):
            scores = self.maps[:, index, None]
            if scores.dtype is torch.float16:
                scores = scores.float()
            members = range(len(self.labels))
            yield Answered(index, members, Prediction(scores, self.kind, self.labels))
