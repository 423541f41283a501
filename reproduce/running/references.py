"""What an evaluator does to the ground truth before it scores (`ReferenceFilter` of a profile).

Applied to what a data set loads, before prompts are made and counts are taken, so that prompts
follow the filtered truth as they do in the evaluators that filter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from reproduce.contracts import Case, Dataset, Sample
from reproduce.scoring.profile import ReferenceFilter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FilteredDataset:
    """A data set whose labels are filtered as they are loaded; all else is the plugin's."""

    plugin: Dataset
    rule: ReferenceFilter

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plugin, name)

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """As the plugin's `load`, with the rule applied to the labels."""
        sample = self.plugin.load(case, options)
        return replace(sample, labels=filtered(sample.labels, self.rule))


def with_filter(dataset: Dataset, rule: Mapping[str, Any] | None) -> Dataset:
    """The data set itself, or filtered by a rule as `rule_of` gives it."""
    if rule is None:
        return dataset
    values: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in rule.items()
    }
    wrapped: Any = FilteredDataset(dataset, ReferenceFilter(**values))
    found: Dataset = wrapped
    return found


def rule_of(rule: ReferenceFilter | None) -> dict[str, Any] | None:
    """A filter as plain data for the run's spec; None where it changes nothing."""
    if rule is None or rule == ReferenceFilter():
        return None
    return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(rule).items()}


def filtered(
    labels: Mapping[str, NDArray[np.bool_]], rule: ReferenceFilter
) -> dict[str, NDArray[np.bool_]]:
    """Labels after the rule: named ones dropped; components below `min_voxels_3d` (26 neighbours)
    and then, slice by slice, below `min_pixels_2d` (8 neighbours) removed; or only the largest
    component kept. `drop_empty_slices` needs nothing here: slices without an object have no prompt
    and no counts."""
    import numpy as np

    found = {}
    for name, mask in labels.items():
        if name in rule.drop_labels:
            continue
        kept = mask
        if rule.min_voxels_3d and mask.ndim == 3:
            kept = without_small(kept, rule.min_voxels_3d)
        if rule.min_pixels_2d:
            planes = kept if kept.ndim == 3 else kept[None]
            kept = np.stack([without_small(p, rule.min_pixels_2d) for p in planes]).reshape(
                mask.shape
            )
        if rule.keep_largest and kept.any():
            sizes, components = _components(kept)
            kept = components == int(np.argmax(sizes)) + 1
        found[name] = kept
    return found


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
