"""Regions of a mask that get a prompt each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Per = Literal["mask", "component", "largest", "largest-3", "image"]
Neighbours = Literal[4, 8]
#: Regions that are objects of their own; any other is the prompt for the whole mask of its label.
SEPARATE: tuple[Per, ...] = ("component", "largest-3")


def regions(
    mask: NDArray[np.bool_], per: Per, neighbours: Neighbours = 8, min_pixels: int = 0
) -> list[NDArray[np.bool_]]:
    """The parts of a mask, (H, W) or (S, H, W), that are prompted one by one; [] for an empty one.

    mask       the mask as it is
    image      everything, where the mask is not empty
    component  every connected component, in scan order
    largest    the largest component (the first in scan order of equals); `largest-3`: up to three,
               largest first
    min_pixels components below this size are left out
    """
    import numpy as np
    from scipy.ndimage import find_objects, generate_binary_structure, label

    from reproduce.statistics.surface_host import bounding_box

    box = bounding_box(mask)
    if box is None:
        return []
    if per == "image":
        return [np.ones_like(mask)]
    if per == "mask":
        return [mask] if np.count_nonzero(mask) >= min_pixels else []
    structure = generate_binary_structure(mask.ndim, 1 if neighbours == 4 else mask.ndim)
    labelled, number = label(mask[box], structure)
    sizes = np.bincount(labelled.ravel(), minlength=number + 1)[1:]
    order = np.arange(number)
    if per != "component":
        order = np.argsort(-sizes, kind="stable")[: 1 if per == "largest" else 3]
    places = find_objects(labelled)
    found = []
    for k in order:
        if sizes[k] >= min_pixels:
            whole = np.zeros(mask.shape, np.bool_)  # memory is taken where something is written
            whole[box][places[k]] = labelled[places[k]] == k + 1
            found.append(whole)
    return found
