"""Surfaces of masks and distances between them on the masks' device, with torch.

The same steps as in host memory (`surface_host`, `nearest`), each for all voxels at once: distances
along the last axis by running maxima, then the neighbouring lines, nearest first, as one gather.
What is still open after them is compared with every target. Distances are the same numbers; areas
are sums of the same terms (counts of each kind of element, which do not depend on any order).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from reproduce.statistics.nearest import FAR, lines_around
from reproduce.statistics.surface_host import Lists
from reproduce.statistics.surfels import element_areas

TOGETHER = 1 << 24  # numbers alive at once
LINES = 256  # all of them are looked at for every voxel


def bounding_box(one: Tensor, other: Tensor) -> tuple[slice, ...] | None:
    """The smallest box that holds both masks, or None where both are empty."""
    either = one | other
    ends = []
    for axis in range(either.ndim):
        along = either
        for gone in reversed([a for a in range(either.ndim) if a != axis]):
            along = along.any(gone)
        where = along.nonzero().flatten()
        if not len(where):
            return None
        ends.append(where[[0, -1]])
    return tuple(slice(first, last + 1) for first, last in torch.stack(ends).tolist())


def measure(
    reference: Tensor, predicted: Tensor, element: str, spacing: tuple[float, ...]
) -> tuple[Lists, Lists]:
    """As `surface_host.measure`, for bool tensors on one device."""
    elements = _surfels if element == "surfel" else _edges
    there, there_codes, areas = elements(reference, spacing)
    here, here_codes, _ = elements(predicted, spacing)
    return (
        _grouped(there, there_codes, here, areas, spacing),
        _grouped(here, here_codes, there, areas, spacing),
    )


def _grouped(
    at: Tensor, codes: Tensor, other: Tensor, areas: Tensor, spacing: tuple[float, ...]
) -> Lists:
    square = nearest_squares(at, other, spacing)
    found, inverse = torch.unique(square, return_inverse=True)
    kinds = len(areas)
    # Integers: adding areas on a GPU would give another last digit every time.
    counts = torch.bincount(inverse * kinds + codes[at].long(), minlength=len(found) * kinds)
    counts = counts.view(-1, kinds).cpu()
    # Roots on the host, which rounds them correctly; neighbouring squares may have the same.
    distance, place = np.unique(np.sqrt(found.cpu().numpy()), return_inverse=True)
    area = (counts.double() @ areas).numpy()
    return distance.tolist(), np.bincount(place, area, len(distance)).tolist()


def _surfels(mask: Tensor, spacing: tuple[float, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Where elements of the shifted grid lie, their codes, and the area of each code (host)."""
    axes = mask.ndim
    padded = functional.pad(mask.to(torch.uint8), (1, 1) * axes)
    codes = torch.zeros([n + 1 for n in mask.shape], dtype=torch.uint8, device=mask.device)
    for weight in range(1 << axes):
        corner = [1 - (weight >> (axes - 1 - axis) & 1) for axis in range(axes)]
        window = tuple(slice(c, c + n) for c, n in zip(corner, codes.shape, strict=True))
        codes |= padded[window] << weight
    full = (1 << (1 << axes)) - 1
    areas = torch.from_numpy(element_areas(spacing))
    return (codes != 0) & (codes != full), codes, areas


def _edges(mask: Tensor, spacing: tuple[float, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Voxels that an erosion removes; all are of one kind with area 1."""
    padded = functional.pad(mask, (1, 1) * mask.ndim)
    inside = mask.clone()
    for axis, length in enumerate(mask.shape):
        centre = [slice(1, -1)] * mask.ndim
        for start in (0, 2):
            centre[axis] = slice(start, start + length)
            inside &= padded[tuple(centre)]
    kinds = torch.zeros(mask.shape, dtype=torch.uint8, device=mask.device)
    return mask & ~inside, kinds, torch.ones(1, dtype=torch.float64)


def nearest_squares(at: Tensor, targets: Tensor, spacing: tuple[float, ...]) -> Tensor:
    """As `nearest.nearest_distances`, squared: (K,) float64 on the masks' device."""
    where = at.nonzero()
    there = targets.nonzero()
    if not len(there) or not len(where):
        return torch.full((len(where),), torch.inf, dtype=torch.float64, device=at.device)
    offsets, squares, margins = lines_around(spacing[:-1], LINES)
    along = _squares_along(targets, spacing[-1])
    pads = [0, 0]
    for margin in reversed(margins):
        pads += [margin, margin]
    along = functional.pad(along, pads, value=torch.inf)
    strides = torch.tensor(along.stride(), device=at.device)
    index = ((where + torch.tensor((*margins, 0), device=at.device)) * strides).sum(1)
    steps = (torch.from_numpy(offsets).to(at.device) * strides[:-1]).sum(1)
    square = torch.from_numpy(squares).to(at.device)
    flat = along.flatten()
    parts = _parts(index, TOGETHER // len(steps))
    best = torch.cat([(flat[part[:, None] + steps] + square).amin(1) for part in parts])
    is_open = (best > squares[-1]).nonzero().flatten()
    scale = torch.tensor(spacing, dtype=torch.float64, device=at.device)
    for part in _parts(is_open, TOGETHER // len(there)):
        best[part] = torch.minimum(best[part], _to_all(where[part], there, scale))
    return best


def _parts(values: Tensor, size: int) -> list[Tensor]:
    """Consecutive parts of at most `size` (at least one) rows."""
    size = max(1, size)
    return [values[start : start + size] for start in range(0, len(values), size)]


def _squares_along(targets: Tensor, spacing: float) -> Tensor:
    """Squared distance to the nearest target in the same line along the last axis."""
    position = torch.arange(targets.shape[-1], dtype=torch.int32, device=targets.device)
    left = torch.where(targets, position, -FAR).cummax(-1).values
    right = torch.where(targets, position, FAR).flip(-1).cummin(-1).values.flip(-1)
    steps = torch.minimum(position - left, right - position).double() * spacing
    return steps * steps


def _to_all(points: Tensor, there: Tensor, scale: Tensor) -> Tensor:
    """Squared distances of (K, axes) voxels to the nearest of all targets (M, axes)."""
    total = torch.zeros((len(points), len(there)), dtype=torch.float64, device=points.device)
    for axis in range(points.shape[1]):
        step = (points[:, axis, None] - there[:, axis]).double() * scale[axis]
        total += step * step
    return total.amin(1)
