"""From a claim to a plan: adapter, data, prompts, grid and thresholds; then hashes of it all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

import msgspec

from catalog.errors import Finding, FindingsError, InputError, PrerequisiteError, UsageError
from catalog.lookup import named_claims
from catalog.records import Checkpoint, Claim, Project, RunOptions
from catalog.registry import Registry
from reproduce.asking.kept import kept
from reproduce.asking.prompt_grid import bring_of, declared_grid
from reproduce.asking.replay import Replay, encode_prompts, make_prompts, prompts_sha256
from reproduce.contracts import (
    Adapter,
    Case,
    Dataset,
    Grid,
    ProfileId,
    Prompt,
    PromptProfile,
)
from reproduce.ground import wording
from reproduce.ground.plugins import plugin, plugins
from reproduce.ground.reading import check_options, sha256_of
from reproduce.judging.comparability import checkpoint_ids, dataset_options_of, reader_of
from reproduce.judging.done import REPLAYED
from reproduce.judging.words import faults
from reproduce.obtaining.identity import case_list
from reproduce.obtaining.weights import identity_of
from reproduce.planning.planned import comparison_of
from reproduce.planning.references import with_filter
from reproduce.prompting.regions import SEPARATE
from reproduce.runs.spec import (
    OWN,
    PRECISIONS,
    CheckpointInput,
    DeviceKind,
    Protocol,
    RunSpec,
    canonical,
    hash_cases,
)
from reproduce.scoring.needs import Needs, needs_of

RANDOM_SEEDS = 5  # the verdict asks for five seeds or more where prompts are random
NO_PROMPTS = ("none", "none/1", "n/a", None)


@dataclass(frozen=True, slots=True)
class Prompts:
    """Replay files of a run that is to be made.

    first  of the first round; None: the model takes none
    later  of the other rounds where those of another run are replayed
    """

    first: bytes | None = None
    later: bytes = b""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for on top of the claim. None: as the claim says."""

    data: Path | None = None
    checkpoints: tuple[Path, ...] = ()
    precision: str | None = None
    limit: int | None = None
    adapter: Mapping[str, Any] = field(default_factory=dict)
    dataset: Mapping[str, Any] = field(default_factory=dict)
    grid: Grid | None = None
    prompt_grid: Grid | None = None
    split: str | None = None
    prompt_profile: str | None = None
    seeds: tuple[int, ...] | None = None
    thresholds: tuple[float, ...] = ()
    allow_prompts: tuple[str, ...] = ()
    replay: Path | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """A claim resolved to plugins and a protocol; nothing read from disk yet."""

    project: Project
    claim: Claim
    adapter: Adapter
    dataset: Dataset
    checkpoints: tuple[Checkpoint, ...]
    profile: PromptProfile | None
    protocol: Protocol
    replay: Replay | None = None

    @property
    def claim_id(self) -> str:
        return f"{self.project.slug}/{self.claim.id}"

    def key(self) -> bytes:
        """Recipes with the same key are one run (their statistics are stored together): the same
        protocol, but for what is counted beside."""
        shared = msgspec.structs.replace(
            self.protocol,
            thresholds=[],
            score_bins=0,
            surfaces=[],
            components="told" if self.protocol.components == "told" else None,
            limit=None,
            flags=[],
        )
        weights = [checkpoint.id for checkpoint in self.checkpoints]
        replayed = self.replay and self.replay.name
        return canonical([msgspec.to_builtins(shared), weights, replayed])


def find_claims(registry: Registry, target: str) -> list[tuple[Project, Claim]]:
    """`project` -> all its claims, `project/claim` -> that one. Raises `UsageError`."""
    project, claims = named_claims(target, registry.projects)
    if not claims:
        slug = project.slug
        raise UsageError(f"{slug} has no claim to check; see projects/{slug}.yaml")
    return [(project, claim) for claim in claims]


def recipe(project: Project, claim: Claim, request: Request) -> Recipe:
    """Resolve a claim. Raises `PrerequisiteError` with the reason where it cannot be run at all,
    `FindingsError` where its record is one that `sam4mis check` refuses."""
    options = claim.run or RunOptions()
    name = f"{project.slug}/{claim.id}"
    if wrong := list(faults(project, claim)):
        raise FindingsError(Finding(f.place, None, "", f.code, f.message, f.hint) for f in wrong)
    if project.adapter is None:
        reason = project.adapter_reason or "nobody has written one yet"
        raise PrerequisiteError(f"{name}: no adapter: {reason}")
    adapter = plugin("adapters", project.adapter)
    wanted = reader_of(claim)
    if wanted not in plugins("datasets"):
        raise PrerequisiteError(
            f"{name}: no data set plugin for {claim.dataset!r} (`sam4mis reproduce list datasets` "
            "names those there are). CONTRIBUTING has the recipe for a new one."
        )
    dataset = plugin("datasets", wanted)
    split = request.split or claim.split or next(iter(dataset.splits), "all")
    if request.split is not None and split not in dataset.splits:
        known = ", ".join(dataset.splits)
        raise UsageError(f"--set split={split}: {dataset.title} has no split {split!r}: {known}.")
    replay = None if request.replay is None else Replay.read(request.replay)
    named = request.prompt_profile or claim.protocol.prompt_profile.value
    profile = _profile(named if replay is None else replay.profile, name, adapter)
    grid = cast("Grid", claim.protocol.grid.value or "original")
    if grid not in ("original", "model_input"):
        raise InputError(f"{name}: protocol.grid is {grid!r}; expected original or model_input.")
    seeds = tuple(options.seeds or (range(RANDOM_SEEDS) if profile and profile.random else (0,)))
    asked = _options(adapter, {**options.adapter, **request.adapter})
    precision = request.precision or stated_precision(claim) or "float32"
    threshold = claim.protocol.threshold.value
    thresholds = {float(threshold) if isinstance(threshold, (int, float)) else 0.5}
    needs = _needs(claim, dataset.dimensionality)
    thresholds |= {*options.thresholds, *request.thresholds, *needs.thresholds}
    dataset_options = {**dataset_options_of(project, claim), **request.dataset}
    check_options(dataset.title, dataset.options, dataset_options)
    _fitting(name, adapter, dataset, profile, request.grid or grid)
    separate = profile is not None and needs.objects == "separate"
    if dataset.dimensionality == "3d" and separate and (needs.surfaces or needs.components):
        raise PrerequisiteError(
            f"{name}: {claim.metric} needs whole objects, and regions that are "
            "prompted slice by slice are not followed through a volume; the overlap scores of the "
            "same run can be measured."
        )
    flags = _prompt_flags(adapter, profile, request.allow_prompts)
    if replay is not None:
        flags += (f"{REPLAYED}: prompts of every round are those of {replay.name}",)
        seeds = replay.seeds
    prompt_grid = _prompt_grid(name, adapter, asked, profile, request, needs)
    return Recipe(
        project=project,
        claim=claim,
        adapter=adapter,
        dataset=dataset,
        checkpoints=_checkpoints(project, claim)
        + tuple(Checkpoint(id=OWN) for _ in adapter.brought),
        profile=profile,
        replay=replay,
        protocol=Protocol(
            adapter=adapter.name,
            adapter_version=adapter.version,
            adapter_options=asked,
            dataset=dataset.name,
            dataset_version=dataset.version,
            dataset_options=dataset_options,
            split=split,
            prompt_profile=f"{profile.name}/{profile.version}" if profile else None,
            seeds=list(request.seeds or seeds),
            rounds=profile.rounds if profile else 1,
            grid=request.grid or grid,
            prompt_grid=request.prompt_grid or prompt_grid,
            objects=needs.objects,
            labels=dict(options.labels),
            reference_filter=needs.rule,
            thresholds=sorted(thresholds),
            score_bins=max(options.score_bins or 0, needs.score_bins),
            surfaces=sorted({*options.surfaces, *needs.surfaces}),
            components=needs.components,
            precision=precision,
            limit=request.limit,
            flags=list(flags),
        ),
    )


def stated_precision(claim: Claim) -> str | None:
    """The precision that a claim's record names, where it is one that models are run in."""
    stated = claim.protocol.precision.value
    return stated if isinstance(stated, str) and stated in PRECISIONS else None


def _fitting(
    name: str, adapter: Adapter, dataset: Dataset, profile: PromptProfile | None, grid: Grid
) -> None:
    """Raise `PrerequisiteError` where adapter, data set and prompts don't go together."""
    volumes = adapter.dimensionality == "3d"
    if volumes and dataset.dimensionality == "2d":
        raise PrerequisiteError(
            f"{name}: {adapter.name} takes volumes, and {dataset.title} has images. The claim's "
            "record has to name a reader of volumes (run.dataset_plugin)."
        )
    if volumes and grid != "original":
        raise PrerequisiteError(
            f"{name}: {adapter.name} answers on the original grid; its network's grid is another "
            "for each target. Leave out --set grid."
        )
    if profile is not None and profile.for_stacks != volumes:
        sees = "whole volumes" if volumes else "one plane at a time"
        asks = "whole volumes" if profile.for_stacks else "one plane each"
        fitting = [
            known.name
            for known in plugins("prompts").values()
            if known.for_stacks == volumes and set(known.kinds) <= set(adapter.prompts)
        ]
        raise PrerequisiteError(
            f"{name}: {adapter.name} sees {sees}, and the prompts of {profile.name} are about "
            f"{asks}. Profiles that fit: {', '.join(fitting) or 'none yet'}."
        )
    if profile is not None and profile.spreads and dataset.dimensionality == "2d":
        raise PrerequisiteError(
            f"{name}: {profile.name} fills in the planes between those that are drawn on, and "
            f"{dataset.title} has images. Choose a profile of planes, or a data set of volumes."
        )


def _options(adapter: Adapter, given: Mapping[str, Any]) -> dict[str, Any]:
    from reproduce.models.declaring import resolve_options

    return resolve_options(adapter, given)


def _profile(value: Any, name: str, adapter: Adapter) -> PromptProfile | None:
    if value in NO_PROMPTS:
        if "none" in adapter.prompts:
            return None
        raise PrerequisiteError(
            f"{name}: the claim's prompts are unknown and {adapter.name} needs "
            f"{' or '.join(adapter.prompts)}. Name them with --prompts PROFILE; the measurement is "
            "then published without a verdict."
        )
    wanted = ProfileId.parse(str(value))
    profile: PromptProfile = plugin("prompts", wanted.name)
    if profile.version != wanted.version:
        raise UsageError(
            f"{name}: prompt profile {wanted} is asked for, version {profile.version} is here."
        )
    return None if profile.kind == "none" else profile  # what a method gives itself is not made


def _prompt_grid(
    name: str,
    adapter: Adapter,
    options: Mapping[str, Any],
    profile: PromptProfile | None,
    request: Request,
    needs: Needs,
) -> Grid:
    """The grid on which the release makes its prompts. Raises `PrerequisiteError` for what cannot
    be made there."""
    if profile is None:
        return "original"
    grid = declared_grid(adapter, options)
    if request.prompt_grid == "model_input" and grid == "original":
        raise PrerequisiteError(
            f"{name}: {adapter.name} does not say how masks are brought to its network's grid, so "
            "prompts can only be made on them as loaded; leave out --set prompt_grid."
        )
    if (request.prompt_grid or grid) == "model_input" and profile.spreads:
        raise PrerequisiteError(
            f"{name}: {profile.name} draws on a few planes of the object as loaded, and "
            f"{adapter.name} makes its prompts plane by plane on its network's grid. Make them "
            "on the masks as loaded (--set prompt_grid=original); the measurement then serves no "
            "claim."
        )
    each = profile.per in SEPARATE
    if (request.prompt_grid or grid) == "model_input" and each and needs.objects == "separate":
        raise PrerequisiteError(
            f"{name}: {profile.name} prompts every region by itself, and on the network's grid "
            "regions can be others than on the masks that are scored. Make them on the masks as "
            "loaded (--set prompt_grid=original); the measurement then serves no claim."
        )
    return grid


def _prompt_flags(
    adapter: Adapter, profile: PromptProfile | None, allow: Sequence[str]
) -> tuple[str, ...]:
    from reproduce.models.declaring import check_prompts

    kinds = ("none",) if profile is None else profile.kinds
    flags = (check_prompts(adapter, kind, cast("Any", allow)) for kind in kinds)
    return tuple(flag for flag in flags if flag)


def _needs(claim: Claim, dimensionality: Literal["2d", "3d"]) -> Needs:
    """What the claim's metric needs under its profile; nothing is known of one without."""
    name = claim.protocol.metric_profile.value
    if not isinstance(name, str):
        return Needs()
    from reproduce.scoring import metric_profile

    return needs_of(metric_profile(name), {claim.metric}, {int(dimensionality[0])})


def _checkpoints(project: Project, claim: Claim) -> tuple[Checkpoint, ...]:
    known = {checkpoint.id: checkpoint for checkpoint in project.checkpoints or []}
    ids = checkpoint_ids(claim)
    name = f"{project.slug}/{claim.id}"
    if not ids:
        raise PrerequisiteError(f"{name}: the claim names no checkpoint; nothing can be run.")
    missing = [i for i in ids if i not in known]
    if missing:
        raise InputError(
            f"projects/{project.slug}.yaml: claim {claim.id} uses checkpoint "
            f"{', '.join(missing)}, the project has {', '.join(known) or 'none'}."
        )
    return tuple(known[i] for i in ids)


def keeping(recipes: Sequence[Recipe]) -> list[Recipe]:
    """Recipes of one run on a data set that keeps what was read (`reproduce.asking.kept`): prompts,
    run and gates in one process then read a case once."""
    dataset = kept(recipes[0].dataset)
    return [replace(item, dataset=dataset) for item in recipes]


def group(recipes: Sequence[Recipe]) -> list[list[Recipe]]:
    """Recipes that are one run together, in order of appearance."""
    found: dict[bytes, list[Recipe]] = {}
    for item in recipes:
        found.setdefault(item.key(), []).append(item)
    return list(found.values())


def build_spec(
    recipes: Sequence[Recipe],
    data: Path,
    files: Sequence[Path],
    limit: int | None = None,
    on_case: Callable[[str], None] = lambda _: None,
    *,
    device: DeviceKind = "cpu",
    batch: int = 1,
) -> tuple[RunSpec, Prompts, list[Case]]:
    """Hash everything a run depends on: (spec, the prompts, the cases).

    Reads every file of every case once for its hash, and the masks once for the prompts, unless
    those of another run are replayed. Raises `InputError` for a replay of other cases or rounds.
    """
    first = recipes[0]
    protocol = msgspec.structs.replace(_together(recipes), limit=limit)
    dataset = with_filter(first.dataset, protocol.reference_filter)
    options = protocol.dataset_options
    cases = dataset.cases(data, protocol.split, options)
    if not cases:
        raise InputError(f"{data}: no case in split {protocol.split!r} of {dataset.title}.")
    if limit is not None:
        cases = cases[:limit]
    inputs = hash_cases(cases)  # before the prompts: whatever is replaced later, the run notices
    prompts, made = Prompts(), list[Prompt]()
    flags = set(protocol.flags)
    if first.replay is not None:
        replay = _replayed(first, cases)
        prompts, made = Prompts(replay.first_file(), replay.later_file()), [*replay.first]
    elif first.profile is not None:
        bring = bring_of(first.adapter, protocol.adapter_options, protocol.prompt_grid)
        made = make_prompts(dataset, options, cases, first.profile, protocol.seeds, on_case, bring)
        prompts = Prompts(encode_prompts(first.profile, protocol.seeds, made))
    if any(prompt.oracle for prompt in made):
        flags.add("oracle-prompt: prompts were chosen with the ground truth")
    # A run is given to the claims that it does not contradict; what is not known is judged later.
    hashes = [sha256_of(path) for path in files]
    for record, path, sha256 in zip(first.checkpoints, files, hashes, strict=True):
        if record.sha256 not in (None, sha256):
            raise InputError(
                f"{path}: not the checkpoint {record.id} any more. Expected sha256 "
                f"{record.sha256}, got {sha256}. Delete the file and give the command again."
            )
    listed = case_list({case.id: case.files for case in inputs})
    served = [
        r.claim_id for r in recipes if not comparison_of(r, hashes, len(cases), listed).differences
    ]
    protocol.flags = sorted(flags)
    spec = RunSpec(
        **msgspec.structs.asdict(protocol),
        kind="selftest" if first.project.kind == "selftest" else "rerun",
        project=first.project.slug,
        title=_title(first),
        claims=served,
        checkpoints=[
            CheckpointInput(
                id=record.id,
                file=record.file or path.name,
                sha256=sha256,
                bytes=path.stat().st_size,
                layout=record.layout,
                expected_sha256=record.sha256,
                identity=identity_of(record, sha256),
            )
            for record, path, sha256 in zip(first.checkpoints, files, hashes, strict=True)
        ],
        cases=inputs,
        prompt_sha256=None if prompts.first is None else prompts_sha256(prompts.first),
        replayed=None if first.replay is None else prompts_sha256(prompts.later),
        device=device,
        batch=batch,
    )
    return spec, prompts, cases


def _together(recipes: Sequence[Recipe]) -> Protocol:
    """The protocol of a run that counts what each of its recipes needs."""
    every = [item.protocol for item in recipes]
    return msgspec.structs.replace(
        every[0],
        thresholds=sorted({t for one in every for t in one.thresholds}),
        score_bins=max(one.score_bins for one in every),
        surfaces=sorted({s for one in every for s in one.surfaces}),
        components=next((one.components for one in every if one.components), None),
    )


def _replayed(item: Recipe, cases: Sequence[Case]) -> Replay:
    """The part of a replay that is about these cases, each of its prompts in every round."""
    assert item.replay is not None
    rounds = 1 if item.profile is None else item.profile.rounds
    replay = item.replay.of_cases({case.id for case in cases}, rounds)
    if not replay.first:
        raise InputError(
            f"{replay.name}: none of its prompts is about the {len(cases)} cases of split "
            f"{item.protocol.split!r} of {item.dataset.title}. Name the run's own data set and "
            "split."
        )
    return replay


def _title(item: Recipe) -> str:
    changed = {
        name: value
        for name, value in item.protocol.adapter_options.items()
        if value != item.adapter.options[name].default
    }
    how = wording.settings({"grid": item.protocol.grid, **changed})
    return f"{item.project.name} on {item.dataset.title} ({item.protocol.split}, {how})"
