"""No prompt: for models that segment on their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reproduce.contracts import Prompt, PromptKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class NoPrompt:
    """One prompt without content per label, so that every label is predicted, empty or not."""

    name: str
    version: int
    description: str
    source: str
    kind: PromptKind = "none"
    rounds: int = 1
    random: bool = False

    def prompts(
        self, case: str, label: str, mask: NDArray[np.bool_], seed: int, slice_index: int | None
    ) -> list[Prompt]:
        """One prompt, also for an empty mask: nothing of the mask is looked at."""
        return [Prompt(case, label, slice_index, 0, seed, 0)]

    def refine(
        self, prompt: Prompt, mask: NDArray[np.bool_], predicted: NDArray[np.bool_]
    ) -> Prompt:
        """There is one round."""
        raise NotImplementedError(f"{self.name} has one round")
