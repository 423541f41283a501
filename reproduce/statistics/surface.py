"""Surface-distance histograms of one pair of masks under several definitions of "surface".

`surfel`  elements of the half-voxel grid, weighted by area: DeepMind surface-distance, NSD of
          MedSAM and the CVPR challenges.
`edge`    voxels of the mask that its erosion with the face neighbourhood removes, each counted
          once: MONAI, medpy, MetricsReloaded. Voxels at the array's border count as edge.

All distances are computed inside the bounding box of both masks, which holds both surfaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SurfaceSpec:
    """One definition, spelt `element/spacing/dims`, for instance `surfel/header/3d`."""

    element: str  # surfel | edge
    spacing: str  # header | unit | reversed | fixed:<mm>
    dims: str  # 2d | 3d | expand (a 2D mask as a volume of one slice)

    def __str__(self) -> str:
        return f"{self.element}/{self.spacing}/{self.dims}"

    @classmethod
    def parse(cls, text: str) -> SurfaceSpec:
        """Raises `UsageError` for a spelling that means nothing."""
        parts = text.split("/")
        good = (
            len(parts) == 3
            and parts[0] in ("surfel", "edge")
            and (parts[1] in ("header", "unit", "reversed") or _fixed(parts[1]) is not None)
            and parts[2] in ("2d", "3d", "expand")
        )
        if not good:
            raise UsageError(
                f"surface definition {text!r}: expected element/spacing/dims, element surfel or "
                "edge, spacing header, unit, reversed or fixed:<mm>, dims 2d, 3d or expand."
            )
        return cls(*parts)

    def spacing_for(self, header_mm: Sequence[float] | None, ndim: int) -> tuple[float, ...]:
        """Spacing in array order. Raises `InputError` where the header's is needed but absent."""
        if self.spacing == "unit":
            return (1.0,) * ndim
        fixed = _fixed(self.spacing)
        if fixed is not None:
            return (fixed,) * ndim
        if header_mm is None:
            raise InputError(
                f"surface distances {self} need the spacing of the data, and it has none. "
                f"Use {SurfaceSpec(self.element, 'unit', self.dims)} (distances in pixels)."
            )
        if len(header_mm) != ndim:
            raise InputError(
                f"surface distances {self}: expected {ndim} spacings, one per axis, got "
                f"{tuple(header_mm)}."
            )
        if not all(0 < s < float("inf") for s in header_mm):
            raise InputError(f"spacing must be positive and finite, got {tuple(header_mm)} mm.")
        values = tuple(float(s) for s in header_mm)
        return values[::-1] if self.spacing == "reversed" else values


def _fixed(text: str) -> float | None:
    name, _, number = text.partition(":")
    try:
        return float(number) if name == "fixed" and float(number) > 0 else None
    except ValueError:
        return None


def default_specs(ndim: int, has_spacing: bool) -> tuple[str, ...]:
    """What `surface=True` stores: what the profiles of this package ask for."""
    if ndim == 2:
        spacing = "header" if has_spacing else "unit"
        found = [f"surfel/{spacing}/2d", f"edge/{spacing}/2d", "surfel/unit/expand"]
        return tuple(dict.fromkeys([*found, "edge/unit/2d"]))
    if not has_spacing:
        return ("surfel/unit/3d", "edge/unit/3d")
    return (
        "surfel/header/3d",
        "surfel/reversed/3d",
        "surfel/fixed:1.5/3d",
        "edge/header/3d",
        "edge/unit/3d",
    )


def surface_histogram(
    reference: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    spec: SurfaceSpec,
    header_mm: Sequence[float] | None,
) -> dict[str, Any]:
    """Distances between two surfaces with the area at each, in both directions.

    reference, predicted  bool, (H, W) or (D, H, W)
    header_mm             spacing in array order, or None
    returns               an entry of the column `surfaces`; distances sorted and distinct,
                          infinite to an empty mask
    """
    import numpy as np

    from reproduce.statistics.nearest import nearest_distances

    if spec.dims == "expand":
        if reference.ndim != 2:
            raise InputError(f"surface distances {spec} are for 2D masks, got {reference.ndim}D.")
        # MedSAM's and CVPR24's 2D path: expand_dims(-1) and the 3D routine; both flat faces count
        reference, predicted = reference[..., None], predicted[..., None]
        if header_mm is not None:
            header_mm = (*header_mm, 1.0)
    elif reference.ndim != int(spec.dims[0]):
        raise InputError(f"surface distances {spec} do not fit a mask of {reference.ndim} axes.")
    box = _bounding_box(reference, predicted)
    if box is None:
        nothing: list[float] = []
        return {"definition": str(spec), "spacing_mm": nothing, **dict.fromkeys(_LISTS, nothing)}
    spacing = spec.spacing_for(header_mm, reference.ndim)
    entry: dict[str, Any] = {"definition": str(spec), "spacing_mm": list(spacing)}
    elements = _surfels if spec.element == "surfel" else _edges
    there, there_area = elements(reference[box], spacing)
    here, here_area = elements(predicted[box], spacing)
    for name, at, area, other in (
        ("reference", there, there_area, here),
        ("predicted", here, here_area, there),
    ):
        distance = nearest_distances(at, other, spacing)
        found, inverse = np.unique(distance, return_inverse=True)
        entry[f"{name}_distance"] = found.tolist()
        entry[f"{name}_area"] = np.bincount(inverse, area[at], len(found)).tolist()
    return entry


Task = tuple["NDArray[np.bool_]", "NDArray[np.bool_]", SurfaceSpec, "Sequence[float] | None"]
# Voxels from which starting threads costs less than it saves.
WORTH_THREADS = 1_000_000


def surface_histograms(tasks: Sequence[Task], threads: int) -> list[dict[str, Any]]:
    """`surface_histogram` of several pairs of masks, in their order, in up to `threads` threads.

    NumPy lets go of the interpreter in nearly everything that is done here.
    """
    threads = min(threads, len(tasks))
    if threads < 2 or sum(task[0].size for task in tasks) < WORTH_THREADS:
        return [surface_histogram(*task) for task in tasks]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda task: surface_histogram(*task), tasks))


_LISTS = ("reference_distance", "reference_area", "predicted_distance", "predicted_area")


def _surfels(
    crop: NDArray[np.bool_], spacing: tuple[float, ...]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    from reproduce.statistics.surfels import element_areas, neighbour_codes

    codes = neighbour_codes(crop)
    full = (1 << (1 << crop.ndim)) - 1
    return (codes != 0) & (codes != full), element_areas(spacing)[codes]


def _edges(
    crop: NDArray[np.bool_], spacing: tuple[float, ...]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    import numpy as np
    from scipy.ndimage import binary_erosion

    edge = crop & ~binary_erosion(crop)
    return edge, np.ones(crop.shape)


def _bounding_box(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[slice, ...] | None:
    """The smallest box that holds both masks, or None where both are empty.

    One pass over the arrays finds the lines that hold anything; the last axis is then looked at
    inside the box of those.
    """
    import numpy as np

    lines = np.asarray(one.any(-1) | other.any(-1))
    box: list[slice] = []
    for axis in range(lines.ndim):
        where = np.flatnonzero(lines.any(axis=tuple(a for a in range(lines.ndim) if a != axis)))
        if not len(where):
            return None
        box.append(slice(int(where[0]), int(where[-1]) + 1))
    part = tuple(box)
    along = tuple(range(lines.ndim))
    where = np.flatnonzero((one[part] | other[part]).any(along))
    return (*part, slice(int(where[0]), int(where[-1]) + 1))
