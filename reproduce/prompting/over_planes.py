"""Prompts that reach over several planes of a stack: solid boxes, and boxes or points that are
drawn on a few planes and filled in between."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from reproduce.contracts import Prompt, PromptKind, PromptProfile, Scope
from reproduce.prompting.boxes import BoxProfile, tight_box
from reproduce.prompting.clicks import Clicking
from reproduce.prompting.key_planes import key_plane
from reproduce.prompting.lines import spaced
from reproduce.prompting.places import place
from reproduce.prompting.regions import regions
from reproduce.prompting.seeding import generator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SolidBoxProfile(Clicking):
    """A box from the first to the last plane of an object, both inclusive.

    middle  the profile that makes its sides from the mask of the middle plane; None: the sides are
            those of the whole object, its last pixels inclusive
    """

    name: str
    version: int
    description: str
    source: str
    middle: BoxProfile | None = None
    scope: Scope = "stack"
    kind: PromptKind = "solid-box"

    @property
    def random(self) -> bool:  # type: ignore[override]  # follows from the other fields
        """Whether seeds make different prompts."""
        return self.draws or (self.middle is not None and self.middle.random)

    def prompts(
        self, case: str, label: str, mask: NDArray[np.bool_], seed: int, plane: int | None
    ) -> list[Prompt]:
        """One box for a (S, H, W) mask; [] for an empty one."""
        import numpy as np

        if not mask.any():
            return []
        planes = np.flatnonzero(mask.any(axis=(1, 2)))
        made = Prompt.on_plane(
            case, label, None, box_xy=tight_box(np.any(mask, axis=0), True), seed=seed
        )
        if self.middle is not None:
            key = key_plane(mask, "middle")
            made = self.middle.prompts(case, label, mask[key], seed, None)[0]
        assert made.box is not None
        box = made.box.copy()
        box[:, 0] = planes[0], planes[-1]
        return [replace(made, box=box)]


@dataclass(frozen=True, slots=True)
class EveryPlaneProfile(PromptProfile):
    """A box on every plane of a stack, for models that take the stack whole and are asked by plane.

    on  the profile that makes it from the mask of a plane; where that is empty the box has no size
        and lies at the first pixel
    """

    name: str
    version: int
    description: str
    source: str
    on: BoxProfile
    scope: Scope = "stack"
    kind: PromptKind = "box"
    rounds: int = 1
    blind: bool = True

    @property
    def random(self) -> bool:  # type: ignore[override]  # follows from the other fields
        """Whether seeds make different prompts."""
        return self.on.random

    def prompts(
        self, case: str, label: str, mask: NDArray[np.bool_], seed: int, plane: int | None
    ) -> list[Prompt]:
        """One box for each plane of a (S, H, W) mask."""
        nothing = [0.0] * 4
        return [
            self.on.prompts(case, label, there, seed, index)[0]
            if there.any()
            else Prompt.on_plane(case, label, index, box_xy=nothing, seed=seed)
            for index, there in enumerate(mask)
        ]


@dataclass(frozen=True, slots=True)
class InterpolatedProfile(PromptProfile):
    """Boxes or points on some planes of an object, those between them filled in linearly.

    Follows `get_seed_boxes`, `box_interpolation` and `point_interpolation` of
    MIC-DKFZ/radioactive@1796386 src/radioa/prompts/prompt_utils.py: planes lie evenly between the
    first and the last one with a pixel, moved to the nearest that has one; a point is the pixel of
    the largest component nearest to the middle of its bounding box; coordinates are rounded. A
    point between two planes may lie beside the object.

    planes  how many are drawn on (fewer where the object has fewer); None: the sides of the whole
            object on each of its planes (boxes)
    joined  None: a prompt for each plane; a number: one prompt for the stack, of so many of the
            points, evenly spaced, the first and the last left out
    """

    name: str
    version: int
    description: str
    source: str
    kind: Literal["box", "point"]
    planes: int | None
    joined: int | None = None
    scope: Scope = "stack"
    rounds: int = 1
    random: bool = False

    @property
    def spreads(self) -> bool:  # type: ignore[override]  # follows from the other fields
        """Whether each plane has a prompt of its own."""
        return self.joined is None

    def prompts(
        self, case: str, label: str, mask: NDArray[np.bool_], seed: int, plane: int | None
    ) -> list[Prompt]:
        """Prompts of a (S, H, W) mask, plane by plane; [] for an empty one."""
        import numpy as np

        if not mask.any():
            return []
        drawn = self._drawn(mask)
        keys = sorted(drawn)
        between = np.arange(keys[0], keys[-1] + 1)
        columns = np.stack([drawn[key] for key in keys], axis=1)
        filled = np.rint(np.stack([np.interp(between, keys, column) for column in columns], axis=1))
        if self.kind == "box":
            return [
                Prompt.on_plane(case, label, int(s), box_xy=box, seed=seed)
                for s, box in zip(between, filled, strict=True)
            ]
        one = np.ones(1, np.int64)
        if self.joined is None:
            return [
                Prompt.on_plane(case, label, int(s), points_xy=xy, point_labels=one, seed=seed)
                for s, xy in zip(between, filled, strict=True)
            ]
        places = np.concatenate([between[:, None], filled[:, ::-1]], axis=1)
        places = places[spaced(len(places), self.joined)]
        labels = np.ones(len(places), np.int64)
        return [Prompt(case, label, seed=seed, points=places, point_labels=labels)]

    def _drawn(self, mask: NDArray[np.bool_]) -> dict[int, NDArray[np.float64]]:
        """Plane -> (x0, y0, x1, y1), one past the last pixels, or (x, y)."""
        import numpy as np

        there = np.flatnonzero(mask.any(axis=(1, 2)))
        if self.planes is None:
            whole = tight_box(np.any(mask, axis=0), inclusive=False)
            return {int(there[0]): whole, int(there[-1]): whole}
        number = min(self.planes, len(there))
        wanted = np.linspace(there[0], there[-1], number, dtype=np.int64)
        keys = [int(there[np.abs(there - index).argmin()]) for index in wanted]
        if self.kind == "box":
            return {key: tight_box(mask[key], inclusive=False) for key in keys}
        rng = generator(self.name)  # nothing is drawn
        return {
            key: np.array(place(regions(mask[key], "largest")[0], "center-box", rng)[::-1])
            for key in keys
        }
