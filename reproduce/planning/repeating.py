"""A published run planned once more from what its result records, and what has moved since."""

from __future__ import annotations

from typing import Any

import msgspec

from catalog.errors import InputError, Sam4misError, UsageError
from catalog.records import Result
from catalog.registry import Registry
from reproduce.ground.plugins import plugins
from reproduce.planning.recipes import Recipe, Request, recipe
from reproduce.runs.recorded import spec_of
from reproduce.runs.spec import RunSpec, kind_of


def request_of(spec: RunSpec) -> Request:
    """What has to be asked for so that a claim's recipe is that of this run."""
    name = (spec.prompt_profile or "").partition("/")[0]
    profile = plugins("prompts").get(name)
    return Request(
        precision=spec.precision,
        limit=spec.limit,
        adapter=spec.adapter_options,
        dataset=spec.dataset_options,
        grid=spec.grid,
        prompt_grid=spec.prompt_grid,
        split=spec.split,
        prompt_profile=spec.prompt_profile,
        seeds=tuple(spec.seeds),
        thresholds=tuple(spec.thresholds),
        allow_prompts=() if profile is None else (profile.kind,),
    )


def spec_to_repeat(result: Result) -> RunSpec:
    """The spec of a run, with the device it was computed on. Raises `UsageError` for a result that
    no run made."""
    if result.kind == "recomputed":
        raise UsageError(
            f"{result.run}: its predictions were made elsewhere, so there is nothing to run again. "
            "`sam4mis reproduce score` scores the files once more."
        )
    spec = spec_of(result)
    if spec.schema == "run/1":  # it did not record the device; its environment does
        spec.device = kind_of(str(result.environment.get("device", "cpu")))
    return spec


def members_of(registry: Registry, result: Result, spec: RunSpec) -> list[Recipe]:
    """Recipes of the claims that a run was made for. Raises `InputError` where there is none."""
    project = next((p for p in registry.projects if p.slug == result.project), None)
    if project is None:
        raise InputError(f"{result.run}: its project {result.project} is no longer recorded.")
    request, found, problem = request_of(spec), list[Recipe](), "it has no claim with its weights"
    for claim in project.claims:
        if result.claims and f"{project.slug}/{claim.id}" not in result.claims:
            continue
        try:
            item = recipe(project, claim, request)
        except Sam4misError as error:
            problem = str(error)
            continue
        if [record.id for record in item.checkpoints] == [c.id for c in spec.checkpoints]:
            found.append(item)
    if not found:
        raise InputError(f"{result.run}: cannot be planned again: {problem}")
    return found if result.claims else found[:1]


def repeated(spec: RunSpec, planned: RunSpec, result: Result) -> RunSpec:
    """The plan of today as the run of then: what is counted, and by which rule its id is made.

    Raises `InputError` naming every input that is not what it was.
    """
    spec_now = msgspec.structs.replace(
        planned,
        schema=spec.schema,
        thresholds=spec.thresholds,
        score_bins=spec.score_bins,
        surfaces=spec.surfaces,
        components=spec.components,
        claims=[name for name in result.claims if name in planned.claims],
    )
    if spec_now.run_id() == result.run:
        return spec_now
    then, now = spec.identity(), spec_now.identity()
    lines = [
        f"  {name}: {_moved(then.get(name), now.get(name))}"
        for name in {**then, **now}
        if then.get(name) != now.get(name)
    ]
    raise InputError(
        f"{result.run} cannot be repeated here, because its inputs are not what they were:\n"
        + "\n".join(lines)
    )


def _moved(then: Any, now: Any) -> str:
    """What an input was and is; of lists how many of their entries."""
    if isinstance(then, list) and isinstance(now, list) and len(then) > 1:
        same = sum(one in now for one in then)
        return f"{len(then) - same} of {len(then)} are others, {len(now)} are here"
    return f"then {_short(then)}, now {_short(now)}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 120 else f"{text[:117]}..."
