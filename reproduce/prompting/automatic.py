"""Prompts without geometry: none at all, or the name of the class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reproduce.contracts import Prompt, PromptKind, PromptProfile, Scope

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class NoPrompt(PromptProfile):
    """One prompt without content per label, so that every label is predicted, empty or not."""

    name: str
    version: int
    description: str
    source: str
    kind: PromptKind = "none"
    rounds: int = 1
    random: bool = False

    def prompts(
        self, case: str, label: str, mask: NDArray[np.bool_], seed: int, plane: int | None
    ) -> list[Prompt]:
        """One prompt, also for an empty mask: nothing of the mask is looked at."""
        return [Prompt(case, label, plane, 0, seed, 0)]


@dataclass(frozen=True, slots=True)
class NamePrompt(PromptProfile):
    """The name of the class is the prompt: the label, as the data set calls it.

    present_only  asked only where the class is in the reference, which looks at the answer;
                  otherwise for every class, present or not
    scope         for every plane, or once for a volume that the model takes whole
    """

    name: str
    version: int
    description: str
    source: str
    present_only: bool = False
    scope: Scope = "plane"
    kind: PromptKind = "text"
    rounds: int = 1
    random: bool = False

    @property
    def blind(self) -> bool:  # type: ignore[override]  # follows from the other fields
        """Whether empty masks are prompted too."""
        return not self.present_only

    def prompts(
        self, case: str, label: str, mask: NDArray[np.bool_], seed: int, plane: int | None
    ) -> list[Prompt]:
        """One prompt with nothing but the label."""
        if self.present_only and not mask.any():
            return []
        return [Prompt(case, label, plane, 0, seed, 0, oracle=self.present_only)]
