"""How far a run and a claim are about the same thing: class A, B, C or D of `verdict/1`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from catalog.records import Claim, Measurement, ProtocolField, Result

# Precision changes single pixels; what it changes in a score is part of the measurement.
DECISIVE = (
    "metric_profile",
    "prompt_profile",
    "preprocessing",
    "grid",
    "mask_selection",
    "threshold",
    "postprocessing",
)
KNOWN = ("stated", "from-code", "author-reply")

Comparability = Literal["A", "B", "C", "D"]


def comparability(
    claim: Claim, result: Result, measurement: Measurement | None
) -> tuple[Comparability, list[str]]:
    """The class of a run for a claim, and the reasons why it is not A."""
    different: list[str] = []
    inferred: list[str] = []
    # A run lists only claims it was planned for without overriding anything they fix; what it does
    # not record in the words of a claim (preprocessing lives in the adapter) was done as claimed.
    faithful = any(name.rpartition("/")[2] == claim.id for name in result.claims)
    for name in DECISIVE:
        stated: ProtocolField = getattr(claim.protocol, name)
        if stated.evidence == "unknown" or stated.value is None:
            different.append(f"{name.replace('_', ' ')} is unknown")
            continue
        used = _used(name, result, measurement)
        if used is None and faithful:
            used = stated.value
        if used is None:
            different.append(f"the run does not record its {name.replace('_', ' ')}")
        elif not _same(stated.value, used):
            different.append(f"{name.replace('_', ' ')}: claim {stated.value!r}, run {used!r}")
        elif stated.evidence not in KNOWN:
            inferred.append(f"{name.replace('_', ' ')} {stated.value!r} is inferred")
    different += _other_inputs(claim, result, measurement)
    if claim.split_source == "unknown":
        different.append("which cases were tested is unknown")
    if different:
        return "D", different
    if inferred:
        return "C", inferred
    if claim.split_source == "described":
        return "B", ["the split is described, not released: it was drawn again"]
    return "A", []


def _used(name: str, result: Result, measurement: Measurement | None) -> Any:
    """What the run did in a field. The measurement knows what was chosen when scoring."""
    chosen: Any = getattr(measurement, name, None) if measurement else None
    if chosen is not None:
        return chosen
    used = result.protocol.get(name)
    if isinstance(used, Mapping):
        used = used.get("value")
    return used


def _same(stated: Any, used: Any) -> bool:
    if isinstance(stated, int | float) and isinstance(used, int | float):
        return math.isclose(float(stated), float(used), abs_tol=1e-9)
    nothing = ("none", "none/1", "self/1", "n/a")
    return str(stated) == str(used) or (stated in nothing and used in nothing)


def _other_inputs(claim: Claim, result: Result, measurement: Measurement | None) -> list[str]:
    found = []
    checkpoints = result.inputs.get("checkpoints") or []
    ids = [c.get("id") for c in checkpoints if isinstance(c, Mapping)]
    if claim.checkpoint is not None and ids and claim.checkpoint not in ids:
        found.append(f"checkpoint: claim {claim.checkpoint!r}, run {', '.join(map(str, ids))}")
    plugin = (claim.run and claim.run.dataset_plugin) or (claim.dataset or "").lower()
    for name, stated in (("dataset", plugin.replace(" ", "-")), ("split", claim.split)):
        used = result.protocol.get(name)
        if stated and isinstance(used, str) and used.partition("/")[0] != stated:
            found.append(f"{name}: claim {stated!r}, run {used!r}")
    # Layouts are shared by many data sets: a plugin that only reads the layout cannot vouch for
    # what is in the folder; a known number of cases can at least contradict it.
    stand_in = claim.run is not None and claim.run.dataset_plugin is not None
    if stand_in and plugin != (claim.dataset or "").lower() and claim.n.cases is None:
        found.append(
            f"dataset: read with the layout of {plugin!r}; nothing recorded tells that the folder"
            f" held {claim.dataset!r}"
        )
    complete = result.status == "complete"
    if complete and measurement and claim.n.cases not in (None, measurement.n_cases):
        found.append(f"cases: claim {claim.n.cases}, run {measurement.n_cases}")
    return found
