"""Points on masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reproduce.contracts import Prompt, PromptKind, Scope
from reproduce.prompting.clicks import Clicking
from reproduce.prompting.places import Where, in_stack, place
from reproduce.prompting.regions import Per, regions
from reproduce.prompting.seeding import generator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class PointProfile(Clicking):
    """Points on the regions of a mask, of a plane or (scope `stack`) of the whole stack.

    where       center-edt: the pixel farthest from the background (first in scan order of equals;
                the image's border counts as background), uniform: any foreground pixel, first: the
                first in scan order, middle: the middle one of all in scan order,
                center-mass, center-box: the pixel nearest to the mean of all, or to the middle of
                the bounding box, rounded,
                center-joint: the voxel farthest from the border of the largest component, of equal
                ones that which CVPR25_iter_eval.py draws,
                center-l2-5: one of the pixels farthest by OpenCV's 5x5 distance, equally likely,
                upper-half-edt: uniform among pixels whose distance exceeds half the largest
    positives, negatives  how many points on the object and off it
    """

    name: str
    version: int
    description: str
    source: str
    where: Where = "center-edt"
    per: Per = "mask"
    min_pixels: int = 0
    positives: int = 1
    negatives: int = 0
    scope: Scope = "plane"
    kind: PromptKind = "point"

    @property
    def random(self) -> bool:  # type: ignore[override]  # follows from the other fields
        """Whether seeds make different prompts."""
        drawn = self.where in ("uniform", "upper-half-edt", "center-l2-5")
        return drawn or self.draws or self.positives > 1 or self.negatives > 0

    def prompts(
        self, case: str, label: str, mask: NDArray[np.bool_], seed: int, plane: int | None
    ) -> list[Prompt]:
        """Points of every region of a mask; [] for an empty one."""
        import numpy as np

        found = []
        for index, region in enumerate(regions(mask, self.per, self.neighbours, self.min_pixels)):
            rng = generator(self.name, self.version, case, label, plane, index, seed)
            points = [place(region, self.where, rng)]
            points += [place(region, "uniform", rng) for _ in range(self.positives - 1)]
            if not mask.all():
                points += [place(~mask, "uniform", rng) for _ in range(self.negatives)]
            labels = np.array([1] * self.positives + [0] * (len(points) - self.positives))
            found.append(
                Prompt(
                    case,
                    label,
                    plane,
                    object_index=index,
                    seed=seed,
                    points=in_stack(points, plane),
                    point_labels=labels.astype(np.int64),
                )
            )
        return found
