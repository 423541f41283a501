"""Points on masks, and clicks that follow the error of the last prediction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from reproduce.contracts import Prompt, PromptKind, PromptProfile, Scope
from reproduce.prompting.regions import Neighbours, Per

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Where = Literal["center-edt", "center-l2-5", "uniform", "first", "middle", "upper-half-edt"]
Click = Literal["none", "largest-error-edt", "deepest-error-l2-5", "random-error"]


Follows = Literal["best", "first"]


@dataclass(frozen=True, slots=True)
class PointProfile(PromptProfile):
    """Points on the regions of a mask, of a plane or (scope `stack`) of the whole stack.

    where       center-edt: the pixel farthest from the background (first in scan order of equals;
                the image's border counts as background), uniform: any foreground pixel, first: the
                first in scan order, middle: the middle one of all in scan order,
                center-l2-5: one of the pixels farthest by OpenCV's 5x5 distance, equally likely,
                upper-half-edt: uniform among pixels whose distance exceeds half the largest
    positives, negatives  how many points on the object and off it
    click       where the points of later rounds fall: the middle of the largest error component,
                the pixel deepest in all of the error (by OpenCV's 5x5 distance), or anywhere in the
                error; foreground where something was missed
    follows     whose error: of the candidate with the best predicted IoU, or of the first one
    feeds       whether that candidate's logits are fed back with the next click
    """

    name: str
    version: int
    description: str
    source: str
    where: Where = "center-edt"
    per: Per = "mask"
    neighbours: Neighbours = 8
    min_pixels: int = 0
    positives: int = 1
    negatives: int = 0
    click: Click = "none"
    rounds: int = 1
    follows: Follows = "best"
    feeds: bool = True
    scope: Scope = "plane"
    kind: PromptKind = "point"

    @property
    def random(self) -> bool:  # type: ignore[override]  # follows from the other fields
        """Whether seeds make different prompts."""
        drawn = self.where in ("uniform", "upper-half-edt", "center-l2-5")
        drawn = drawn or self.click in ("random-error", "deepest-error-l2-5")
        return drawn or self.positives > 1 or self.negatives > 0

    def prompts(
        self, case: str, label: str, mask: NDArray[np.bool_], seed: int, plane: int | None
    ) -> list[Prompt]:
        """Points of every region of a mask; [] for an empty one."""
        import numpy as np

        from reproduce.prompting.regions import regions
        from reproduce.prompting.seeding import generator

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

    def refine(
        self, prompt: Prompt, mask: NDArray[np.bool_], predicted: NDArray[np.bool_]
    ) -> Prompt:
        """One more click where the prediction errs; where it does not, the same clicks."""
        if self.click == "none":
            raise NotImplementedError(f"{self.name} has one round")
        return next_click(
            prompt, mask, predicted, self.click, self.neighbours, self.name, self.version
        )


def next_click(
    prompt: Prompt,
    mask: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    click: Click,
    neighbours: Neighbours,
    name: str,
    version: int,
) -> Prompt:
    """`prompt` with one more point, drawn for the profile `name/version`; a box stays."""
    import numpy as np

    from reproduce.prompting.seeding import generator

    turn = prompt.round + 1
    rng = generator(
        name,
        version,
        prompt.case,
        prompt.label,
        prompt.plane,
        prompt.object_index,
        prompt.seed,
        turn,
    )
    drawn = error_click(mask, predicted, click, neighbours, rng)
    points = np.zeros((0, 3)) if prompt.points is None else prompt.points
    labels = np.zeros(0, np.int64) if prompt.point_labels is None else prompt.point_labels
    if drawn is None:
        return replace(prompt, round=turn)
    points = np.concatenate([points, in_stack([drawn[0]], prompt.plane)])
    labels = np.concatenate([labels, np.array([drawn[1]], np.int64)])
    return replace(prompt, round=turn, points=points, point_labels=labels)


def in_stack(places: Any, plane: int | None) -> NDArray[np.float64]:
    """Places (N, 2) of a plane or (N, 3) of a stack, in array order -> (N, 3) of (s, y, x)."""
    import numpy as np

    found = np.asarray(places, np.float64)
    if found.shape[-1] == 3:
        return found
    return np.concatenate([np.full((len(found), 1), float(plane or 0)), found], axis=1)


def place(mask: NDArray[np.bool_], where: Where, rng: np.random.Generator) -> tuple[float, ...]:
    """One place on a mask with at least one pixel, in array order."""
    import numpy as np

    if where == "center-l2-5":
        deep = _depth_l2_5(mask)
        mask = deep == deep.max()
    if where in ("center-edt", "upper-half-edt"):
        distance = _depth(mask)
        if where == "center-edt":
            return tuple(map(float, np.unravel_index(int(distance.argmax()), mask.shape)))
        mask = distance > distance.max() / 2
    pixels = np.argwhere(mask)
    index = {"first": 0, "middle": len(pixels) // 2}.get(where)
    if index is None:
        index = int(rng.integers(len(pixels)))
    return tuple(map(float, pixels[index]))


def error_click(
    mask: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    click: Click,
    neighbours: Neighbours,
    rng: np.random.Generator,
) -> tuple[tuple[float, ...], int] | None:
    """(place in array order, 1 missed | 0 false) of the next click, or None where the prediction
    has no error.

    Of error components of one size a missed one comes first, then scan order.
    """
    import numpy as np

    from reproduce.prompting.regions import regions

    missed, false = mask & ~predicted, predicted & ~mask
    if not missed.any() and not false.any():
        return None
    if click in ("random-error", "deepest-error-l2-5"):
        where: Where = "uniform" if click == "random-error" else "center-l2-5"
        drawn = place(missed | false, where, rng)
        return drawn, int(missed[tuple(map(int, drawn))])
    candidates = [
        (largest[0], sign)
        for error, sign in ((missed, 1), (false, 0))
        if (largest := regions(error, "largest", neighbours))
    ]
    region, sign = max(candidates, key=lambda pair: int(np.count_nonzero(pair[0])))
    return place(region, "center-edt", rng), sign


def _depth(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance of every pixel of a plane or a stack to the nearest background pixel, outside
    included."""
    import numpy as np
    from scipy.ndimage import distance_transform_edt

    padded = distance_transform_edt(np.pad(mask, 1))
    return np.asarray(padded[(slice(1, -1),) * mask.ndim], np.float64)


def _depth_l2_5(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The same by OpenCV's approximation with a 5x5 mask, as RITM and SAM's evaluations use it."""
    import cv2
    import numpy as np

    padded = np.pad(mask.astype(np.uint8), 1)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1], np.float32)
