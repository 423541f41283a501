"""CT at 1 mm with a data set's window and z-score, as 3DSAM-adapter made it and others took over.

Follows med-air/3DSAM-adapter `dataset/base_dataset.py`: PyTorch's trilinear interpolation to 1 mm,
numbers clipped to a window and standardised by constants of the training set; an answer on that
grid is brought back by trilinear interpolation and only then becomes a mask. Planes lie as the
release's arrays do where their files are stored towards right, anterior, superior.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch.nn.functional import interpolate

from catalog.errors import InputError
from reproduce.contracts import (
    Answered,
    Grid,
    Prediction,
    Prompt,
    Sample,
    ScoreKind,
    Spacing,
)
from reproduce.models.millimetre_data import DATA
from reproduce.models.volumes import OwnGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

Triple = tuple[int, int, int]
CLICKS = "Choose a profile of points on the object in 3D (point-3d-uniform)."


@dataclass(frozen=True, slots=True)
class Millimetre:
    """A volume's grid (S, H, W) brought to 1 mm."""

    shape: Triple
    spacing_mm: tuple[float, float, float]

    @property
    def size(self) -> Triple:
        """Voxels of 1 mm, the last part of one left out."""
        s, y, x = (int(n * mm) for n, mm in zip(self.shape, self.spacing_mm, strict=True))
        return s, y, x

    @property
    def _voxels(self) -> NDArray[np.float64]:
        """Voxels of 1 mm a voxel of the original."""
        ratio: NDArray[np.float64] = np.array(self.size) / np.array(self.shape)
        return ratio

    def to_input(self, places: NDArray[Any]) -> NDArray[np.float64]:
        """(..., 3) places in the original -> at 1 mm."""
        return np.asarray(places, np.float64) * self._voxels

    def to_image(self, places: NDArray[Any]) -> NDArray[np.float64]:
        """The inverse of `to_input`."""
        return np.asarray(places, np.float64) / self._voxels

    def image(self, values: NDArray[Any], data: str) -> torch.Tensor:
        """(S, H, W) numbers in HU -> standardised float32 of `size`."""
        window = DATA[data]
        volume = torch.from_numpy(values.astype(np.float32))[None, None]
        small = interpolate(volume, scale_factor=self.spacing_mm, mode="trilinear")[0, 0]
        return (small.clip(window.low, window.high) - window.mean) / window.deviation

    def mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(S, H, W) bool -> bool of `size`, PyTorch's nearest voxel."""
        volume = torch.from_numpy(mask.astype(np.float32))[None, None]
        small: NDArray[np.bool_] = interpolate(volume, self.size, mode="nearest")[0, 0].numpy() > 0
        return small


@dataclass(frozen=True, slots=True)
class BroughtMask:
    """A reference mask at 1 mm (`reproduce.contracts.Brought`)."""

    mask: NDArray[np.bool_]
    grid: Millimetre
    around = None

    def to_input(self, places: NDArray[Any]) -> NDArray[np.float64]:
        return self.grid.to_input(places)

    def to_image(self, places: NDArray[Any]) -> NDArray[np.float64]:
        return self.grid.to_image(places)


def brought(mask: NDArray[np.bool_], options: Mapping[str, Any], spacing: Spacing) -> BroughtMask:
    """The mask on the grid that clicks are drawn on."""
    grid = millimetre(cast(Triple, mask.shape), spacing)
    return BroughtMask(grid.mask(mask), grid)


def millimetre(shape: Triple, spacing: Spacing) -> Millimetre:
    """Raises `InputError` where the spacing is not known or nothing would be left at 1 mm."""
    planes, rows, columns = spacing
    if planes is None or rows is None or columns is None:
        raise InputError(
            "this model resamples to 1 mm, and the spacing of the volume is not known. Use data "
            "whose header has it."
        )
    grid = Millimetre(shape, (planes, rows, columns))
    if not all(grid.size):
        raise InputError(
            f"a volume of {shape} voxels of {planes} x {rows} x {columns} mm is thinner than 1 mm."
        )
    return grid


class MillimetreModel(OwnGrid):
    """A subclass gives the scores of one object at 1 mm (`scores`).

    kind  of these scores, on the original grid too
    """

    kind: ScoreKind

    def __init__(self, name: str, options: Mapping[str, Any], device: str) -> None:
        self.name = self.title = name
        self.options, self.device = dict(options), device

    def scores(self, volume: torch.Tensor, clicks: NDArray[np.float64]) -> torch.Tensor:
        """(d, h, w) standardised volume on the host and (N, 3) clicks on it -> (d, h, w)."""
        raise NotImplementedError

    def open(self, sample: Sample) -> MillimetreSession:
        """Raises `InputError` for a volume of several channels or of unknown spacing."""
        self.grey(sample)
        return MillimetreSession(self, sample, millimetre(sample.shape, sample.spacing))


@dataclass(slots=True)
class MillimetreSession:
    """One volume; it is resampled when first asked about."""

    model: MillimetreModel
    sample: Sample
    grid: Millimetre
    volume: torch.Tensor | None = None

    def ask(self, prompts: Sequence[Prompt]) -> MillimetreAnswer:
        """Raises `InputError` for prompts that are not clicks on the object."""
        for prompt in prompts:
            labels = prompt.point_labels
            clicks = prompt.points is not None and labels is not None and (labels == 1).all()
            if not clicks or prompt.box is not None or prompt.mask is not None:
                raise InputError(
                    f"{self.model.name} takes clicks on the object and nothing else; the prompt "
                    f"for {prompt.label!r} of case {prompt.case} has others. {CLICKS}"
                )
        if self.volume is None:
            self.volume = self.grid.image(self.sample.values, self.model.options["data"])
        with torch.inference_mode():
            scores = [
                self.model.scores(self.volume, self.grid.to_input(prompt.points))
                for prompt in prompts
                if prompt.points is not None
            ]
        return MillimetreAnswer(self.model, self.sample.shape, prompts, scores)

    def forget(self) -> None:
        """The resampled volume is kept."""


@dataclass(frozen=True, slots=True)
class MillimetreAnswer:
    """Scores at 1 mm of each object, brought back plane by plane."""

    model: MillimetreModel
    shape: Triple
    prompts: Sequence[Prompt]
    scores: Sequence[torch.Tensor]

    def planes(self, grid: Grid) -> Iterator[Answered]:
        """All planes of the volume in order."""
        labels = tuple(prompt.label for prompt in self.prompts)
        for index in range(self.shape[0]):
            planes = torch.stack([self._plane(one, index) for one in self.scores])
            yield Answered(index, range(len(labels)), Prediction(planes, self.model.kind, labels))

    def _plane(self, scores: torch.Tensor, index: int) -> torch.Tensor:
        """(1, H, W): plane `index` of the trilinear interpolation to the original shape."""
        depth = scores.shape[0]
        place = max((index + 0.5) * depth / self.shape[0] - 0.5, 0.0)
        low = min(int(place), depth - 1)
        high, share = min(low + 1, depth - 1), place - low
        plane = scores[low] * (1 - share) + scores[high] * share
        return interpolate(plane[None, None], self.shape[1:], mode="bilinear")[0]
