"""Networks that answer for a whole volume at once, asked for classes or for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

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

if TYPE_CHECKING:
    from numpy.typing import NDArray


class OwnGrid(StackModel):
    """A model that answers on the grid of the data, where it is scored.

    title  what it is called in messages
    """

    title: str

    def grey(self, sample: Sample) -> NDArray[Any]:
        """(S, H, W) values as stored. Raises `InputError` for several channels."""
        if sample.values.ndim != 3:
            raise InputError(
                f"{self.title} takes volumes of one channel; case {sample.case.id} has colours."
            )
        return sample.values

    def varied(self, sample: Sample) -> NDArray[Any]:
        """As `grey`, for what standardises where values are not 0. Raises `InputError` also where
        there is one value only."""
        values = self.grey(sample)
        inside = values[values != 0]
        if not len(inside) or inside.min() == inside.max():
            raise InputError(
                f"case {sample.case.id}: it has one value only where it is not 0; {self.title} "
                "standardises by the deviation there."
            )
        return values

    def reference(self, sample: Sample, grid: Grid) -> Reference:
        if grid != "original":
            raise InputError(f"{self.title} is scored on the original grid. Leave out --set grid.")
        return Reference(sample.labels, sample.valid)


class VolumeModel(OwnGrid):
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
        self.name = self.title = name
        self.options, self.device, self.dtype = dict(options), device, dtype
        self.net = net.eval().requires_grad_(False).to(device)
        self.side, self.classes = side, tuple(classes)

    def preprocessing_id(self) -> str:
        return fingerprint(name=self.name, options=self.options, dtype=self.dtype)

    def maps(self, sample: Sample) -> torch.Tensor:
        """(classes, S, H, W): what is said about each voxel of the sample, of kind `kind`."""
        raise NotImplementedError

    def open(self, sample: Sample) -> Session:
        """Nothing is computed yet: the whole is asked at once."""
        self.grey(sample)
        return Opened(self, sample)


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
