"""Volumes predicted slice by slice, kept until they are complete: surfaces are of the whole.

What is kept lies on the CPU; `count` adds the whole volume, one label at a time, to the statistics.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.contracts import Case, Reference, ScoreKind
from reproduce.running.spec import RunSpec

if TYPE_CHECKING:
    import torch

    from reproduce.statistics import StatisticsBuilder

#: What a slice without a prompt is scored: surely background, whatever the threshold.
BACKGROUND: dict[ScoreKind, float] = {"logit": -100.0, "probability": 0.0, "label": 0.0}

# scores (N, C, h, w), reference (N, h, w) bool, valid (h, w) bool or None
Slice = tuple["torch.Tensor", "torch.Tensor", "torch.Tensor | None"]


@dataclass(slots=True)
class AutomaticVolume:
    """A volume of `depth` slices that need no prompt. `spacing_mm` in array order, or None."""

    depth: int
    spacing_mm: tuple[float, ...] | None
    slices: list[Slice] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        return len(self.slices) == self.depth

    def keep(self, scores: torch.Tensor, truth: torch.Tensor, valid: torch.Tensor | None) -> None:
        """The next slice."""
        self.slices.append((scores.cpu(), truth.cpu(), None if valid is None else valid.cpu()))

    def count(
        self,
        case: Case,
        names: Sequence[str],
        kind: ScoreKind,
        spec: RunSpec,
        builder: StatisticsBuilder,
    ) -> None:
        """Add the whole volume; `names` of its N labels."""
        import torch

        scores, truth, valid = zip(*self.slices, strict=True)
        within = None if valid[0] is None else torch.stack([v for v in valid if v is not None])
        for n, name in enumerate(names):
            builder.add(
                case=case.id,
                patient=case.patient,
                labels=[name],
                scores=torch.stack([plane[n] for plane in scores], dim=1)[None],
                kind=kind,
                reference=torch.stack([plane[n] for plane in truth])[None],
                valid=within,
                seed=spec.seeds[0],
                spacing_mm=self.spacing_mm if spec.grid == "original" else None,
            )


@dataclass(slots=True)
class PromptedVolume:
    """A volume whose slices are prompted one by one; `left` of them are still to come.

    reference  of all slices, (D, h, w) a label
    slices     (label, round, seed) -> slice -> scores (h, w)
    """

    left: int
    spacing_mm: tuple[float, ...] | None
    reference: Reference
    slices: dict[tuple[str, int, int], dict[int, torch.Tensor]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    kind: ScoreKind = "logit"

    def keep(
        self,
        case: str,
        index: int,
        round_: int,
        seed: int,
        kind: ScoreKind,
        counted: Mapping[str, Any],
    ) -> None:
        """What was predicted for slice `index`: `labels`, and `scores` (N, 1, h, w)."""
        scores = counted["scores"]
        if scores.shape[1] > 1:
            raise InputError(
                f"case {case}: the model gives {scores.shape[1]} masks a prompt, and a volume is "
                "put together from one mask a slice. Choose the option that gives one (for SAM "
                "--set adapter.multimask=single), or measure overlap alone."
            )
        self.kind = kind
        for label, plane in zip(counted["labels"], scores[:, 0].cpu(), strict=True):
            self.slices[label, round_, seed][index] = plane

    def count(self, case: Case, spec: RunSpec, builder: StatisticsBuilder) -> None:
        """Add the whole volume. Slices that were not prompted are background."""
        import numpy as np
        import torch

        valid = self.reference.valid
        for (label, number, seed), planes in self.slices.items():
            truth = torch.from_numpy(np.ascontiguousarray(self.reference.labels[label]))
            scores = torch.full(truth.shape, BACKGROUND[self.kind])
            for index, plane in planes.items():
                scores[index] = plane
            builder.add(
                case=case.id,
                patient=case.patient,
                labels=[label],
                scores=scores[None, None],
                kind=self.kind,
                reference=truth[None],
                valid=None if valid is None else torch.from_numpy(np.ascontiguousarray(valid)),
                round=number,
                seed=seed,
                spacing_mm=self.spacing_mm if spec.grid == "original" else None,
                slices=False,
            )
