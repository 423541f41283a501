"""A cube of equal voxels cut out of a volume: where it lies, what is in it, and the way back.

As torchio does it (`Resample`, `CropOrPad`): the resampled grid has the centre of the original one
and at most its extent; images are interpolated linearly, masks take the nearest voxel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

Triple = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Resampled:
    """A volume's grid (S, H, W) with another distance of voxels. All in the order of the axes.

    shape       of the original;  spacing_mm of the original
    target_mm   of the resampled grid, the same for each axis
    """

    shape: Triple
    spacing_mm: tuple[float, float, float]
    target_mm: float

    @property
    def size(self) -> Triple:
        """Voxels of the resampled grid; an axis of one voxel keeps it."""
        counts = np.floor(np.array(self.shape) * np.array(self.spacing_mm) / self.target_mm)
        counts[np.array(self.shape) == 1] = 1
        planes, rows, columns = map(int, counts)
        return planes, rows, columns

    @property
    def _step(self) -> NDArray[np.float64]:
        """Voxels of the original a voxel of the resampled grid."""
        return self.target_mm / np.array(self.spacing_mm)

    def to_original(self, places: NDArray[Any]) -> NDArray[np.float64]:
        """(..., 3) places on the resampled grid -> on the original."""
        centre, middle = (np.array(self.shape) - 1) / 2, (np.array(self.size) - 1) / 2
        moved: NDArray[np.float64] = centre + (np.asarray(places) - middle) * self._step
        return moved

    def to_resampled(self, places: NDArray[Any]) -> NDArray[np.float64]:
        """The inverse of `to_original`."""
        centre, middle = (np.array(self.shape) - 1) / 2, (np.array(self.size) - 1) / 2
        moved: NDArray[np.float64] = middle + (np.asarray(places) - centre) / self._step
        return moved

    def image(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """(S, H, W) values, linear -> float32 of `size`."""
        from scipy.ndimage import affine_transform

        found: NDArray[np.float32] = affine_transform(
            values.astype(np.float32),
            self._step,
            self.to_original(np.zeros(3)),
            self.size,
            order=1,
            mode="nearest",
            output=np.float32,
        )
        return found

    def mask(self, mask: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], Triple]:
        """(S, H, W) bool, nearest voxel -> the box of the resampled mask that holds all of it, and
        where that begins; an empty box where no voxel of the resampled grid is in the mask."""
        from reproduce.statistics.surface_host import bounding_box

        box = bounding_box(mask)
        if box is None:
            return np.zeros((0, 0, 0), np.bool_), (0, 0, 0)
        along = [self._nearest(axis) for axis in range(3)]
        inside = [
            np.flatnonzero((at >= part.start) & (at < part.stop))
            for at, part in zip(along, box, strict=True)
        ]
        if not all(map(len, inside)):
            return np.zeros((0, 0, 0), np.bool_), (0, 0, 0)
        first = (int(inside[0][0]), int(inside[1][0]), int(inside[2][0]))
        return mask[np.ix_(*(at[i] for at, i in zip(along, inside, strict=True)))], first

    def _nearest(self, axis: int) -> NDArray[np.int64]:
        """For each voxel of the resampled grid along an axis the nearest one of the original."""
        places = np.zeros((self.size[axis], 3))
        places[:, axis] = np.arange(self.size[axis])
        index = nearest(self.to_original(places)[:, axis])
        return np.clip(index, 0, self.shape[axis] - 1)


@dataclass(frozen=True)  # without slots, which leave no room for what is worked out once
class Cube:
    """A cube of `side` voxels of a resampled grid; `origin` is its first voxel there, also below 0.

    What lies outside the grid is 0.
    """

    grid: Resampled
    origin: Triple
    side: int

    @classmethod
    def around(cls, grid: Resampled, first: NDArray[Any], last: NDArray[Any], side: int) -> Cube:
        """The cube in whose middle the voxels `first` to `last` of the resampled grid lie.

        Where that is half a voxel off it is moved down (`CropOrPad`).
        """
        begin = np.floor((np.asarray(first) + np.asarray(last) + 1 - side) / 2)
        planes, rows, columns = map(int, begin)
        return cls(grid, (planes, rows, columns), side)

    @classmethod
    def between(cls, grid: Resampled, around: NDArray[Any], side: int) -> Cube:
        """The cube whose first and last voxel are these places of the original volume."""
        planes, rows, columns = map(int, nearest(grid.to_resampled(around[0])))
        return cls(grid, (planes, rows, columns), side)

    @property
    def corners(self) -> NDArray[np.float64]:
        """(2, 3) first and last voxel as places of the original volume."""
        first = np.array(self.origin)
        return self.grid.to_original(np.stack([first, first + self.side - 1]))

    def to_input(self, places: NDArray[Any]) -> NDArray[np.float64]:
        """(..., 3) places (s, y, x) in the original volume -> in the cube."""
        moved: NDArray[np.float64] = self.grid.to_resampled(places) - np.array(self.origin)
        return moved

    def to_image(self, places: NDArray[Any]) -> NDArray[np.float64]:
        """The inverse of `to_input`."""
        return self.grid.to_original(np.asarray(places) + np.array(self.origin))

    def cut(self, part: NDArray[Any], first: Triple = (0, 0, 0)) -> NDArray[Any]:
        """What a part of a resampled volume that begins at `first` has in the cube; else 0."""
        cube = np.zeros((self.side,) * 3, part.dtype)
        inside, there = [], []
        for begin, start, size in zip(self.origin, first, part.shape, strict=True):
            low, high = max(begin, start), min(begin + self.side, start + size)
            inside.append(slice(low - begin, max(high, low) - begin))
            there.append(slice(low - start, max(high, low) - start))
        cube[tuple(inside)] = part[tuple(there)]
        return cube

    def plane_of(self, cube: torch.Tensor, index: int) -> torch.Tensor:
        """Plane `index` of the original volume, (..., H, W), from a (..., side, side, side) answer:
        the nearest voxel of the cube, 0 outside of it."""
        import torch

        _, height, width = self.grid.shape
        at = self._seen
        found = cube.new_zeros((*cube.shape[:-3], height, width))
        depth = int(at[0][index])
        rows = np.flatnonzero((at[1] >= 0) & (at[1] < self.side))
        columns = np.flatnonzero((at[2] >= 0) & (at[2] < self.side))
        if 0 <= depth < self.side and len(rows) and len(columns):
            y, x = torch.from_numpy(at[1][rows]), torch.from_numpy(at[2][columns])
            part = cube[..., depth, :, :][..., y[:, None], x[None]]
            found[..., rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = part
        return found

    @cached_property
    def _seen(self) -> list[NDArray[np.int64]]:
        """For each axis which voxel of the cube lies nearest to each of the volume's; it may lie
        outside of the cube."""
        found = []
        for axis, count in enumerate(self.grid.shape):
            along = np.zeros((count, 3))
            along[:, axis] = np.arange(count)
            found.append(nearest(self.to_input(along)[:, axis]))
        return found


def nearest(places: NDArray[Any]) -> NDArray[np.int64]:
    """Whole numbers nearest to places; halves go up, rounding errors left aside.

    ITK's nearest neighbour does the same where nothing is halfway; there its own rounding errors,
    which follow the origin of the file, decide.
    """
    return np.floor(np.asarray(places) + 0.5 + 1e-6).astype(np.int64)
