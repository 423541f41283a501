"""Counts of one case as they come, plane by plane; at the end a row for every target.

A target that nothing was asked about, or a plane of it, is background: what an empty mask counts is
the metric profile's business. Masks of a stack are kept packed, eight pixels a byte, and only where
surfaces or components of the whole are wanted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.asking.objects import Counted
from reproduce.contracts import Prediction, Reference, Sample, ScoreKind
from reproduce.statistics.counting import decision

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from reproduce.statistics import StatisticsBuilder
    from reproduce.statistics.builder import Row

# (case, seed, names, what was said, truth) of N masks of a plane
OnMasks = Callable[[str, int, Sequence[str], Prediction, "torch.Tensor"], None]
Key = tuple[str, int, int, int, int, float | None]  # label, object, seed, round, candidate, cut
Packed = tuple[tuple[int, ...], "NDArray[np.uint8]"]  # (h, w) and the bits of a mask


@dataclass(slots=True)
class Ledger:
    """The rows of one case.

    builder    where they go
    labels     every target of the case, by the name it is counted under
    reference  plane -> the ground truth there, on the grid that is scored
    spacing    of planes, rows, columns on that grid; None: unknown, or another grid
    rounds, seeds   of the run: a target that is never asked about gets a row in each
    whole      whether the model answers for the whole stack at once
    on_masks   is shown all masks as they are counted
    """

    sample: Sample
    builder: StatisticsBuilder
    labels: Sequence[str]
    reference: Callable[[int], Reference]
    original: bool
    rounds: int
    seeds: Sequence[int]
    whole: bool
    on_masks: OnMasks | None = None
    kind: ScoreKind = "probability"
    absent: int = 0
    planes: dict[Key, dict[int, Row]] = field(default_factory=lambda: defaultdict(dict))
    masks: dict[Key, dict[int, Packed]] = field(default_factory=lambda: defaultdict(dict))
    truths: dict[tuple[str, int], dict[int, Packed]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    @property
    def keeps_stack(self) -> bool:
        """Whether the case gets rows for its whole stack."""
        return not self.sample.is_image and (self.whole or self.builder.whole_shapes)

    def count(
        self, index: int, round_: int, seed: int, told: Counted, truth: torch.Tensor | None
    ) -> None:
        """Count N masks of plane `index` against truth (N, h, w) bool."""
        assert truth is not None  # there is a reference
        prediction, names = told.prediction, told.names
        reference = self.reference(index)
        valid = None
        if reference.valid is not None:
            valid = _tensor(reference.valid).to(prediction.scores.device)
        self.kind = prediction.kind
        if self.keeps_stack and not self.whole and prediction.scores.shape[1] > 1:
            raise InputError(
                f"case {self.sample.case.id}: the model gives {prediction.scores.shape[1]} masks a "
                "prompt, and a volume is put together from one mask a plane. Choose the option "
                "that gives one (for SAM --set adapter.multimask=single), or measure overlap alone."
            )
        rows = self.builder.add(
            **self._where(index),
            labels=names,
            scores=prediction.scores,
            kind=prediction.kind,
            reference=truth,
            valid=valid,
            round=round_,
            seed=seed,
            object_index=told.objects,
            predicted_iou=prediction.predicted_iou,
            **self._told(reference, told),
        )
        self._keep(index, rows, prediction, truth, valid)
        if self.on_masks is not None:
            self.on_masks(self.sample.case.id, seed, names, prediction, truth)

    def close(self) -> None:
        """Rows for what was not asked about, then for the whole stack."""
        self._absent()
        if self.keeps_stack:
            self._stack()

    # ------------------------------------------------------------------------------- internals

    def _where(self, index: int) -> dict[str, Any]:
        """What is the same for all rows of a plane."""
        case, image = self.sample.case, self.sample.is_image
        return {
            "case": case.id,
            "patient": case.patient,
            "slice_index": None if image else index,
            "spacing_mm": self.sample.in_plane_mm if self.original else None,
            "shapes": image,
        }

    def _told(self, reference: Reference, told: Counted) -> dict[str, Any]:
        """Numbers of objects on both sides, where they are counted: (N, h, w) and (N, C, h, w)."""
        if self.builder.components != "told":
            return {}
        import numpy as np

        known = [reference.objects[name] for name in told.names if name in reference.objects]
        device = told.prediction.scores.device
        there = None
        if len(known) == len(told.names):
            there = _tensor(np.stack(known)).to(device)
        return {"reference_objects": there, "predicted_objects": told.prediction.objects}

    def _keep(
        self,
        index: int,
        rows: Sequence[Row],
        prediction: Prediction,
        truth: torch.Tensor,
        valid: torch.Tensor | None,
    ) -> None:
        scores = prediction.scores
        each = len(rows) // (scores.shape[0] * scores.shape[1])
        for position, row in enumerate(rows):
            key = key_of(row)
            self.planes[key][index] = row
            if self.keeps_stack and self.builder.whole_shapes and self.builder.takes_shape(row):
                n, c = divmod(position // each, scores.shape[1])
                mask = scores[n, c] > decision(self.builder.surface_at, prediction.kind)
                self.masks[key][index] = _packed(mask, valid)
                if index not in self.truths[key[:2]]:
                    self.truths[key[:2]][index] = _packed(truth[n], valid)

    def _absent(self) -> None:
        """Background for every plane of a target that was not asked about."""
        seen: dict[tuple[str, int], set[int]] = defaultdict(set)
        for (label, _, seed, *_), planes in self.planes.items():
            seen[label, seed] |= planes.keys()
        for index in self.sample.counted_planes():
            for label in self.labels:
                seeds = [seed for seed in self.seeds if index not in seen[label, seed]]
                if not seeds:
                    continue
                self.absent += len(seeds)
                reference = self.reference(index)
                truth = _tensor(reference.labels[label])
                valid = None if reference.valid is None else _tensor(reference.valid)
                rows = self.builder.add_absent(
                    **self._where(index),
                    label=label,
                    reference=truth,
                    valid=valid,
                    kind=self.kind,
                    rounds=self.rounds,
                    seeds=seeds,
                    reference_objects=self._absent_objects(reference, label),
                )
                for row in rows:
                    self.planes[key_of(row)][index] = row
                if self.keeps_stack and self.builder.whole_shapes:
                    self.truths[label, 0].setdefault(index, _packed(truth, valid))
                if self.on_masks is not None and truth.any():
                    nothing = Prediction(truth.new_zeros((1, 1, *truth.shape)), "label", (label,))
                    case = self.sample.case.id
                    self.on_masks(case, min(seeds), [label], nothing, truth[None])

    def _absent_objects(self, reference: Reference, label: str) -> torch.Tensor | None:
        there = reference.objects.get(label)
        return None if there is None else _tensor(there)

    def _stack(self) -> None:
        spacing = self.sample.spacing_mm if self.original else None
        for key, planes in self.planes.items():
            rows = [planes[index] for index in sorted(planes)]
            shape = None
            if self.builder.whole_shapes and self.builder.takes_shape(rows[0]):
                truths = self.truths[key[:2]]
                size = next(iter(truths.values()))[0]
                full = (self.sample.shape[0], *size)
                shape = _unpacked(truths, full), _unpacked(self.masks.get(key, {}), full)
            self.builder.add_whole(rows, shape=shape, spacing_mm=spacing)


def key_of(row: Mapping[str, Any]) -> Key:
    """Which rows of planes belong to one row of the stack."""
    return (
        row["label"],
        row["object"],
        row["seed"],
        row["round"],
        row["candidate"],
        row["threshold"],
    )


def _packed(mask: torch.Tensor, valid: torch.Tensor | None) -> Packed:
    import numpy as np

    inside = mask if valid is None else mask & valid
    return tuple(mask.shape), np.packbits(inside.cpu().numpy())


def _unpacked(planes: Mapping[int, Packed], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Planes that were packed as one (S, h, w) mask; those that are not there are empty."""
    import numpy as np

    whole = np.zeros(shape, np.bool_)
    for index, (size, bits) in planes.items():
        flat = np.unpackbits(bits, count=size[0] * size[1])
        whole[index] = flat.reshape(size).view(np.bool_)
    return whole


def _tensor(mask: NDArray[Any]) -> torch.Tensor:
    import numpy as np
    import torch

    return torch.from_numpy(np.ascontiguousarray(mask))
