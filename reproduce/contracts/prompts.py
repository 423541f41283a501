"""What a model is asked, and how the questions are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from reproduce.contracts.samples import Spacing

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

#: Where prompts are made and where masks are scored: on the data as loaded, or on the network's.
Grid = Literal["original", "model_input"]
#: `box` and `mask` lie on one plane, `solid-box` and `solid-mask` over several.
PromptKind = Literal["none", "box", "solid-box", "point", "mask", "solid-mask", "text"]
#: What a prompt profile, or a model, looks at at once.
Scope = Literal["plane", "stack"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One object to segment and what the model is told about it. Places are (s, y, x) in pixels.

    plane   the plane it was made on; None: an image, or made on the whole stack
    points  (N, 3) float or None;  point_labels (N,) int, 1 on the object, 0 off it
    box     (2, 3) float, lowest and highest corner, or None; on one plane both s are equal
    mask    (H, W) bool on `plane`: the object as it is there; without a plane (S, H, W), the
            object as it is supposed to be; or None
    around  (2, 3) float, first and last voxel of what the model is shown, or None: all of it
    mask_input  (1, l, l) logits of the round before, on the model's device, or None
    text    words, or None
    oracle  whether it was chosen looking at the answer in a way worth a flag
    """

    case: str
    label: str
    plane: int | None = None
    object_index: int = 0
    seed: int = 0
    round: int = 0
    box: NDArray[np.float64] | None = None
    points: NDArray[np.float64] | None = None
    point_labels: NDArray[np.int64] | None = None
    mask: NDArray[np.bool_] | None = None
    around: NDArray[np.float64] | None = None
    mask_input: torch.Tensor | NDArray[np.float32] | None = None
    text: str | None = None
    oracle: bool = False

    @classmethod
    def on_plane(
        cls,
        case: str,
        label: str,
        plane: int | None,
        *,
        box_xy: Any = None,
        points_xy: Any = None,
        **more: Any,
    ) -> Prompt:
        """A prompt in coordinates (x, y) of one plane.

        box_xy     (x0, y0, x1, y1), or None
        points_xy  (N, 2), or None
        """
        return cls(
            case,
            label,
            plane,
            box=None if box_xy is None else from_xy(box_xy, plane),
            points=None if points_xy is None else from_xy(points_xy, plane),
            **more,
        )

    @property
    def box_xy(self) -> NDArray[np.float64] | None:
        """(x0, y0, x1, y1) of the box in its plane, or None."""
        return None if self.box is None else self.box[:, :0:-1].reshape(4)

    @property
    def points_xy(self) -> NDArray[np.float64] | None:
        """(N, 2) points (x, y) in their plane, or None."""
        return None if self.points is None else self.points[:, :0:-1]

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing about where the object is."""
        points = 0 if self.points is None else len(self.points)
        return not points and self.box is None and self.mask is None and self.mask_input is None


def from_xy(xy: Any, plane: int | None) -> NDArray[np.float64]:
    """Coordinates (..., 2) or flat (x, y) pairs on a plane -> (N, 3) of (s, y, x).

    >>> from_xy([4.0, 3.0, 6.0, 5.0], 2).tolist()
    [[2.0, 3.0, 4.0], [2.0, 5.0, 6.0]]
    """
    import numpy as np

    pairs = np.asarray(xy, np.float64).reshape(-1, 2)
    return np.concatenate([np.full((len(pairs), 1), float(plane or 0)), pairs[:, ::-1]], axis=1)


class Brought(Protocol):
    """A reference mask on the grid that a release makes its prompts on.

    mask    (h, w) or (d, h, w) bool
    around  (2, 3) first and last voxel, in the data as loaded, of what the model is then shown,
            where the release cuts it out around the mask; None: it is shown everything
    """

    @property
    def mask(self) -> NDArray[np.bool_]: ...
    @property
    def around(self) -> NDArray[np.float64] | None: ...

    def to_input(self, places: NDArray[Any]) -> NDArray[np.float64]:
        """(N, 3) places (s, y, x) in the data as loaded -> on this grid."""

    def to_image(self, places: NDArray[Any]) -> NDArray[np.float64]:
        """The inverse of `to_input`."""


#: (mask, spacing of its sample) -> the mask on the grid of the prompts
Bring = Callable[["NDArray[np.bool_]", Spacing], Brought]


class PromptProfile(Protocol):
    """A plugin in `reproduce/prompts`: how prompts are made from a reference mask.

    Everything random is drawn from `numpy.random.default_rng` seeded by (profile, version, case id,
    label, plane, object, seed), so order, batch size and the number of workers cannot change it.

    kind     of the first prompt; `then`: of what later rounds say, None: nothing of another kind
    scope    whether it looks at one plane at a time, or at the whole stack
    spreads  of scope `stack`: each plane of an object gets a prompt of its own, so it is for models
             that see one plane at a time
    blind    prompts are made for empty masks too
    per      which regions of a mask get a prompt each (`reproduce.prompting.regions`)
    follows  the candidate whose error is looked at: with the `best` predicted IoU, or the `first`
    feeds    whether that candidate's logits are fed back
    """

    name: str
    version: int
    kind: PromptKind
    rounds: int
    random: bool
    description: str
    source: str
    then: PromptKind | None = None
    scope: Scope = "plane"
    spreads: bool = False
    blind: bool = False
    per: str = "mask"
    neighbours: int = 8
    min_pixels: int = 0
    follows: Literal["best", "first"] = "best"
    feeds: bool = True

    @property
    def for_stacks(self) -> bool:
        """Whether its prompts are for models that take a stack whole."""
        return self.scope == "stack" and not self.spreads

    @property
    def kinds(self) -> tuple[PromptKind, ...]:
        """Of all that is asked, in any round."""
        return (self.kind,) if self.then in (None, self.kind) else (self.kind, self.then)

    def prompts(
        self, case: str, label: str, mask: NDArray[np.bool_], seed: int, plane: int | None
    ) -> list[Prompt]:
        """First-round prompts for one mask, (H, W) or, in scope `stack`, (S, H, W); [] for none."""

    def refine(
        self, prompt: Prompt, mask: NDArray[np.bool_], predicted: NDArray[np.bool_]
    ) -> Prompt:
        """The next round's prompt from the error of the last (only where `rounds` > 1)."""
        asked = f"{self.name} is asked in {self.rounds} rounds, and makes prompts for the first"
        raise NotImplementedError(asked)
