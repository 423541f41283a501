"""What an evaluator does to the ground truth before it scores (`ReferenceFilter` of a profile).

Applied to what a data set loads, before prompts are made and counts are taken, so that prompts
follow the filtered truth as they do in the evaluators that filter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reproduce.contracts import Case, Dataset, Sample, Through
from reproduce.scoring.profile import ReferenceFilter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class FilteredDataset(Through):
    """A data set whose labels are filtered as they are loaded."""

    def __init__(self, plugin: Dataset, rule: ReferenceFilter) -> None:
        super().__init__(plugin)
        self.rule = rule

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """As the plugin's `load`, with the rule applied."""
        return filtered(self.plugin.load(case, options), self.rule)


def with_filter(dataset: Dataset, rule: Mapping[str, Any] | None) -> Dataset:
    """The data set itself, or filtered by a rule as `Needs.rule` is."""
    if rule is None:
        return dataset
    values: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in rule.items()
    }
    return FilteredDataset(dataset, ReferenceFilter(**values))


def filtered(sample: Sample, rule: ReferenceFilter) -> Sample:
    """A sample after the rule."""
    labels = {
        name: cleaned(mask, rule, volume=not sample.is_image)
        for name, mask in sample.labels.items()
        if name not in rule.drop_labels
    }
    sample = replace(sample, labels=labels)
    kept = None if sample.is_image else kept_planes(labels, rule)
    if kept is None:
        return sample
    return replace(
        sample,
        values=sample.values[kept],
        labels={name: mask[kept] for name, mask in labels.items()},
        valid=None if sample.valid is None else sample.valid[kept],
        geometry=None,
    )


def cleaned(mask: NDArray[np.bool_], rule: ReferenceFilter, volume: bool) -> NDArray[np.bool_]:
    """A (S, H, W) mask without what the rule leaves out: components of a volume below
    `min_voxels_3d` (26 neighbours) and then, plane by plane, below `min_pixels_2d` (8 neighbours);
    or all but the largest component."""
    import numpy as np

    if rule.min_voxels_3d and volume:
        mask = without_small(mask, rule.min_voxels_3d)
    if rule.min_pixels_2d:
        mask = np.stack([without_small(plane, rule.min_pixels_2d) for plane in mask])
    if rule.keep_largest and mask.any():
        sizes, components = _components(mask)
        mask = components == int(np.argmax(sizes)) + 1
    return mask


def kept_planes(
    labels: Mapping[str, NDArray[np.bool_]], rule: ReferenceFilter
) -> NDArray[np.bool_] | None:
    """Which planes of a volume are left where the rule drops those without any label; None: all,
    also where no plane has one."""
    import numpy as np

    if not rule.drop_empty_slices or not labels:
        return None
    there = np.any([mask.any(axis=(1, 2)) for mask in labels.values()], axis=0)
    return np.asarray(there) if there.any() else None


def without_small(mask: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """A mask without its components of fewer than `least` pixels (corners are neighbours)."""
    import numpy as np

    if not mask.any():
        return mask
    sizes, components = _components(mask)
    keep = np.concatenate([[False], sizes >= least])
    return np.asarray(keep[components])


def _components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Sizes of the components, and each pixel's number (from 1; 0 is background)."""
    import numpy as np
    from scipy.ndimage import generate_binary_structure, label

    components, number = label(mask, generate_binary_structure(mask.ndim, mask.ndim))
    return np.bincount(components.ravel(), minlength=number + 1)[1:], components
