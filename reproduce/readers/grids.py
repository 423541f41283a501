"""Where the voxels of a file lie: one order of axes, and how two grids differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reproduce.contracts import Geometry, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Differences below these are the noise of writing and reading a header.
SPACING_NOISE_MM = 1e-3
AFFINE_NOISE_MM = 1e-2
ANGLE_NOISE_DEGREES = 1e-2


def to_ras(affine: Any) -> NDArray[np.float64]:
    """From DICOM's and ITK's positions (left, posterior, superior) to (right, anterior, superior),
    or back."""
    import numpy as np

    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(affine, np.float64)


def told_apart(named: Sequence[tuple[int, str]]) -> list[str]:
    """Names of numbered segments; one that several have gets its number.

    >>> told_apart([(1, "node"), (2, "liver"), (3, "node")])
    ['node 1', 'liver', 'node 3']
    """
    names = [name for _, name in named]
    return [name if names.count(name) == 1 else f"{name} {number}" for number, name in named]


def placed(values: NDArray[Any], affine: NDArray[np.float64]) -> tuple[NDArray[Any], Geometry]:
    """An array (D, H, W) and its grid, spacing taken from the affine."""
    import numpy as np

    lengths = np.linalg.norm(affine[:3, :3], axis=0).round(6)
    return values, Geometry(values.shape, tuple(float(s) for s in lengths), affine)


def oriented(
    values: NDArray[Any], affine: NDArray[np.float64], like: NDArray[np.float64] | None = None
) -> tuple[NDArray[Any], Geometry]:
    """A volume (D, H, W) with its axes flipped and exchanged, and the grid it then has.

    Axes come closest to (superior, anterior, right), or to those of the affine `like`. Two files
    of one grid stored in different orientations become the same array.
    """
    import nibabel
    import numpy as np

    orientations: Any = nibabel.orientations
    wanted = np.array([[2, 1], [1, 1], [0, 1]])
    if like is not None:
        wanted = orientations.io_orientation(like)
    turn = orientations.ornt_transform(orientations.io_orientation(affine), wanted)
    turned = np.ascontiguousarray(orientations.apply_orientation(values, turn))
    grid = placed(turned, affine @ orientations.inv_ornt_aff(turn, values.shape))[1]
    return turned, replace(grid, stored=affine)


def upright(values: NDArray[Any], grid: Geometry) -> tuple[NDArray[Any], Geometry]:
    """A volume turned to (superior, anterior, right); what has no place, or is one slice and so a
    picture, stays as stored."""
    if grid.affine is None or len(grid.shape) < 3 or grid.shape[0] == 1:
        return values, grid
    return oriented(values, grid.affine)


def box_around(inside: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """The box (S, H, W) around all that is true; everything where nothing is."""
    import numpy as np

    if not inside.any():
        return (slice(None),) * 3
    ends = [np.flatnonzero(inside.any(axis=other)) for other in ((1, 2), (0, 2), (0, 1))]
    planes, rows, columns = (slice(int(e[0]), int(e[-1]) + 1) for e in ends)
    return planes, rows, columns


def cut_out(sample: Sample, box: tuple[slice, slice, slice]) -> Sample:
    """A volume cut to a box; its grid begins at the box's first voxel."""
    import numpy as np

    grid = sample.geometry
    values = sample.values[box]
    if grid is not None:
        affine = grid.affine
        if affine is not None:
            affine = affine.copy()
            first = [part.start or 0 for part in box]
            affine[:3, 3] += affine[:3, :3] @ np.array(first, np.float64)
        # The file's own grid is that of the whole volume: what is cut cannot be laid back on it.
        grid = replace(grid, shape=values.shape[:3], affine=affine, stored=None)
    return replace(
        sample,
        values=values,
        labels={name: mask[box] for name, mask in sample.labels.items()},
        valid=None if sample.valid is None else sample.valid[box],
        geometry=grid,
    )


def difference(predicted: Geometry, reference: Geometry) -> str | None:
    """How two grids differ, in words with numbers; None: they are the same.

    Spacing and affine are compared only where both files have one.
    """
    import numpy as np

    parts = []
    if predicted.shape != reference.shape:
        mine, other = predicted.shape[-2:], reference.shape[-2:]
        swapped = mine != other and mine == other[::-1]
        hint = " (rows and columns exchanged)" if swapped else ""
        parts.append(f"shape {_times(predicted.shape)} instead of {_times(reference.shape)}{hint}")
    if predicted.spacing_mm and reference.spacing_mm and not parts:
        off = np.subtract(predicted.spacing_mm, reference.spacing_mm)
        if np.abs(off).max() > SPACING_NOISE_MM:
            parts.append(
                f"spacing {_list(predicted.spacing_mm)} mm instead of "
                f"{_list(reference.spacing_mm)} mm"
            )
    if predicted.affine is not None and reference.affine is not None:
        # Compared at the corners of the grid: that is how far voxels end up from where they belong.
        corners = np.array(list(np.ndindex(2, 2, 2)), float)
        ends = corners * (np.array(reference.shape) - 1)
        points = np.c_[ends, np.ones(8)]
        moved = (points @ predicted.affine.T - points @ reference.affine.T)[:, :3]
        worst = float(np.linalg.norm(moved, axis=1).max())
        if worst > AFFINE_NOISE_MM:
            shift = (predicted.affine - reference.affine)[:3, 3]
            angle = _degrees(predicted.affine, reference.affine)
            turned = f"axes turned by {angle:.3g} degrees, " if angle > ANGLE_NOISE_DEGREES else ""
            parts.append(
                f"positions differ by up to {worst:.3g} mm ({turned}origin by {_list(shift)} mm, "
                "right, anterior, superior)"
            )
    return "; ".join(parts) or None


def _degrees(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The largest angle between an axis of one grid and the same axis of the other."""
    import numpy as np

    first, second = (m[:3, :3] / np.linalg.norm(m[:3, :3], axis=0) for m in (one, other))
    return float(np.degrees(np.arccos(np.clip((first * second).sum(axis=0), -1, 1))).max())


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _list(values: Any) -> str:
    return " x ".join(f"{float(v):g}" for v in values)
