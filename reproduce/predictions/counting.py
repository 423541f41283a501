"""From predictions and references to counts and scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import InputError, UsageError
from catalog.records import Result
from reproduce.contracts import Case, Geometry
from reproduce.planning.references import cleaned, kept_planes
from reproduce.predictions.groups import Groups, read_groups
from reproduce.predictions.masks import Masks, predicted_masks
from reproduce.predictions.measures import Choice, chosen
from reproduce.predictions.pairing import Pairing, pair
from reproduce.predictions.record import Scored, result_of
from reproduce.predictions.request import Request
from reproduce.predictions.truths import Truth, Truths, truths_of, with_spacing
from reproduce.readers import MaskFile, read_mask
from reproduce.readers.rules import scale_of
from reproduce.scoring import MetricProfile, metric_profile
from reproduce.scoring.needs import Needs, needs_of
from reproduce.scoring.units import BACKGROUND

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from reproduce.statistics import StatisticsBuilder

USUAL_THRESHOLD = 0.5


def score_predictions(
    request: Request, on_case: Callable[[str], None] = lambda _: None
) -> tuple[Result, pa.Table]:
    """Pair, read, check and count; the result record and its statistics (nothing is written).

    Raises as `count_files`.
    """
    files = count_files(request, on_case)
    result = result_of(
        files.request, files.truths, files.pairing, files.scored, files.table, files.groups
    )
    return result, files.table


@dataclass(frozen=True, slots=True)
class CountedFiles:
    """Files that were counted: what they are, what was counted, the statistics."""

    request: Request
    truths: Truths
    pairing: Pairing
    groups: Groups
    scored: Scored
    table: pa.Table


def count_files(request: Request, on_case: Callable[[str], None] = lambda _: None) -> CountedFiles:
    """Pair, read, check and count.

    Raises `InputError` naming the file for anything that does not pair or fit, `UsageError` for
    names that mean nothing.
    """
    profile = metric_profile(request.profile)
    truths = truths_of(request)
    groups = Groups()
    if request.groups is not None:
        groups = read_groups(request.groups, [case.id for case in truths.cases])
    truths.cases = groups.known(truths.cases)
    cases = {case.id: case for case in truths.cases}
    pairing = pair(request.predictions, list(cases), request.pattern, truths.told)
    _need_all(request, list(cases), pairing.missing)
    request = replace(request, scale=_scale(request, pairing.files))
    counter = Counter(request, profile, truths)
    for name, path in sorted(pairing.files.items()):
        on_case(name)
        counter.add(cases[name], partial(read_mask, path, request.key))
    for name in pairing.missing:
        counter.builder.fail(
            case=name,
            patient=cases[name].patient,
            labels=counter.labels,
            reason="no prediction for this case",
        )
    return CountedFiles(request, truths, pairing, groups, counter.scored(), counter.builder.table())


def _need_all(request: Request, ids: list[str], missing: list[str]) -> None:
    """Raise `InputError` where cases have no file, unless that was asked for."""
    if missing and not request.allow_missing:
        raise InputError(
            f"{request.predictions}: {len(missing)} of {len(ids)} cases have no file: "
            f"{', '.join(missing[:5])}{' ...' if missing[5:] else ''}. "
            "Add them, or score without them by name: --allow-missing (they then count as 0, and "
            "the mean without them is shown beside)."
        )


def _scale(request: Request, files: Mapping[str, Path]) -> float | None:
    """What stands for certainty in the predictions: as asked for, else looked at in all files."""
    if request.scale is not None or request.kind == "label":
        return request.scale
    maps = (read_mask(path, request.key) for path in files.values())
    return scale_of(maps, request.predictions)


@dataclass
class Counter:
    """Counts one case after the other; what is counted follows from the profile and the first."""

    request: Request
    profile: MetricProfile
    truths: Truths

    def __post_init__(self) -> None:
        self.labels: list[str] = []
        self.inside = self.cases = 0  # cases of which only a part of the pixels counts; all
        self.choice: Choice | None = None

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Probabilities that are counted at, what is shown of a case first."""
        asked = self.request.threshold
        return (asked,) if asked is not None else (USUAL_THRESHOLD, *self.needs.thresholds)

    def _begin(self, truth: Truth) -> None:
        """Settle what is counted by the first case."""
        from reproduce.statistics import StatisticsBuilder

        spacing_mm, axes = truth.geometry.spacing_mm, len(truth.geometry.shape)
        self.choice = chosen(self.profile, self.request, axes, spacing_mm)
        self.needs: Needs = needs_of(self.profile, self.choice.scored, {2, 3})
        self.builder: StatisticsBuilder = StatisticsBuilder(
            thresholds=self.thresholds,
            score_bins=self.needs.score_bins,
            surface=self.needs.surfaces or False,
            components=self.needs.components,
        )

    def add(self, case: Case, read: Callable[[Geometry], MaskFile]) -> None:
        """Count one case; `read` gives what was predicted, once the reference's grid is known."""
        import numpy as np

        truth = with_spacing(self.truths.load(case), case, self.request.spacing_mm)
        if self.choice is None:
            self._begin(truth)
        found = read(truth.geometry)
        predicted = predicted_masks(self.request, found, truth, self.truths.names)
        masks, predicted, valid = self._prepared(truth, predicted)
        self.cases += 1
        self.inside += truth.valid is not None
        labels = list(masks)
        self.labels = list(dict.fromkeys([*self.labels, *labels]))
        self.builder.add(
            case=case.id,
            patient=case.patient,
            labels=labels,
            scores=np.stack([predicted[name] for name in labels])[:, None],
            kind=self.request.kind,
            reference=np.stack([masks[name] for name in labels]),
            valid=valid,
            spacing_mm=truth.geometry.spacing_mm,
        )

    def _prepared(
        self, truth: Truth, predicted: Masks
    ) -> tuple[dict[str, NDArray[np.bool_]], Masks, NDArray[np.bool_] | None]:
        """Reference, prediction and valid area as the profile counts them: the background made,
        classes chosen, the reference filtered."""
        import numpy as np

        masks, valid = dict(truth.masks), truth.valid
        wanted = list(self.request.classes or masks)
        if unknown := [name for name in wanted if name not in masks]:
            raise UsageError(
                f"--class {unknown[0]}: the reference has the classes {', '.join(masks)}."
            )
        if self.needs.background and len(masks) > 1:
            masks[BACKGROUND] = ~np.logical_or.reduce(list(masks.values()))
            predicted[BACKGROUND] = ~np.logical_or.reduce(list(predicted.values()))
            wanted.insert(0, BACKGROUND)
        masks = {name: masks[name] for name in wanted}
        if rule := self.needs.reference_filter:
            volume = len(truth.geometry.shape) == 3
            masks = {
                name: cleaned(mask if volume else mask[None], rule, volume).reshape(mask.shape)
                for name, mask in masks.items()
                if name not in rule.drop_labels
            }
            kept = kept_planes(masks, rule) if volume else None
            if kept is not None:
                masks = {name: mask[kept] for name, mask in masks.items()}
                predicted = {name: mask[kept] for name, mask in predicted.items()}
                valid = None if valid is None else valid[kept]
        return masks, predicted, valid

    def scored(self) -> Scored:
        """What was counted, for the record."""
        assert self.choice is not None
        inside = "the whole image"
        if self.inside:
            part = "" if self.inside == self.cases else f" in {self.inside} of {self.cases}"
            inside = f"the field of view{part}"
        return Scored(self.profile, self.choice, self.labels, self.thresholds, inside)
