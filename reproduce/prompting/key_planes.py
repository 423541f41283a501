"""Prompts of a stack on one plane, from which a model follows the object through the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from reproduce.contracts import Prompt, PromptKind, PromptProfile, Scope
from reproduce.prompting.clicks import Clicking
from reproduce.prompting.regions import Per, regions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Where = Literal["first", "middle", "largest"]


@dataclass(frozen=True, slots=True)
class KeyPlaneProfile(Clicking):
    """What is asked on the key plane of an object; later clicks may fall on other planes.

    where   first: the first plane with a pixel of the object, middle: the middle one of all with a
            pixel (of an even number the later), largest: the first of those with the most pixels
    asks    the profile of planes that makes the first prompt there; None: the object's mask itself
    per     which regions of the stack are objects with a key plane each
    """

    name: str
    version: int
    description: str
    source: str
    where: Where
    asks: PromptProfile | None = None
    per: Per = "mask"
    min_pixels: int = 0
    scope: Scope = "stack"

    @property
    def kind(self) -> PromptKind:  # type: ignore[override]  # that of the plane's profile
        """What is asked on the plane."""
        return "mask" if self.asks is None else self.asks.kind

    @property
    def random(self) -> bool:  # type: ignore[override]  # follows from the plane's profile
        """Whether seeds make different prompts."""
        return self.draws or (self.asks is not None and self.asks.random)

    def prompts(
        self, case: str, label: str, mask: NDArray[np.bool_], seed: int, plane: int | None
    ) -> list[Prompt]:
        """Prompts of the objects of a (S, H, W) mask; [] for an empty one."""
        found = []
        for index, region in enumerate(regions(mask, self.per, self.neighbours, self.min_pixels)):
            key = key_plane(region, self.where)
            if self.asks is None:
                made = [Prompt(case, label, key, seed=seed, mask=region[key].copy())]
            else:
                made = self.asks.prompts(case, label, region[key], seed, key)
            found += [replace(prompt, object_index=index) for prompt in made]
        return found


def key_plane(mask: NDArray[np.bool_], where: Where) -> int:
    """Index of the key plane of a (S, H, W) mask with at least one pixel.

    >>> import numpy as np
    >>> mask = np.zeros((5, 1, 3), bool); mask[1:, 0, 0] = True; mask[4, 0, 1] = True
    >>> [key_plane(mask, where) for where in ("first", "middle", "largest")]
    [1, 3, 4]
    """
    import numpy as np

    pixels = mask.sum(axis=(1, 2))
    if where == "largest":
        return int(pixels.argmax())
    seen = np.flatnonzero(pixels)
    return int(seen[0 if where == "first" else len(seen) // 2])
