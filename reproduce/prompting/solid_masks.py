"""The mask of an object over all its planes, as it is or made wrong on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from reproduce.contracts import Prompt, PromptKind, PromptProfile, Scope
from reproduce.prompting.seeding import generator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Change = Literal["dilated", "eroded", "hollowed", "shifted"]
SHIFTED = (-3, 3)  # voxels along each axis, the higher end excluded


@dataclass(frozen=True, slots=True)
class SolidMaskProfile(PromptProfile):
    """The object's mask over all its planes, to be made better or to place clicks in.

    Follows `mask3D_to_dense_prompt` of ucsdbiag/Prompt-Robustness-MedSegFMs@4fa0e89
    nnInteractive/predict_btcv.py, which changes it by a cube and treats what lies beyond the volume
    as no reason to erode.

    change  dilated, eroded: by a cube of 2 * radius + 1 voxels; hollowed: less the eroded mask;
            shifted: by `SHIFTED`, drawn for each axis; None: as it is
    """

    name: str
    version: int
    description: str
    source: str
    change: Change | None = None
    radius: int = 1
    scope: Scope = "stack"
    kind: PromptKind = "solid-mask"
    rounds: int = 1

    @property
    def random(self) -> bool:  # type: ignore[override]  # follows from the other fields
        """Whether seeds make different prompts."""
        return self.change == "shifted"

    def prompts(
        self, case: str, label: str, mask: NDArray[np.bool_], seed: int, plane: int | None
    ) -> list[Prompt]:
        """One mask for a (S, H, W) mask, empty where nothing is left of it; [] for an empty one."""
        if not mask.any():
            return []
        made = self._changed(mask, case, label, seed)
        return [Prompt(case, label, seed=seed, mask=made, oracle=True)]

    def _changed(
        self, mask: NDArray[np.bool_], case: str, label: str, seed: int
    ) -> NDArray[np.bool_]:
        from scipy.ndimage import binary_dilation, binary_erosion

        if self.change is None:
            return mask.copy()
        if self.change == "shifted":
            rng = generator(self.name, self.version, case, label, seed)
            return shifted(mask, [int(rng.integers(*SHIFTED)) for _ in mask.shape])
        cube = cube_of(self.radius)
        if self.change == "dilated":
            larger: NDArray[np.bool_] = binary_dilation(mask, cube)
            return larger
        smaller: NDArray[np.bool_] = binary_erosion(mask, cube, border_value=1)
        return smaller if self.change == "eroded" else mask & ~smaller


def cube_of(radius: int) -> NDArray[np.bool_]:
    """All voxels at most `radius` away along every axis."""
    import numpy as np

    return np.ones((2 * radius + 1,) * 3, np.bool_)


def shifted(mask: NDArray[np.bool_], by: Sequence[int]) -> NDArray[np.bool_]:
    """A mask moved along each axis; what leaves it is gone.

    >>> import numpy as np
    >>> shifted(np.array([[[True, False, True]]]), (0, 0, 1)).tolist()
    [[[False, True, False]]]
    """
    import numpy as np

    moved = np.zeros_like(mask)
    there, here = [], []
    for step, size in zip(by, mask.shape, strict=True):
        there.append(slice(max(step, 0), max(min(size, size + step), 0)))
        here.append(slice(max(-step, 0), max(min(size, size - step), 0)))
    moved[tuple(there)] = mask[tuple(here)]
    return moved
