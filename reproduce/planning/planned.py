"""What a run would do for a claim, in the words that claims use: the plan's side of `compare`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from reproduce.contracts import Conduct
from reproduce.judging.comparability import COUNTED, Comparison, Done, Weights, compare
from reproduce.judging.done import conduct_of, done_of, threshold_used
from reproduce.runs.recorded import protocol_of

if TYPE_CHECKING:
    from reproduce.planning.recipes import Recipe


def comparison_of(
    item: Recipe,
    hashes: Sequence[str | None] | None = None,
    n_cases: int | None = None,
    listed: str | None = None,
) -> Comparison:
    """How far a run by this recipe would answer its claim.

    hashes   of its weights files, in their order; None: not on this machine yet
    n_cases  of the split in the folder; None: not read yet
    listed   which files they are (`reproduce.obtaining.identity.case_list`); None: not read yet
    """
    return compare(item.claim, item.project, done_by_plan(item, hashes, n_cases, listed))


def done_by_plan(
    item: Recipe,
    hashes: Sequence[str | None] | None = None,
    n_cases: int | None = None,
    listed: str | None = None,
) -> Done:
    """What a run by this recipe would do; arguments as for `comparison_of`."""
    claim, recorded = item.claim, protocol_of(item.protocol)
    does = conduct_of(recorded)
    found = hashes if hashes is not None else [None] * len(item.checkpoints)
    profile, threshold = claim.protocol.metric_profile.value, claim.protocol.threshold.value
    counts = _counts(item, n_cases)
    weights = tuple(
        Weights(id=record.id, sha256=sha256)
        for record, sha256 in zip(item.checkpoints, found, strict=True)
    )
    limit = item.protocol.limit
    return replace(
        done_of(recorded, item.protocol.labels, weights, listed),
        label=_label(item),
        metric=claim.metric,
        metric_profile=profile if isinstance(profile, str) else None,
        mask_selection=_selection(item, does),
        threshold=threshold_used(
            claim.metric,
            profile if isinstance(profile, str) else None,
            float(threshold) if isinstance(threshold, int | float) else None,
            does,
        ),
        counts=counts,
        cut=None if limit is None else f"only the first {limit} of the cases (--limit)",
        open=frozenset({*COUNTED, "case_list"} - set(counts)),
    )


def _counts(item: Recipe, n_cases: int | None) -> dict[str, int | None]:
    """Numbers that are known before the run. Which cases have a class only the run tells."""
    counts: dict[str, int | None] = {}
    if item.claim.label is None and (classes := _classes(item)):
        counts["classes"] = len(classes)
    if item.claim.label is None and n_cases is not None:
        counts["cases"] = n_cases
        if item.dataset.dimensionality == "2d":
            counts["images"] = n_cases
    return counts


def _classes(item: Recipe) -> tuple[str, ...]:
    """Classes that are scored: those of the option `labels`, else the data set's; () where the
    folder tells."""
    from reproduce.readers import ClassMap

    made = item.protocol.dataset_options.get("labels")
    return tuple(ClassMap.of(made, "option labels").classes) if made else item.dataset.labels


def _label(item: Recipe) -> str | None:
    """The claim's class, where the data set has it or does not list what it has."""
    label, known = item.claim.label, _classes(item)
    return label if label is None or not known or label in known else f"none of {', '.join(known)}"


def _selection(item: Recipe, does: Conduct) -> str | None:
    """Which mask is scored: of one there is none to choose, of several the claim's choice."""
    if does.candidates is None:
        return None
    value = item.claim.protocol.mask_selection.value
    if does.candidates == 1:
        return "single"
    return f"{does.candidates} masks, none chosen" if value in ("single", None) else str(value)
