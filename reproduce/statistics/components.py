"""Connected components of reference and prediction and how they overlap (lesions, instances)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Connectivity = Literal["face", "full"]
#: What a mask falls into: its connected components, or the objects that data and model tell apart.
Parts = Literal["face", "full", "told"]


def label_components(
    mask: NDArray[np.bool_], connectivity: Connectivity = "full"
) -> tuple[NDArray[np.int32], int]:
    """Components of a bool mask, numbered from 1 in scan order, and how many there are.

    `face` joins voxels that share a face (4 or 6 neighbours), `full` also corners (8 or 26).
    """
    import numpy as np
    from scipy.ndimage import generate_binary_structure, label

    structure = generate_binary_structure(mask.ndim, 1 if connectivity == "face" else mask.ndim)
    labelled, number = label(mask, structure, output=np.int32)
    return labelled, int(number)


def object_overlaps(reference: NDArray[Any], predicted: NDArray[Any]) -> dict[str, Any]:
    """An entry of the column `components` for two arrays of one shape whose objects are numbered
    from 1 in any order, 0 outside of them; `connectivity` 0 says that they were told apart so."""
    import numpy as np

    _, truth = np.unique(np.r_[0, reference.ravel()], return_inverse=True)
    _, found = np.unique(np.r_[0, predicted.ravel()], return_inverse=True)
    return _entry(truth[1:], int(truth.max()), found[1:], int(found.max()), 0)


def component_overlaps(
    reference: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    connectivity: Connectivity = "full",
) -> dict[str, Any]:
    """An entry of the column `components` for one pair of masks (2D or 3D, same shape)."""
    from reproduce.statistics.surface_host import bounding_box

    box = bounding_box(reference, predicted)
    if box is not None:  # outside of it there is nothing to number
        reference, predicted = reference[box], predicted[box]
    truth, number_truth = label_components(reference, connectivity)
    found, number_found = label_components(predicted, connectivity)
    neighbours = {"face": 2 * reference.ndim, "full": 3**reference.ndim - 1}[connectivity]
    return _entry(truth, number_truth, found, number_found, neighbours)


def _entry(
    truth: NDArray[Any], number_truth: int, found: NDArray[Any], number_found: int, neighbours: int
) -> dict[str, Any]:
    """Sizes and overlaps of two numberings, each from 1 to its number."""
    import numpy as np

    joint = (truth > 0) & (found > 0)
    pairs = (truth[joint].astype(np.int64) - 1) * max(number_found, 1) + (found[joint] - 1)
    distinct, voxels = np.unique(pairs, return_counts=True)
    return {
        "connectivity": neighbours,
        "reference_size": np.bincount(truth.ravel(), minlength=number_truth + 1)[1:].tolist(),
        "predicted_size": np.bincount(found.ravel(), minlength=number_found + 1)[1:].tolist(),
        "overlap_reference": (distinct // max(number_found, 1)).tolist(),
        "overlap_predicted": (distinct % max(number_found, 1)).tolist(),
        "overlap_voxels": voxels.tolist(),
    }
