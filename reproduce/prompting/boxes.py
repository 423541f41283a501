"""Boxes around masks, and the ways papers move them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from reproduce.contracts import Prompt, PromptKind
from reproduce.prompting.clicks import Clicking
from reproduce.prompting.regions import Per, regions
from reproduce.prompting.seeding import generator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

JitterKind = Literal["none", "fixed-out", "scaled", "uniform-out", "one-out", "uniform", "normal"]


@dataclass(frozen=True, slots=True)
class Jitter:
    """How the tight box is moved, in pixels of the space `at` (None: of the image).

    none         not at all
    fixed-out    every side outward by `amount`
    scaled       both sides times `share`, the middle stays
    uniform-out  every side outward by its own integer from 0 to `amount`, inclusive
    one-out      every side outward by the same integer from 0 to `amount`, inclusive; scaled to the
                 image it is cut to a whole number of pixels
    uniform      every coordinate by its own integer from -amount to amount, inclusive
    normal       every coordinate by a normal number with SD `share` of the box's side, cut off at
                 `amount` pixels
    """

    kind: JitterKind = "none"
    amount: float = 0
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class BoxProfile(Clicking):
    """Boxes (x0, y0, x1, y1) of the regions of a mask.

    inclusive  x1, y1 are the last foreground pixel; else one past it
    at         side of the square space that the jitter is measured in, if it is not the image
    clip       largest coordinate: `last` W - 1, `size` W
    """

    name: str
    version: int
    description: str
    source: str
    per: Per = "mask"
    min_pixels: int = 0
    inclusive: bool = True
    jitter: Jitter = field(default_factory=Jitter)
    at: int | None = None
    clip: Literal["last", "size"] = "last"
    kind: PromptKind = "box"

    @property
    def random(self) -> bool:  # type: ignore[override]  # follows from the other fields
        """Whether seeds make different prompts."""
        fixed = self.jitter.kind in ("none", "fixed-out", "scaled")
        return not fixed or self.draws

    def prompts(
        self, case: str, label: str, mask: NDArray[np.bool_], seed: int, plane: int | None
    ) -> list[Prompt]:
        """One box per region of a (H, W) mask; [] for an empty one."""
        found = []
        for index, region in enumerate(regions(mask, self.per, self.neighbours, self.min_pixels)):
            rng = generator(self.name, self.version, case, label, plane, index, seed)
            box = self._moved(tight_box(region, self.inclusive), mask.shape, rng)
            found.append(
                Prompt.on_plane(case, label, plane, box_xy=box, object_index=index, seed=seed)
            )
        return found

    def _moved(
        self, box: NDArray[np.float64], shape: tuple[int, ...], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        import numpy as np

        height, width = shape
        scale: NDArray[np.float64] = np.ones(4)
        if self.at is not None:
            scale = np.array([width, height, width, height]) / self.at
        out = np.array([-1.0, -1.0, 1.0, 1.0])
        amount = self.jitter.amount
        match self.jitter.kind:
            case "none":
                return box
            case "fixed-out":
                offset: NDArray[np.float64] = np.asarray(out * float(amount))
            case "scaled":
                half = np.array([box[2] - box[0], box[3] - box[1]] * 2) / 2
                offset = out * half * (self.jitter.share - 1)
            case "uniform-out":
                offset = out * rng.integers(0, int(amount), 4, endpoint=True)
            case "uniform":
                offset = rng.integers(-int(amount), int(amount), 4, endpoint=True).astype(float)
            case "one-out":
                drawn = int(rng.integers(0, int(amount), endpoint=True))
                return self._clipped(box + out * np.floor(drawn * scale), shape)
            case "normal":
                side = np.array([box[2] - box[0], box[3] - box[1]] * 2)
                shares = rng.normal(0.0, 1.0, 4) * self.jitter.share * side
                offset = np.clip(shares, -amount, amount)
        return self._clipped(box + offset * scale, shape)

    def _clipped(self, moved: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
        """A box inside the image; opposite sides of a tiny object may have crossed: in order."""
        import numpy as np

        height, width = shape
        last = np.array([width, height, width, height]) - (1 if self.clip == "last" else 0)
        clipped = np.clip(moved, 0, last)
        low, high = np.minimum(clipped[:2], clipped[2:]), np.maximum(clipped[:2], clipped[2:])
        return np.asarray(np.concatenate([low, high]), np.float64)


def tight_box(mask: NDArray[np.bool_], inclusive: bool) -> NDArray[np.float64]:
    """(x0, y0, x1, y1) of a mask with at least one pixel; float64, pixels.

    >>> import numpy as np
    >>> mask = np.zeros((4, 5), bool); mask[1:3, 2:5] = True
    >>> tight_box(mask, inclusive=True).tolist(), tight_box(mask, inclusive=False).tolist()
    ([2.0, 1.0, 4.0, 2.0], [2.0, 1.0, 5.0, 3.0])
    """
    import numpy as np

    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    past = 0 if inclusive else 1
    return np.array([columns[0], rows[0], columns[-1] + past, rows[-1] + past], dtype=np.float64)
