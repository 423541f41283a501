"""Rounds after the first: clicks that follow the error of the last prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from reproduce.contracts import Prompt, PromptKind, PromptProfile
from reproduce.prompting.places import Where, in_stack, place
from reproduce.prompting.regions import Neighbours, regions
from reproduce.prompting.seeding import generator
from reproduce.statistics.surface_host import bounding_box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Click = Literal[
    "none", "largest-error-edt", "largest-joint-error-edt", "deepest-error-l2-5", "random-error"
]
#: Clicks into what was missed and what is false taken together, and where in it they fall.
JOINT: Mapping[Click, Where] = {
    "largest-joint-error-edt": "center-joint",
    "deepest-error-l2-5": "center-l2-5",
    "random-error": "uniform",
}
Looks = Literal["everywhere", "key-plane", "worst-plane"]
Follows = Literal["best", "first"]
Drawn = tuple[tuple[float, ...], int]  # place in array order, 1 missed | 0 false


@dataclass(frozen=True, slots=True, kw_only=True)
class Clicking(PromptProfile):
    """The part of a profile that makes later rounds: one more click each, foreground where
    something was missed. Where nothing is wrong nothing is added.

    click    where it falls: in the middle of the largest component of what was missed or of what
             is false (`largest-error-edt`), of both taken together (`largest-joint-error-edt`, the
             place drawn as CVPR25_iter_eval.py does), on a pixel deepest in all of the error by
             OpenCV's 5x5 distance, or anywhere in the error
    looks    where errors are looked for: in all that the profile sees, on the plane that was asked
             first, or on the plane with the most wrong pixels
    keeps    whether earlier clicks, and a box, are said again; if not, the new click is alone
    follows  whose error: of the candidate with the best predicted IoU, or of the first one
    feeds    whether that candidate's logits are fed back with the next click
    """

    click: Click = "none"
    looks: Looks = "everywhere"
    keeps: bool = True
    rounds: int = 1
    neighbours: Neighbours = 8
    follows: Follows = "best"
    feeds: bool = True

    @property
    def then(self) -> PromptKind | None:  # type: ignore[override]  # follows from the clicks
        """What later rounds say beside the first prompt."""
        return None if self.click == "none" else "point"

    @property
    def draws(self) -> bool:
        """Whether seeds make different clicks."""
        return self.click in ("random-error", "deepest-error-l2-5")

    def refine(
        self, prompt: Prompt, mask: NDArray[np.bool_], predicted: NDArray[np.bool_]
    ) -> Prompt:
        """The prompt with one more click; masks (H, W), or (S, H, W) of a profile of stacks."""
        import numpy as np

        if self.click == "none":
            raise NotImplementedError(f"{self.name} has one round")
        plane, turn = prompt.plane, prompt.round + 1
        if self.looks != "everywhere":
            plane = plane or 0
            if self.looks == "worst-plane":
                wrong = np.count_nonzero(mask != predicted, axis=(1, 2))
                if prompt.mask is not None:
                    wrong[plane] = 0  # what is right there was said
                plane = int(wrong.argmax())
                if not wrong[plane]:
                    return replace(prompt, round=turn)
            mask, predicted = mask[plane], predicted[plane]
        where = (prompt.case, prompt.label, prompt.plane, prompt.object_index, prompt.seed, turn)
        rng = generator(self.name, self.version, *where)
        drawn = error_click(mask, predicted, self.click, self.neighbours, rng)
        if drawn is None:
            return replace(prompt, round=turn)
        points, labels = in_stack([drawn[0]], plane), np.array([drawn[1]], np.int64)
        if not self.keeps:
            return replace(prompt, round=turn, box=None, points=points, point_labels=labels)
        if prompt.points is not None and prompt.point_labels is not None:
            points = np.concatenate([prompt.points, points])
            labels = np.concatenate([prompt.point_labels, labels])
        return replace(prompt, round=turn, points=points, point_labels=labels)


def error_click(
    mask: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    click: Click,
    neighbours: Neighbours,
    rng: np.random.Generator,
) -> Drawn | None:
    """(place in array order, 1 missed | 0 false) of the next click, or None where the prediction
    has no error.

    Of error components of one size a missed one comes first, then scan order.
    """
    box = bounding_box(mask, predicted)
    drawn = None if box is None else _in_box(mask[box], predicted[box], click, neighbours, rng)
    if box is None or drawn is None:
        return None
    inside, sign = drawn
    return tuple(at + part.start for at, part in zip(inside, box, strict=True)), sign


def _in_box(
    mask: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    click: Click,
    neighbours: Neighbours,
    rng: np.random.Generator,
) -> Drawn | None:
    import numpy as np

    missed, false = mask & ~predicted, predicted & ~mask
    if not missed.any() and not false.any():
        return None
    if click in JOINT:
        drawn = place(missed | false, JOINT[click], rng)
        return drawn, int(missed[tuple(map(int, drawn))])
    candidates = [
        (largest[0], sign)
        for error, sign in ((missed, 1), (false, 0))
        if (largest := regions(error, "largest", neighbours))
    ]
    region, sign = max(candidates, key=lambda pair: int(np.count_nonzero(pair[0])))
    return place(region, "center-edt", rng), sign
