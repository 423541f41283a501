"""What a run did, or a plan would do, in the words that claims use: read from its protocol as
results record it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import exp
from typing import Any

from catalog.records import Measurement, Result
from reproduce.contracts import Conduct, ProfileId
from reproduce.ground import wording
from reproduce.judging.comparability import COUNTED, Done, Weights
from reproduce.obtaining.identity import case_list

UNTRAINED = "untrained-prompt"
REPLAYED = "replayed-prompts"
FIVE = (0.1, 0.3, 0.5, 0.7, 0.9)
# Of metric profiles, as claims call them. Statistics hold probabilities: those of five raw logits.
THRESHOLDS = {
    FIVE: "mean-of-5",
    tuple(1 / (1 + exp(-logit)) for logit in FIVE): "mean-of-5-raw",
    tuple((grey - 1) / 255 for grey in range(256)): "mean-of-256",
}


def done_by(result: Result, measurement: Measurement | None) -> Done:
    """What `result` did for a claim; `measurement`: what it measured for it, None: nothing."""
    class_names = _mapping(result.inputs.get("labels", {}))
    done = done_of(result.protocol, class_names, _weights(result), _case_list(result))
    conduct = conduct_of(result.protocol)
    if measurement is None:
        return done
    # Of a run that is not complete the gates tell; it counts other cases than it would have.
    complete = result.status == "complete"
    return replace(
        done,
        label=measurement.label,
        metric=measurement.metric,
        metric_profile=measurement.metric_profile,
        mask_selection=measurement.mask_selection,
        threshold=threshold_used(
            measurement.metric, measurement.metric_profile, measurement.threshold, conduct
        ),
        counts=_counts(result, measurement) if complete else {},
        open=frozenset(() if complete else COUNTED),
    )


def done_of(
    protocol: Mapping[str, Any],
    class_names: Mapping[str, Any] | None,
    weights: tuple[Weights, ...],
    listed: str | None,
) -> Done:
    """What a protocol says, as a result records one (`reproduce.runs.recorded.protocol_of`);
    whatever it does not say is None. `listed`: which files the cases were."""
    adapter = str(protocol.get("adapter") or "").partition("/")[0]
    options = _mapping(protocol.get("adapter_options"))
    conduct = conduct_of(protocol)
    flags = protocol.get("flags")
    return Done(
        weights=weights,
        adapter=adapter or None,
        adapter_options=None if options is None else wording.changed_options(adapter, options),
        dataset=protocol.get("dataset"),
        dataset_options=_mapping(protocol.get("dataset_options")),
        class_names=class_names,
        split=protocol.get("split"),
        case_list=listed,
        prompt_profile=protocol.get("prompt_profile"),
        prompt_grid=protocol.get("prompt_grid"),
        preprocessing=conduct.preprocessing,
        postprocessing=conduct.postprocessing,
        grid=protocol.get("grid"),
        reference_filter=(protocol["reference_filter"] or "none")
        if "reference_filter" in protocol
        else None,
        objects=protocol.get("objects"),
        rounds=protocol.get("rounds"),
        seeds=_seeds(protocol.get("seeds", [0])),
        other_prompts=other_prompts_of(flags if isinstance(flags, list) else ()),
    )


def _weights(result: Result) -> tuple[Weights, ...]:
    """The weights files that were loaded. Predictions that others made are of none: whatever is
    said beside them, nothing here ran."""
    if result.kind == "recomputed":
        return ()
    return tuple(
        Weights(id=str(item.get("id")), sha256=str(item.get("sha256")))
        for item in result.inputs.get("checkpoints") or []
        if isinstance(item, Mapping)
    )


def _case_list(result: Result) -> str | None:
    cases = result.inputs.get("cases")
    if not isinstance(cases, list):
        return None
    read = [case for case in cases if isinstance(case, Mapping)]
    return case_list({str(case.get("id")): case.get("files") or {} for case in read})


def other_prompts_of(flags: Iterable[object]) -> str | None:
    """The flag of a run whose prompts are of a kind that the weights were not trained for, or were
    given and not made for it."""
    return next((str(f) for f in flags if str(f).startswith((UNTRAINED, REPLAYED))), None)


def _seeds(value: Any) -> tuple[int, ...]:
    return tuple(seed for seed in value if isinstance(seed, int)) if isinstance(value, list) else ()


def _mapping(value: Any) -> Mapping[str, Any] | None:
    return value if isinstance(value, Mapping) else None


def conduct_of(protocol: Mapping[str, Any]) -> Conduct:
    """What the run recorded; of runs made before that was, what their adapter declares, if it
    still is of the version that the run had; else nothing is known."""
    from reproduce.ground.plugins import plugins
    from reproduce.models.declaring import conduct

    adapter, _, version = str(protocol.get("adapter") or "").partition("/")
    if "preprocessing" in protocol:
        return Conduct(
            preprocessing=protocol["preprocessing"],
            postprocessing=protocol.get("postprocessing"),
            candidates=protocol.get("candidates"),
            answers=protocol.get("answers"),
            decided=protocol.get("decided"),
        )
    plugin = plugins("adapters").get(adapter)
    if plugin is None or str(plugin.version) != version:
        return Conduct(preprocessing=None, postprocessing=None, candidates=None, answers=None)
    return conduct(plugin, _mapping(protocol.get("adapter_options")) or {})


def threshold_used(
    metric: str, profile: str | None, chosen: float | None, conduct: Conduct
) -> str | float | None:
    """The threshold behind a number, as claims write it. `chosen`: when scoring, if any was."""
    from reproduce.ground.plugins import plugins

    if metric == "auc":
        return "n/a"
    if conduct.answers is None or profile is None:
        return chosen
    if conduct.answers == "label":
        return conduct.decided
    if chosen is not None:
        return chosen
    known = plugins("metrics").get(ProfileId.parse(profile).name)
    if known is None:
        return None
    return 0.5 if known.thresholds is None else THRESHOLDS.get(tuple(known.thresholds))


def _counts(result: Result, measurement: Measurement) -> dict[str, int | None]:
    """How many cases, images, masks and classes a measurement rests on, as far as it is recorded.

    A mask is a class of a case that has it; where objects are prompted one by one the case table
    sums them, so their number is not known from it.
    """
    from reproduce.ground.plugins import plugins

    reader = plugins("datasets").get(str(result.protocol.get("dataset")))
    pictures = reader is not None and reader.dimensionality == "2d"
    masks = sum(
        score.tp + score.fn > 0
        for score in result.cases
        if measurement.label in (None, score.label)
    )
    apart = result.protocol.get("objects") == "separate"
    return {
        "cases": measurement.n_cases,
        "images": measurement.n_cases if pictures else None,
        "masks": None if apart or not result.cases else masks,
        "classes": len(measurement.per_label) or None,
    }
