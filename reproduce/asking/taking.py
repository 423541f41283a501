"""Who takes the answers of the one loop: a ledger that counts them, or whoever keeps the masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from reproduce.asking.objects import Counted
from reproduce.contracts import Reference

if TYPE_CHECKING:
    import torch


class Taker(Protocol):
    """The answers about one case, plane by plane."""

    absent: int  # targets of planes that nothing was asked about

    def reference(self, index: int) -> Reference | None:
        """The ground truth of a plane on the grid that is scored; None: there is none."""

    def count(
        self, index: int, round_: int, seed: int, told: Counted, truth: torch.Tensor | None
    ) -> None:
        """Take N masks of plane `index`, and where there is a reference its (N, h, w) bool."""

    def close(self) -> None:
        """All has been said about the case."""
