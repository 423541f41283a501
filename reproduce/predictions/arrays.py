"""Arrays in memory, and single files, in place of folders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError, UsageError
from reproduce.contracts import Case, Geometry
from reproduce.predictions.counting import Counter
from reproduce.predictions.record import Scored
from reproduce.predictions.request import Request
from reproduce.predictions.truths import Truth, is_single, truth_of
from reproduce.readers import ClassMap, MaskFile, read_mask
from reproduce.readers.rules import class_numbers, distinct
from reproduce.scoring import metric_profile

if TYPE_CHECKING:
    import pyarrow as pa

AXES = (2, 3)  # (H, W), or (D, H, W)


def mask_of(given: Any, name: str, key: str | None = None) -> MaskFile:
    """An array (NumPy, or what becomes one; a tensor of any device), or a file, as a mask.

    name  what it is called in messages

    Raises `InputError` for an array that is no (H, W) or (D, H, W), or is empty.
    """
    import numpy as np
    import torch

    if isinstance(given, str | Path):
        return read_mask(Path(given), key)
    if isinstance(given, torch.Tensor):
        given = given.detach().cpu().numpy()
    values = np.asarray(given)
    if values.ndim not in AXES or not values.size or values.dtype.kind not in "biuf":
        raise InputError(
            f"{name}: expected (rows, columns) or (planes, rows, columns) of numbers, got "
            f"{values.shape} of {values.dtype}. One array is one case; several are given as a list "
            "or a dictionary."
        )
    return MaskFile(Path(name), Geometry(values.shape), values)


@dataclass
class GivenTruths:
    """References in memory by case id.

    Classes are what `labels` of the request names; else one class where every array has one
    object; else every number that any array of either side holds.
    """

    masks: Mapping[str, MaskFile]
    names: ClassMap | None
    cases: list[Case] = field(init=False)
    recorded: Mapping[str, Any] = field(default_factory=lambda: {"reference": "arrays"})

    def __post_init__(self) -> None:
        self.cases = [Case(id=name, files={}) for name in self.masks]

    def load(self, case: Case) -> Truth:
        """All classes of one case."""
        return truth_of(self.masks[case.id], self.names)

    def told(self, fits: Callable[[Sequence[str]], bool]) -> str:
        """Never asked: arrays are paired by their place or name."""
        return "the given arrays"


def count_given(
    predictions: Mapping[str, MaskFile], references: Mapping[str, MaskFile], request: Request
) -> tuple[Scored, pa.Table]:
    """Count pairs of masks; `request` says how (its folders are not looked at).

    Raises `UsageError` unless both have the same cases, `InputError` for what does not fit.
    """
    if set(predictions) != set(references) or not references:
        lacking = sorted(set(references) ^ set(predictions))
        raise UsageError(
            f"{len(predictions)} predictions for {len(references)} references; expected one for "
            f"each{': ' + ', '.join(lacking[:5]) if lacking else ''}."
        )
    truths = GivenTruths(references, _names(predictions, references, request))
    counter = Counter(request, metric_profile(request.profile), truths)
    for case in truths.cases:
        counter.add(case, partial(_as_given, predictions[case.id]))
    return counter.scored(), counter.builder.table()


def _as_given(found: MaskFile, grid: Geometry) -> MaskFile:
    """An array has no grid of its own to be brought to another one."""
    return found


def _names(
    predictions: Mapping[str, MaskFile], references: Mapping[str, MaskFile], request: Request
) -> ClassMap | None:
    if request.labels:
        return ClassMap.of(request.labels, "labels")
    sides = [*references.values()]
    if request.kind == "label":
        sides += predictions.values()
    if any(found.segments for found in sides):
        return ClassMap.of_segments(
            dict.fromkeys(name for found in references.values() for name in found.segments)
        )
    if all(is_single(found) for found in sides):
        return None
    numbers = {number for found in sides for number in distinct(class_numbers(found))}
    return ClassMap.numbered(numbers - {0})
