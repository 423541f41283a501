"""Volumes as the localiser sees them, and the points on examples that it looks for in others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from nibabel import orientations
from numpy.typing import NDArray
from scipy import ndimage
from torch.nn.functional import interpolate

from catalog.errors import InputError
from reproduce.adapters.medlsam.network import SIDE

MM, MARGIN = 3.0, SIDE // 2
CT_NUMBERS, SHOWN_AS = (-1000.0, -200.0, 200.0, 1500.0), (0.0, 0.2, 0.8, 1.0)
ACROSS, MOST_PARTS = 2, 6  # slice_interval
LAS: Any = orientations.axcodes2ornt("LAS")  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Turned:
    """How a file's axes (x, y, z) come to left, anterior, superior, and its voxels to 3 mm.

    own    orientation of the file's axes
    shape  of the file, (x, y, z)
    zoom   voxels of 3 mm a voxel of the file, along (superior, anterior, left)
    """

    own: Any
    shape: tuple[int, ...]
    zoom: NDArray[np.float64]

    @classmethod
    def of(cls, shape: Sequence[int], affine: NDArray[np.float64]) -> Turned:
        """shape and affine of an array (x, y, z)."""
        own: Any = orientations.io_orientation(affine)  # type: ignore[no-untyped-call]
        spacing = np.linalg.norm(affine[:3, :3], axis=0).astype(np.float32)
        turned = np.zeros(3, np.float32)
        turned[own[:, 0].astype(int)] = spacing
        return cls(own, tuple(shape), turned[::-1] / np.array([3, 3, 3]))

    def brought(self, values: NDArray[Any]) -> NDArray[Any]:
        """(x, y, z) as in the file -> (superior, anterior, left)."""
        turn = orientations.ornt_transform(self.own, LAS)  # type: ignore[no-untyped-call]
        found: Any = orientations.apply_orientation(values, turn)  # type: ignore[no-untyped-call]
        return np.asarray(found).transpose(2, 1, 0)

    def image(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """(x, y, z) CT numbers -> what the localiser sees, with a margin of half a cube of 0."""
        found = ndimage.zoom(self.brought(values).astype(np.float64), self.zoom)
        if found.min() < -10:  # otherwise it is taken for prepared
            found = by_pieces(found)
        return np.pad(found, MARGIN)

    def label(self, numbers: NDArray[Any]) -> NDArray[np.int32]:
        """Class numbers alike: each class by itself, linearly, then the largest."""
        stored = torch.from_numpy(np.ascontiguousarray(self.brought(numbers), np.int32))
        best = found = None
        for number in torch.unique(stored).tolist():
            inside = (stored == number).float()[None, None]
            value = interpolate(inside, scale_factor=self.zoom.tolist(), mode="trilinear")[0, 0]
            if best is None or found is None:
                best, found = value, torch.full(value.shape, number, dtype=torch.int32)
            else:
                found[value > best] = number
                best = torch.maximum(best, value)
        assert found is not None
        return np.pad(found.numpy(), MARGIN)

    def back(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (superior, anterior, left) in voxels of the file's size -> (z, y, x) in it."""
        turn = orientations.ornt_transform(LAS, self.own)  # type: ignore[no-untyped-call]
        way: Any = orientations.inv_ornt_aff(turn, self.shape)  # type: ignore[no-untyped-call]
        found: NDArray[np.float64] = points[:, ::-1] @ way[:3, :3].T + way[:3, 3]
        return found[:, ::-1]


def by_pieces(values: NDArray[Any]) -> NDArray[np.float32]:
    """CT numbers to 0-1, linear between `CT_NUMBERS`."""
    marks, shown = np.array(CT_NUMBERS), np.array(SHOWN_AS)
    slopes = np.diff(shown) / np.diff(marks)
    found = np.full(values.shape, shown[0], np.float32)
    for low, high, slope, at in zip(marks, marks[1:], slopes, shown, strict=False):
        inside = (values >= low) & (values < high)
        found[inside] = slope * (values[inside] - low) + at
    found[values >= marks[-1]] = shown[-1]
    return found


@dataclass(frozen=True, slots=True)
class Example:
    """A volume (superior, anterior, left) at 3 mm and its classes, both with the margin."""

    image: NDArray[np.float32]
    label: NDArray[np.int32]


def examples_of(state: dict[str, torch.Tensor]) -> list[dict[str, torch.Tensor]]:
    """Take the examples out of `state`. Raises `InputError` saying what they have to be."""
    given: dict[str, dict[str, torch.Tensor]] = {}
    for key in [key for key in state if key.startswith("support.")]:
        _, number, part = [*key.split("."), "", ""][:3]
        given.setdefault(number, {})[part] = state.pop(key)
    fit = bool(given) and set(given) == {str(n) for n in range(len(given))}
    for one in given.values():
        fit &= set(one) == {"image", "label", "affine"} and one["affine"].shape == (4, 4)
        fit = fit and one["image"].ndim == 3 and one["image"].shape == one["label"].shape
    if not fit:
        raise InputError(
            "the examples are a further file with three tensors for each volume: "
            "support.0.image and support.0.label (x, y, z) of one shape, support.0.affine "
            "(4, 4), then support.1.image ...; got "
            f"{', '.join(f'{n}: {sorted(parts)}' for n, parts in given.items()) or 'none'}. Make "
            "it of CT volumes and their label maps with torch.save({'support.0.image': ..., ...}, "
            "FILE) and give it after the network's files."
        )
    return [given[str(n)] for n in range(len(given))]


def numbers_of(given: Sequence[Mapping[str, torch.Tensor]]) -> list[int]:
    """Numbers above 0 in every example's labels. Raises `InputError` where there are none."""
    each = [{int(n) for n in torch.unique(one["label"]).tolist() if n > 0} for one in given]
    if not (common := sorted(set.intersection(*each))):
        raise InputError(
            "no label above 0 is in all of the examples, so they show nothing to look for: mend "
            "support.<n>.label"
        )
    return common


def prepared(given: Mapping[str, torch.Tensor]) -> Example:
    """One example as the localiser sees it."""
    turned = Turned.of(given["image"].shape, given["affine"].double().numpy())
    return Example(turned.image(given["image"].numpy()), turned.label(given["label"].numpy()))


def points_of(masks: Sequence[NDArray[np.bool_]], *, parts: bool) -> list[NDArray[np.int16]]:
    """The points (6 a box, 3) of a class on each example that are sought on other volumes.

    Of each box first the points with the least, then those with the largest coordinate along each
    axis. `parts`: several boxes along the first axis, as many on each example.
    """
    depths = [int(ends[1, 0] - ends[0, 0]) for ends in map(ends_of, masks)]
    number = min(min(depths) // ACROSS, MOST_PARTS) if parts and min(depths) > ACROSS else 0
    found = []
    for mask in masks:
        boxes = divided(mask, number) if number else [ends_of(mask)]
        found.append(np.array([p for box in boxes for p in outermost(mask, box)], np.int16))
    return found


def ends_of(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """First and last coordinates (2, 3) of what is true."""
    there = np.argwhere(mask)
    return np.stack([there.min(axis=0), there.max(axis=0)])


def divided(mask: NDArray[np.bool_], number: int) -> list[NDArray[np.int64]]:
    """Boxes (2, 3) of equal parts along the first axis; the last takes what is left over."""
    whole = ends_of(mask)
    step = (whole[1, 0] - whole[0, 0]) // number
    boxes: list[NDArray[np.int64]] = []
    for n in range(number):
        first = whole[0, 0] + n * step
        end = first + step if n < number - 1 else whole[1, 0]
        part = np.zeros_like(mask)
        part[first:end] = mask[first:end]
        # One without a voxel has the sides of the one before.
        box = ends_of(part) if part.any() else (boxes or [whole])[-1].copy()
        box[:, 0] = first, end
        boxes.append(box)
    return boxes


def outermost(mask: NDArray[np.bool_], box: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """A point on each side of a box: the middle one of the mask's pixels on that plane."""
    points: list[NDArray[np.int64]] = []
    for side in box:
        for axis, place in enumerate(side):
            # A plane of the box without a pixel has those of the next one that has any.
            filled = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
            plane = filled[filled >= place]
            seen = np.take(mask, plane[0] if len(plane) else filled[-1], axis)
            first, second = (axis + 1) % 3, (axis + 2) % 3
            if first > second:
                seen = seen.T
            rows, columns = np.nonzero(seen)
            point = np.zeros(3, np.int64)
            point[axis] = place
            point[first], point[second] = rows[len(rows) // 2], columns[len(rows) // 2]
            points.append(point)
    return points
