"""`sam4mis reproduce run PROJECT --data IMAGES --reference MASKS`: which model works on my data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec

from catalog.cli.output import counted, say
from catalog.errors import InputError, UsageError
from catalog.files import write_whole
from catalog.registry import Registry, find_root
from reproduce.asking.prompt_grid import bring_of, declared_grid
from reproduce.cli.arguments import Arguments, request_of
from reproduce.cli.common import as_json, need_folder, place_of, table
from reproduce.contracts import Case, Grid, PromptKind, Sample
from reproduce.ground.progress import progress
from reproduce.ground.provenance import environment, now, settle
from reproduce.models.declaring import check_prompts
from reproduce.planning.recipes import RANDOM_SEEDS, Request
from reproduce.predicting.asking import profile_for
from reproduce.predicting.chosen import Chosen, choose, files_of, inputs_of, spec_of
from reproduce.predicting.compared import NO_CLAIM, Compared, cases_csv, compare
from reproduce.predicting.drawn import MaskFolder
from reproduce.predicting.folder import device_of
from reproduce.predicting.given import Nothing
from reproduce.predicting.images import Found, OwnImages, look
from reproduce.predicting.job import Job
from reproduce.predicting.trial import OneName, Trial
from reproduce.predictions import Request as Scored
from reproduce.predictions.groups import Groups, read_groups
from reproduce.predictions.measures import chosen as measures
from reproduce.predictions.page import between, scores_page, shown
from reproduce.scoring import MetricProfile, metric_profile
from reproduce.scoring.needs import Needs, needs_of

OUT = Path("build") / "own-data"
RECORD, PAGE, CASES = "report.json", "report.html", "cases.csv"


@dataclass(frozen=True, slots=True)
class OwnData:
    """What `run` is asked about own data besides its other options."""

    dataset: str | None
    reference: Path
    others: tuple[str, ...]
    profile: str
    metrics: tuple[str, ...]
    groups: Path | None
    video: bool = False


def own_data_command(arguments: Arguments, own: OwnData) -> None:
    """Run each model on the same cases, score, compare, write. Raises `InputError` at the end where
    cases have no score."""
    _need_fitting(arguments, own)
    assert arguments.target is not None
    assert arguments.data is not None
    root = find_root()
    registry = Registry.load(root)
    request = request_of(arguments)
    found = look(arguments.data, own.video, option="--data")
    masks = MaskFolder(own.reference, found.cases)
    cases = [case for case in found.cases if masks.has(case.id)]
    without = [case.id for case in found.cases if not masks.has(case.id)]
    if request.limit is not None:
        cases = cases[: request.limit]
    if not cases:
        raise InputError(f"{own.reference}: no mask of an image of {arguments.data}.")
    groups = Groups()
    if own.groups is not None:
        groups = read_groups(own.groups, [case.id for case in cases])
    profile = metric_profile(own.profile)
    models = _models(registry, arguments, own, request)
    device = device_of(arguments.devices[0] if arguments.devices else None)
    settle(device, None)
    sample = _first(cases, masks, request)
    axes = 2 if sample.is_image else 3
    spacing = sample.in_plane_mm if sample.is_image else sample.spacing_mm
    metrics, left_out = _measured(profile, own, axes, spacing)
    needs = needs_of(profile, metrics, {axes})
    out = arguments.out or root / OUT
    trials = {
        name: _trial(one, masks, groups, needs, request, OwnImages(own.video), out / name, device)
        for name, one in models.items()
    }
    if arguments.dry_run:
        _told(models, trials, cases, metrics)
        return
    tables = {}
    for name, trial in trials.items():
        trial.job.files = files_of(models[name])
        trial.job.spec.checkpoints = inputs_of(models[name], trial.job.files)
        with progress(name, len(cases)) as bar:
            tables[name] = trial.work(cases, lambda _, bar=bar: bar.advance())  # type: ignore[misc]  # bound now
    threshold = None if profile.thresholds else trials[arguments.target].job.threshold
    result = compare(tables, profile, metrics, groups, threshold, masks.labels)
    result.left_out |= left_out
    _write(out, arguments, own, models, trials, result, groups, cases, without)
    _finish(trials, found, without, out)


def _first(cases: Sequence[Case], masks: MaskFolder, request: Request) -> Sample:
    """The first case that can be read: what is counted follows from it. Raises `InputError` with
    why none can."""
    told = []
    for case in cases:
        try:
            return masks.onto(OwnImages().load(case, dict(request.dataset)))
        except InputError as error:
            told.append(f"{case.id}: {error}")
    raise InputError("no case can be read: " + "; ".join(told[:3]))


def _need_fitting(arguments: Arguments, own: OwnData) -> None:
    """Raise `UsageError` for options that do not go with own data."""
    if own.dataset not in (None, "folder"):
        raise UsageError(f"--dataset {own.dataset}: with --reference it is folder.")
    if arguments.target is None or "/" in arguments.target:
        raise UsageError("--reference: name one project, and others with --with.")
    if arguments.data is None:
        raise UsageError("--reference: name the folder of your images with --data.")
    never = {
        "--publish": arguments.publish,
        "--slurm": arguments.slurm,
        "--replay": arguments.replay,
        "--workers": arguments.workers > 1,
        "--batch": arguments.batch > 1,
    }
    if given := [name for name, value in never.items() if value]:
        raise UsageError(f"{', '.join(given)}: not for own images (no claim, one process).")
    if len(arguments.devices) > 1:
        raise UsageError("--device: one, for own images.")
    need_folder("--reference", own.reference)


def _models(
    registry: Registry, arguments: Arguments, own: OwnData, request: Request
) -> dict[str, Chosen]:
    """The models by the name that the report calls them. Options (`--set adapter.`) are of the
    first."""
    assert arguments.target is not None
    found = {
        arguments.target: choose(
            registry, arguments.target, None, arguments.checkpoints, request.adapter
        )
    }
    for text in own.others:
        name, _, files = text.partition("=")
        given = [Path(file) for file in files.split(",") if file]
        if name in found:
            raise UsageError(f"--with {name}: it is there already.")
        found[name] = choose(registry, name, None, given, {})
    return found


def _measured(
    profile: MetricProfile, own: OwnData, axes: int, spacing: Sequence[float] | None
) -> tuple[list[str], dict[str, str]]:
    """Measures that these images allow, and why others are not taken."""
    asked = own.metrics or tuple(n for n, m in profile.measures.items() if m.kind != "auc")
    request = Scored(predictions=own.reference, metrics=own.metrics)
    if not own.metrics:
        whole = measures(profile, request, axes, spacing)
        return [n for n in whole.scored if n in asked], whole.left_out
    if unknown := [name for name in asked if name not in profile.measures]:
        raise UsageError(
            f"metric profile {profile.id} has no {', '.join(unknown)}; it has "
            f"{', '.join(profile.measures)}."
        )
    if all(profile.measures[name].kind == "auc" for name in asked):
        return list(asked), {}
    whole = measures(profile, request, axes, spacing)
    return whole.scored, whole.left_out


def _trial(
    chosen: Chosen,
    masks: MaskFolder,
    groups: Groups,
    needs: Needs,
    request: Request,
    images: OwnImages,
    out: Path,
    device: str,
) -> Trial:
    """One model with its prompts, before its weights are fetched."""
    adapter = chosen.adapter
    profile = profile_for(chosen, request.prompt_profile)
    allow = cast("tuple[PromptKind, ...]", request.allow_prompts)
    for kind in () if profile is None else profile.kinds:
        check_prompts(adapter, kind, allow)
    seeds = request.seeds or (
        (0,) if profile is None or not profile.random else range(RANDOM_SEEDS)
    )
    grid: Grid = request.prompt_grid or declared_grid(adapter, chosen.options)
    bring = None if profile is None else bring_of(adapter, chosen.options, grid)
    options: dict[str, Any] = dict(request.dataset)
    if adapter.values == "stored":
        options["values"] = "stored"
    labels: dict[str, str] = dict(chosen.labels)
    if masks.names is None:
        labels = OneName()
    spec = spec_of(
        chosen,
        profile,
        device,
        dataset_options=options,
        seeds=list(seeds),
        rounds=profile.rounds if profile else 1,
        prompt_grid=grid if profile else "original",
        objects=needs.objects,
        labels=labels,
        reference_filter=needs.rule,
        thresholds=sorted({0.5, *needs.thresholds}),
        surfaces=list(needs.surfaces),
        precision=request.precision or "float32",
    )
    job = Job(spec, (), images, Nothing(), out, device)
    if request.thresholds:
        job.threshold = request.thresholds[0]
    return Trial(job, masks, profile, bring, needs, groups.patients)


def _told(
    models: Mapping[str, Chosen],
    trials: Mapping[str, Trial],
    cases: Sequence[Case],
    metrics: Sequence[str],
) -> None:
    """What --dry-run says."""
    from reproduce.obtaining.weights import status_of

    rows = []
    for name, one in models.items():
        how = [status_of(one.project.slug, c, one.given) for c in one.checkpoints]
        prompts = trials[name].job.spec.prompt_profile or "none"
        rows.append((name, "; ".join(how) or "given", prompts, counted(len(cases), "case")))
    table("Nothing was done (--dry-run).", ("model", "weights", "prompts", "cases"), rows)
    say(f"measures: {', '.join(metrics)}. {NO_CLAIM}")


def _write(
    out: Path,
    arguments: Arguments,
    own: OwnData,
    models: Mapping[str, Chosen],
    trials: Mapping[str, Trial],
    result: Compared,
    groups: Groups,
    cases: Sequence[Case],
    without: Sequence[str],
) -> None:
    """The page, the CSV and the record; what people see of them."""
    first = next(iter(trials.values()))
    document = {
        "schema": "own-data/1",
        "no_claim": NO_CLAIM,
        "metric_profile": own.profile,
        "cases": [case.id for case in cases],
        "images_without_mask": list(without),
        "models": {
            name: {
                "model": models[name].project.name,
                "protocol": msgspec.to_builtins(trial.job.spec),
                "threshold": trial.job.threshold,
                "seconds": round(trial.seconds, 2),
                "failed": trial.failed,
                "measurements": [msgspec.to_builtins(m) for m in result.measured[name]],
            }
            for name, trial in trials.items()
        },
        "differences": [msgspec.to_builtins(d) for d in result.differences],
        "not_measured": result.left_out,
        "environment": environment(first.job.device, first.job.spec.precision),
        "created": now(),
    }
    notes = [f"{counted(len(cases), 'case')} with a mask, profile {own.profile}."]
    for name, trial in trials.items():
        weights = ", ".join(f"{c.id} {c.sha256[:12]}" for c in trial.job.spec.checkpoints)
        prompts = trial.job.spec.prompt_profile or "no prompts"
        notes.append(f"{name}: {weights}; {prompts}; {trial.seconds:.1f} s.")
        notes += [f"{name}, {case}: {why}" for case, why in trial.failed.items()]
    notes += [f"Not measured: {name}: {why}" for name, why in result.left_out.items()]
    notes += [f"Without a mask: {', '.join(without)}."] if without else []
    page = scores_page("Models on own images", NO_CLAIM, result.measured, result.differences, notes)
    write_whole(out / PAGE, page.encode())
    write_whole(out / CASES, cases_csv(result, groups).encode())
    content = msgspec.json.format(msgspec.json.encode(document), indent=1)
    write_whole(out / RECORD, content + b"\n")
    if arguments.json:
        as_json(document)
        return
    rows = []
    for name, measured in result.measured.items():
        for m in measured:
            of = " ".join(f"{k}={v}" for k, v in m.subgroup.items()) or "all"
            told = between(m.metric, m.interval)
            rows.append((name, m.metric, of, shown(m.metric, m.value), told, str(m.n_cases)))
    for d in result.differences:
        of = " ".join(f"{k}={v}" for k, v in d.subgroup.items()) or "all"
        value = shown(d.metric, d.value)
        rows.append(
            (f"{d.first} less {d.second}", d.metric, of, value, between(d.metric, d.interval), "")
        )
    columns = ("model", "measure", "cases", "value", "95 % interval", "number")
    table(f"{own.profile}: no claim", columns, rows)


def _finish(trials: Mapping[str, Trial], found: Found, without: Sequence[str], out: Path) -> None:
    """Raise `InputError` where a case has no score under a model, or an image could not be read."""
    say(f"{place_of(out)}: {PAGE}, {CASES}, {RECORD}. {NO_CLAIM}")
    if without:
        say(f"{counted(len(without), 'image')} without a mask: {', '.join(without[:5])}")
    lines = [
        f"  {name}: {case}: {why}"
        for name, trial in trials.items()
        for case, why in trial.failed.items()
    ]
    lines += [f"  {name}: {why}" for name, why in found.unread.items()]
    if lines:
        raise InputError("\n".join(["some cases have no score:", *lines]))
