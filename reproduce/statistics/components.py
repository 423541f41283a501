"""Connected components of reference and prediction and how they overlap (lesions, instances)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Connectivity = Literal["face", "full"]


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


def component_overlaps(
    reference: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    connectivity: Connectivity = "full",
) -> dict[str, Any]:
    """An entry of the column `components` for one pair of masks (2D or 3D, same shape)."""
    import numpy as np

    from reproduce.statistics.surface_host import bounding_box

    box = bounding_box(reference, predicted)
    if box is not None:  # outside of it there is nothing to number
        reference, predicted = reference[box], predicted[box]
    truth, number_truth = label_components(reference, connectivity)
    found, number_found = label_components(predicted, connectivity)
    joint = reference & predicted
    pairs = (truth[joint].astype(np.int64) - 1) * max(number_found, 1) + (found[joint] - 1)
    distinct, voxels = np.unique(pairs, return_counts=True)
    neighbours = {"face": 2 * reference.ndim, "full": 3**reference.ndim - 1}[connectivity]
    return {
        "connectivity": neighbours,
        "reference_size": np.bincount(truth.ravel(), minlength=number_truth + 1)[1:].tolist(),
        "predicted_size": np.bincount(found.ravel(), minlength=number_found + 1)[1:].tolist(),
        "overlap_reference": (distinct // max(number_found, 1)).tolist(),
        "overlap_predicted": (distinct % max(number_found, 1)).tolist(),
        "overlap_voxels": voxels.tolist(),
    }
