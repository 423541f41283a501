"""Who takes the answers of the one loop: a ledger that counts them, or whoever keeps the masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from reproduce.contracts import Prediction, Reference

if TYPE_CHECKING:
    import torch


class Taker(Protocol):
    """The answers about one case, plane by plane."""

    absent: int  # targets of planes that nothing was asked about

    def reference(self, index: int) -> Reference | None:
        """The ground truth of a plane on the grid that is scored; None: there is none."""

    def count(
        self,
        index: int,
        round_: int,
        seed: int,
        prediction: Prediction,
        names: Sequence[str],
        truth: torch.Tensor | None,
        objects: Sequence[int] | int,
    ) -> None:
        """Take N masks of plane `index`: scores (N, C, h, w), truth (N, h, w) bool where there is a
        reference, and the label and object number of each."""

    def close(self) -> None:
        """All has been said about the case."""
