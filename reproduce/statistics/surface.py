"""Surface-distance histograms of one pair of masks under several definitions of "surface".

`surfel`  elements of the half-voxel grid, weighted by area: DeepMind surface-distance, NSD of
          MedSAM and the CVPR challenges.
`edge`    voxels of the mask that its erosion with the face neighbourhood removes, each counted
          once: MONAI, medpy, MetricsReloaded. Voxels at the array's border count as edge.

Two more elements say only whether they lie in the other mask (distance 0) or not (1):

`skeleton`    centre lines of a mask by scikit-image, in the other mask: clDice.
`band:<s>`    voxels of a mask near its contour, within a share s of the image's diagonal, in the
              other mask's band: boundary IoU. Images only.

All distances are computed inside the bounding box of both masks, which holds both surfaces.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError, UsageError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_] | torch.Tensor


@dataclass(frozen=True, slots=True)
class SurfaceSpec:
    """One definition, spelt `element/spacing/dims`, for instance `surfel/header/3d`."""

    element: str  # surfel | edge | skeleton | band:<share of the diagonal>
    spacing: str  # header | unit | reversed | fixed:<mm>
    dims: str  # 2d | 3d | expand (a 2D mask as a volume of one slice)

    def __str__(self) -> str:
        return f"{self.element}/{self.spacing}/{self.dims}"

    @property
    def axes(self) -> int:
        """How many axes the masks have that it is for."""
        return 3 if self.dims == "3d" else 2

    @classmethod
    def parse(cls, text: str) -> SurfaceSpec:
        """Raises `UsageError` for a spelling that means nothing."""
        parts = text.split("/")
        good = (
            len(parts) == 3
            and (parts[0] in ("surfel", "edge", "skeleton") or _number(parts[0], "band"))
            and (parts[1] in ("header", "unit", "reversed") or _fixed(parts[1]) is not None)
            and parts[2] in ("2d", "3d", "expand")
        )
        if not good:
            raise UsageError(
                f"surface definition {text!r}: expected element/spacing/dims, element surfel, "
                "edge, skeleton or band:<share>, spacing header, unit, reversed or fixed:<mm>, "
                "dims 2d, 3d or expand."
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
                f"surface distances {self} are in mm, and these data do not say how large a pixel "
                "is. Say it (`score --spacing 0.5`; --spacing 1 counts in pixels), or take a "
                "profile that counts in pixels, such as monai/1."
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
    return _number(text, "fixed")


def _number(text: str, of: str) -> float | None:
    """The number above 0 in `<of>:<number>`; None: it is spelt otherwise."""
    name, _, number = text.partition(":")
    try:
        return float(number) if name == of and float(number) > 0 else None
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
    reference: Mask, predicted: Mask, spec: SurfaceSpec, header_mm: Sequence[float] | None
) -> dict[str, Any]:
    """Distances between two surfaces with the area at each, in both directions.

    reference, predicted  bool, (H, W) or (D, H, W), both NumPy arrays or both tensors, which are
                          worked on where they lie
    header_mm             spacing in array order, or None
    returns               an entry of the column `surfaces`; distances sorted and distinct,
                          infinite to an empty mask
    """
    place = "device" if hasattr(reference, "is_cuda") else "host"
    kernels: Any = import_module(f"reproduce.statistics.surface_{place}")
    if spec.dims == "expand":
        if reference.ndim != 2:
            raise InputError(f"surface distances {spec} are for 2D masks, got {reference.ndim}D.")
        # MedSAM's and CVPR24's 2D path: expand_dims(-1) and the 3D routine; both flat faces count
        reference, predicted = reference[..., None], predicted[..., None]
        if header_mm is not None:
            header_mm = (*header_mm, 1.0)
    elif reference.ndim != int(spec.dims[0]):
        raise InputError(f"surface distances {spec} do not fit a mask of {reference.ndim} axes.")
    box = kernels.bounding_box(reference, predicted)
    if box is None:
        nothing: list[float] = []
        return {"definition": str(spec), "spacing_mm": nothing, **dict.fromkeys(_LISTS, nothing)}
    spacing = spec.spacing_for(header_mm, reference.ndim)
    entry: dict[str, Any] = {"definition": str(spec), "spacing_mm": list(spacing)}
    if spec.element in ("surfel", "edge"):
        sides = kernels.measure(reference[box], predicted[box], spec.element, spacing)
    else:
        from reproduce.statistics.parts import inside_other

        band = _number(spec.element, "band")
        width = None if band is None else max(1, round(band * math.hypot(*reference.shape)))
        sides = inside_other(reference[box], predicted[box], width)
    for name, (distances, areas) in zip(("reference", "predicted"), sides, strict=True):
        entry[f"{name}_distance"], entry[f"{name}_area"] = distances, areas
    return entry


Task = tuple["Mask", "Mask", SurfaceSpec, "Sequence[float] | None"]
# Voxels from which starting threads costs less than it saves.
WORTH_THREADS = 1_000_000


def surface_histograms(tasks: Sequence[Task], threads: int) -> list[dict[str, Any]]:
    """`surface_histogram` of several pairs of masks, in their order, in up to `threads` threads.

    NumPy lets go of the interpreter in nearly everything that is done here; tensors are the
    business of their device.
    """
    threads = min(threads, len(tasks))
    voxels = sum(math.prod(task[0].shape) for task in tasks)
    if threads < 2 or voxels < WORTH_THREADS or hasattr(tasks[0][0], "is_cuda"):
        return [surface_histogram(*task) for task in tasks]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda task: surface_histogram(*task), tasks))


_LISTS = ("reference_distance", "reference_area", "predicted_distance", "predicted_area")
