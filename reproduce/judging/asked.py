"""What a result says was asked: the cases, prompts and thresholds that its rows must be of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from catalog.errors import InputError
from reproduce.asking.replay import PROMPTS, ROUNDS, Replay, prompts_sha256, read_prompts
from reproduce.ground.plugins import plugins
from reproduce.judging.done import REPLAYED, UNTRAINED
from reproduce.models.declaring import conduct
from reproduce.runs.recorded import spec_of
from reproduce.runs.spec import CaseInput
from reproduce.scoring.recorded import shown_threshold

if TYPE_CHECKING:
    from catalog.records import Result, RoundsFile
    from reproduce.contracts import Adapter, Conduct, Prompt
    from reproduce.runs.spec import RunSpec

# (case, label, plane, object) of a prompted target; plane None: an image, or the whole stack
Place = tuple[str, str, "int | None", int]


@dataclass(frozen=True, slots=True)
class Stored:
    """What rows of the lowest threshold hold besides counts."""

    score_bins: int
    surfaces: tuple[str, ...]
    components: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What the statistics of a result must hold.

    cases       id -> patient
    thresholds  of rows with a threshold; labels are predicted without one
    shown       the threshold of the result's case table
    stored      None: as the metric profile of scored predictions wants it
    classes     of scored predictions, in the order of their numbers; None: as they are sorted
    groups      of scored predictions: case -> column -> value
    does        what the adapter does with these options; None: it is of another version today
    flags       kinds of flags that prompts and adapter ask for
    prompted    target -> seeds it was prompted with; None: the model took no prompts
    """

    cases: Mapping[str, str | None]
    seeds: Sequence[int]
    rounds: int
    thresholds: Sequence[float]
    shown: float | None
    grid: str
    stored: Stored | None = None
    classes: Sequence[str] | None = None
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    does: Conduct | None = None
    flags: Sequence[str] = ()
    prompted: Mapping[Place, frozenset[int]] | None = None


def asked_of(result: Result, folder: Path) -> Asked:
    """What a result was asked, from its hashed inputs and its prompts.

    Raises `InputError` for inputs that are none, and for prompts other than the recorded ones.
    """
    return _of_predictions(result) if result.kind == "recomputed" else _of_run(result, folder)


def _of_run(result: Result, folder: Path) -> Asked:
    spec = spec_of(result)
    cases = {case.id: case.patient for case in spec.cases}
    if len(cases) != len(spec.cases):
        raise InputError(
            f"inputs.cases: expected each case once, got {len(spec.cases)} cases of "
            f"{len(cases)} names"
        )
    adapter = plugins("adapters").get(spec.adapter)
    for kind, name, version in (
        ("adapters", spec.adapter, spec.adapter_version),
        ("datasets", spec.dataset, spec.dataset_version),
    ):
        known = plugins(kind).get(name)
        if known is not None and not 1 <= version <= known.version:
            raise InputError(
                f"inputs.{kind[:-1]}: expected {name}/{known.version} or older, got "
                f"{name}/{version}, which nobody has"
            )
    if adapter is not None and adapter.version != spec.adapter_version:
        adapter = None
    given = None
    if spec.prompt_profile is not None or spec.replayed is not None:
        given = _prompts(spec, folder / PROMPTS)
    # What a first stage found is counted by class, as without prompts.
    prompts = None if spec.prompt_profile is None else given
    if result.rounds is not None:
        _check_rounds(result.rounds, spec, folder)
    if given is None and spec.prompt_sha256 is not None:
        raise InputError("inputs.prompt_sha256: expected null of a run without prompts")
    return Asked(
        cases=cases,
        seeds=spec.seeds[:1] if prompts is None else spec.seeds,
        rounds=spec.rounds,
        thresholds=spec.thresholds,
        shown=shown_threshold(spec.thresholds),
        grid=spec.grid,
        stored=Stored(spec.score_bins, tuple(spec.surfaces), spec.components is not None),
        does=None if adapter is None else conduct(adapter, spec.adapter_options),
        flags=_flags(spec, adapter, prompts or ()),
        prompted=None if prompts is None else _targets(prompts, spec),
    )


def _flags(spec: RunSpec, adapter: Adapter | None, prompts: Sequence[Prompt]) -> list[str]:
    """Kinds of flags that a run must carry."""
    found = ["oracle-prompt"] if any(prompt.oracle for prompt in prompts) else []
    profile = plugins("prompts").get((spec.prompt_profile or "").partition("/")[0])
    if adapter is not None and profile is not None and set(profile.kinds) - set(adapter.prompts):
        found.append(UNTRAINED)
    return [*found, REPLAYED] if spec.replayed is not None else found


def _prompts(spec: RunSpec, path: Path) -> list[Prompt]:
    if not path.is_file():
        raise InputError(f"{PROMPTS}: expected the prompts of the run, got no such file")
    got = prompts_sha256(path.read_bytes())
    if got != spec.prompt_sha256:
        raise InputError(
            f"{PROMPTS}: expected sha256 {spec.prompt_sha256} as in inputs.prompt_sha256, got {got}"
        )
    return read_prompts(path)


def _check_rounds(recorded: RoundsFile, spec: RunSpec, folder: Path) -> None:
    """Raise `InputError` unless the prompts of later rounds are those that were recorded, each
    target's in every round."""
    got = prompts_sha256((folder / ROUNDS).read_bytes())
    expected = recorded.sha256 if spec.replayed is None else spec.replayed
    if not got == expected == recorded.sha256:
        raise InputError(f"{ROUNDS}: expected sha256 {expected} as recorded, got {got}")
    Replay.read(folder).of_cases({case.id for case in spec.cases}, spec.rounds)


def _targets(prompts: Sequence[Prompt], spec: RunSpec) -> dict[Place, frozenset[int]]:
    profile = plugins("prompts").get((spec.prompt_profile or "").partition("/")[0])
    followed = profile is not None and profile.for_stacks  # from the asked plane to all others
    found: dict[Place, set[int]] = {}
    for prompt in prompts:
        number = prompt.object_index if spec.objects == "separate" else 0
        place = (prompt.case, prompt.label, None if followed else prompt.plane, number)
        found.setdefault(place, set()).add(prompt.seed)
    return {place: frozenset(seeds) for place, seeds in found.items()}


def _of_predictions(result: Result) -> Asked:
    protocol: Mapping[str, Any] = result.protocol
    try:
        inputs = msgspec.convert(result.inputs["cases"], list[CaseInput])
        thresholds = msgspec.convert(protocol["thresholds"], list[float])
        classes = msgspec.convert(protocol["classes"], list[str])
        grid = str(protocol["grid"])
        groups = msgspec.convert(result.inputs.get("groups", {}), dict[str, dict[str, str]])
    except (KeyError, msgspec.ValidationError) as error:
        raise InputError(f"inputs, protocol: not those of scored predictions: {error!r}") from error
    return Asked(
        cases={case.id: case.patient for case in inputs},
        seeds=[0],
        rounds=1,
        thresholds=thresholds,
        shown=shown_threshold(thresholds) if thresholds else None,
        grid=grid,
        classes=classes,
        groups=groups,
    )
