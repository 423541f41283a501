"""What `sam4mis reproduce run` does: resolve, fetch, plan, execute, publish, tell."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import typer
import yaml

from catalog.cli.output import sheet
from catalog.errors import (
    InputError,
    PrerequisiteError,
    Sam4misError,
    UsageError,
)
from catalog.records import Result
from catalog.registry import RESULTS, Registry, find_root
from reproduce.cli import telling
from reproduce.cli.common import RUNS, as_json, need_file, need_folder, place_of
from reproduce.cli.dry_run import tell_plan
from reproduce.cli.run_data import fetch_data, lacks_archives
from reproduce.contracts import Grid
from reproduce.ground import wording
from reproduce.ground.places import data_folder
from reproduce.ground.progress import progress
from reproduce.obtaining.datasets import can_fetch
from reproduce.obtaining.identity import case_list
from reproduce.obtaining.weights import check_all, obtain_all
from reproduce.planning.planned import comparison_of
from reproduce.planning.recipes import (
    Recipe,
    Request,
    build_spec,
    find_claims,
    group,
    recipe,
)
from reproduce.running.engine import (
    Execution,
    execute,
    existing,
    prepare,
    publish,
    run_folder,
)
from reproduce.running.slurm import NO_SLURM
from reproduce.runs.spec import DeviceKind, Placement, kind_of

PRECISIONS = ("float32", "bfloat16", "float16")


@dataclass(frozen=True, slots=True)
class Arguments:
    """The command line of `run`, parsed but not interpreted."""

    target: str | None
    data: Path | None = None
    checkpoints: tuple[Path, ...] = ()
    devices: tuple[str, ...] = ()
    workers: int = 1
    precision: str | None = None
    batch: int = 1
    limit: int | None = None
    settings: tuple[str, ...] = ()
    prompts: str | None = None
    allow_prompts: tuple[str, ...] = ()
    out: Path | None = None
    publish: bool = False
    embeddings: bool = True
    slurm: bool = False
    slurm_jobs: int = 2
    slurm_settings: tuple[str, ...] = ()
    dry_run: bool = False
    json: bool = False


def pairs(settings: Sequence[str], option: str) -> dict[str, Any]:
    """`KEY=VALUE` -> dict; values as in YAML (numbers, true, lists). Raises `UsageError`."""
    found = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise UsageError(f"{option} {setting!r}: expected KEY=VALUE.")
        found[key] = yaml.safe_load(value)
    return found


def request_of(arguments: Arguments) -> Request:
    """Interpret the overrides. Raises `UsageError` for keys that do not exist."""
    settings = pairs(arguments.settings, "--set")
    adapter: dict[str, Any] = {}
    dataset: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for key, value in settings.items():
        scope, dot, name = key.partition(".")
        if dot and scope in ("adapter", "dataset"):
            (adapter if scope == "adapter" else dataset)[name] = value
        elif key in ("grid", "prompt_grid", "split", "seeds", "thresholds"):
            rest[key] = value
        else:
            raise UsageError(
                f"--set {key}: expected adapter.<option>, dataset.<option>, grid, prompt_grid, "
                "split, seeds or thresholds."
            )
    for key in ("grid", "prompt_grid"):
        if rest.get(key) not in (None, "original", "model_input"):
            raise UsageError(f"--set {key}={rest[key]}: expected original or model_input.")
    if arguments.precision not in (None, *PRECISIONS):
        raise UsageError(
            f"--precision {arguments.precision}: expected one of {', '.join(PRECISIONS)}."
        )
    return Request(
        data=arguments.data,
        checkpoints=arguments.checkpoints,
        precision=arguments.precision,
        limit=arguments.limit,
        adapter=adapter,
        dataset=dataset,
        grid=cast("Grid | None", rest.get("grid")),
        prompt_grid=cast("Grid | None", rest.get("prompt_grid")),
        split=rest.get("split"),
        prompt_profile=arguments.prompts,
        seeds=tuple(_numbers("seeds", rest["seeds"], int, 0, 2**32)) if "seeds" in rest else None,
        thresholds=tuple(_numbers("thresholds", rest["thresholds"], float, 0, 1))
        if "thresholds" in rest
        else (),
        allow_prompts=arguments.allow_prompts,
    )


def _numbers(key: str, value: Any, kind: type, least: float, most: float) -> list[Any]:
    """The numbers of a setting. Raises `UsageError` for anything else, and for none."""
    values = value if isinstance(value, list) else [value]
    wrong = [v for v in values if not isinstance(v, int | float) or isinstance(v, bool)]
    wrong += [v for v in values if v not in wrong and (kind(v) != v or not least <= v <= most)]
    if wrong or not values:
        what = "whole numbers" if kind is int else f"numbers of {least:g} to {most:g}"
        raise UsageError(f"--set {key}={wording.value(value)}: expected {what}, as in {key}=[...].")
    return [kind(v) for v in values]


def devices_of(arguments: Arguments) -> tuple[str, ...]:
    """One device per worker. Raises `PrerequisiteError` for a GPU that is not there."""
    import torch

    asked = arguments.devices or ("cuda" if torch.cuda.is_available() else "cpu",)
    if len({kind_of(device) for device in asked}) > 1:
        raise UsageError(
            f"--device {' --device '.join(asked)}: one run is computed on one kind of device."
        )
    found: list[str] = []
    for device in asked:
        kind, _, index = device.partition(":")
        if kind not in ("cpu", "cuda") or device not in (kind, f"cuda:{index}"):
            raise UsageError(f"--device {device}: expected cpu, cuda or cuda:<number>.")
        if kind == "cuda":
            here = torch.cuda.device_count()
            if index and not index.isdecimal():
                raise UsageError(f"--device {device}: expected cpu, cuda or cuda:<number>.")
            if here == 0 or (index and int(index) >= here):
                raise PrerequisiteError(
                    f"--device {device}: this machine has {here} CUDA device(s). Leave it out:",
                    f"sam4mis reproduce run {arguments.target or '--all'} --device cpu",
                )
        found.append(device)
    if found == ["cpu"]:
        found *= arguments.workers
    return tuple(found)


def run_command(arguments: Arguments) -> None:
    """Run everything the arguments name; what is local and cheap is checked before any download.

    Raises `InputError` where cases of a run could not be scored (a run that --limit cut short, with
    all its cases scored, is no error).
    """
    root = find_root()
    registry = Registry.load(root)
    request = request_of(arguments)
    everything = arguments.target is None
    targets = (
        [(p, c) for p in registry.projects if p.kind != "selftest" for c in p.claims]
        if arguments.target is None
        else find_claims(registry, arguments.target)
    )
    recipes: list[Recipe] = []
    skipped: list[tuple[str, str]] = []  # claim, reason
    for project, claim in targets:
        name = f"{project.slug}/{claim.id}"
        if claim.state == "blocked" and len(targets) > 1:
            skipped.append((name, f"blocked ({claim.reason})"))
            continue
        try:
            recipes.append(recipe(project, claim, request))
        except Sam4misError as error:
            if not everything and len(targets) == 1:
                raise
            skipped.append((name, str(error).removeprefix(f"{name}: ")))
    if not recipes and not everything:
        raise PrerequisiteError(
            f"nothing of {arguments.target} can be run:\n{telling.by_reason(skipped)}"
        )
    ready: list[tuple[list[Recipe], Path | None]] = []
    results: list[Result] = []
    for members in group(recipes):
        with _told(members, everything, skipped):
            ready.append((members, local(root, members, arguments, request)))
    for members, data in ready:
        with _told(members, everything, skipped):
            if arguments.dry_run:
                tell_plan(members, data, request)
            else:
                here = data or fetch_data(members[0])
                results.append(_one(registry, members, here, arguments, request))
    if arguments.json:
        as_json(results)
    if skipped:
        typer.echo(f"{len(skipped)} not run:\n{telling.by_reason(skipped)}", err=True)
    if bad := [result for result in results if unscored(result)]:
        raise InputError("\n".join(failure(result, arguments.out or root / RUNS) for result in bad))


@contextmanager
def _told(
    members: Sequence[Recipe], everything: bool, skipped: list[tuple[str, str]]
) -> Iterator[None]:
    """With --all, what keeps one run from being made is told at the end, and the others go on."""
    try:
        yield
    except Sam4misError as error:
        if not everything:
            raise
        reason = str(error).removeprefix(f"{members[0].claim_id}: ")
        skipped += [(member.claim_id, reason) for member in members]


def unscored(result: Result) -> bool:
    """Whether cases that were asked for have no score."""
    return result.status == "failed" or any(
        check.name == "all-cases" and not check.passed for check in result.checks
    )


def failure(result: Result, out: Path) -> str:
    """Why a run is not complete, and the way out."""
    return (
        f"{result.run}: {result.status}: {result.reason}. Mend what is named and give the same "
        "command again: changed files make a new run. To try the same files again, delete "
        f"{place_of(out / result.run)} first."
    )


def local(
    root: Path, members: Sequence[Recipe], arguments: Arguments, request: Request
) -> Path | None:
    """Where the data of a run lie, after every check that needs no network.

    None where they are missing, and the tool can fetch them or --dry-run is given. Raises
    `PrerequisiteError` for what is not on this machine, `InputError` for data that are not what
    they should be.
    """
    first = members[0]
    if first.dataset.generated:
        data: Path | None = root  # made on the fly: no folder is looked at
    else:
        need_folder("--data", request.data)
        data = data_folder(first.dataset.name, request.data)
    for path in request.checkpoints:
        need_file("--checkpoint", path)
    if arguments.slurm and shutil.which("sbatch") is None:
        raise PrerequisiteError(NO_SLURM)
    if request.checkpoints:
        check_all(first.project.slug, first.checkpoints, request.checkpoints)
    devices_of(arguments)
    if data is None:
        if arguments.dry_run or can_fetch(first.dataset, first.split):
            return None
        raise PrerequisiteError(
            f"{first.claim_id}: the data set {first.dataset.title} is not here. "
            f"{first.dataset.access}",
            f"sam4mis reproduce run {first.claim_id} --data <folder>",
        )
    try:
        cases = first.dataset.cases(data, first.split, first.dataset_options)
    except InputError:
        if request.data is None and lacks_archives(first, data):
            return None
        raise
    if not cases:
        raise InputError(f"{data}: no case in split {first.split!r} of {first.dataset.title}.")
    return data


def _one(
    registry: Registry,
    members: Sequence[Recipe],
    data: Path,
    arguments: Arguments,
    request: Request,
) -> Result:
    """Fetch, plan and execute the recipes that are one run, and say what came out."""
    from reproduce.ground.places import cache_folder

    root = registry.root
    first = members[0]
    devices = devices_of(arguments)
    files = obtain_all(first.project.slug, first.checkpoints, request.checkpoints)
    with progress("hashing and prompts", 0, quiet=True):
        spec, prompts, _ = build_spec(
            members,
            data,
            files,
            request.limit,
            device=kind_of(devices[0]),
            batch=arguments.batch,
        )
    out = arguments.out or root / RUNS
    folder = run_folder(out, spec)
    result = existing(folder)
    if result is not None and set(spec.claims) <= set(result.claims):
        typer.echo(f"{spec.run_id()}: finished before, nothing is computed again", err=True)
    else:
        workers = len(devices)
        placement = Placement(
            data=str(data.resolve()),
            checkpoints=[str(path.resolve()) for path in files],
            device=devices[0],
            threads=_threads(devices) if workers > 1 else None,
            embeddings=str(cache_folder() / "embeddings") if arguments.embeddings else None,
            command=command_line(first, arguments, spec.device),
        )
        typer.echo(f"{spec.title}: {len(spec.cases)} cases", err=True)
        plan = prepare(folder, spec, placement, prompts)
        how = Execution(
            devices=devices,
            slurm=pairs(arguments.slurm_settings, "--slurm-set") if arguments.slurm else None,
            slurm_jobs=arguments.slurm_jobs,
        )
        try:
            result = execute(folder, plan, members, how)
        except KeyboardInterrupt:
            typer.echo(
                f"\nstopped; finished shards are in {folder}, the same command goes on", err=True
            )
            raise
    target = None
    if arguments.publish and result.status == "complete":
        target = publish(folder, root / RESULTS)
    if not arguments.json:
        tell(registry, members, result, folder, arguments, request)
    if target is not None:
        typer.echo(f"published: {target.relative_to(root)}", err=True)
    elif arguments.publish:
        raise InputError(f"{result.run}: only complete runs are published; {result.reason}.")
    return result


def _threads(devices: Sequence[str]) -> int | None:
    import os

    return max(1, (os.cpu_count() or 1) // len(devices)) if devices[0] == "cpu" else None


def command_line(item: Recipe, arguments: Arguments, device: DeviceKind) -> str:
    """The command as anybody could type it: places of this machine are left open."""
    words = ["sam4mis reproduce run", item.claim_id, f"--data <{item.dataset.name}>"]
    words += [f"--set {setting}" for setting in arguments.settings]
    for name, value in (
        ("--device", device),
        ("--batch", _batch(arguments)),
        ("--prompts", arguments.prompts),
        ("--precision", arguments.precision),
        ("--limit", arguments.limit),
    ):
        if value is not None:
            words.append(f"{name} {value}")
    words += [f"--allow-prompt {kind}" for kind in arguments.allow_prompts]
    return " ".join(words)


def tell(
    registry: Registry,
    members: Sequence[Recipe],
    result: Result,
    folder: Path,
    arguments: Arguments,
    request: Request,
) -> None:
    """What came out, for people: every claim that was asked about, the rest, and what comes next.

    The results are data (stdout); what to type next is talk (stderr).
    """
    hashes = [checkpoint["sha256"] for checkpoint in result.inputs["checkpoints"]]
    cases = result.inputs["cases"]
    listed = case_list({case["id"]: case["files"] for case in cases})
    differs = {
        member.claim_id: why
        for member in members
        if (why := comparison_of(member, hashes, len(cases), listed).differences)
    }
    asked = [(member.project, member.claim) for member in members]
    told = [member.claim_id for member in members]
    status = result.status if result.reason is None else f"{result.status}: {result.reason}"
    sheet(
        f"\n{result.run}",
        [
            *telling.sections(registry, asked, result, folder, differs),
            ("measured as well", telling.others(result, asked)),
            ("gates", telling.gates(result)),
            ("run", [("status", status), ("folder", place_of(folder))]),
        ],
    )
    short = wording.short_id(result.run)
    typer.echo("\nNext:", err=True)
    typer.echo(f"  sam4mis reproduce show {short}    # case by case", err=True)
    if telling.published(registry.root, result.run):
        typer.echo("  sam4mis reproduce verify    # writes the verdicts of all claims", err=True)
        served = next((name for name in told if name in result.claims), None)
        if served is not None:
            typer.echo(f"  sam4mis reproduce explain {served}    # what moves the number", err=True)
    elif result.status == "complete":
        typer.echo(f"  {typed(arguments, '--publish')}    # keep it, then `verify`", err=True)
    elif result.status == "partial" and arguments.limit is not None:
        typer.echo(f"  {typed(replace(arguments, limit=None))}    # all cases", err=True)


def _batch(arguments: Arguments) -> int | None:
    return arguments.batch if arguments.batch > 1 else None


def typed(arguments: Arguments, *more: str) -> str:
    """The command as it was typed, with its paths, and more options."""
    words = ["sam4mis", "reproduce", "run", arguments.target or "--all"]
    for name, values in (
        ("--data", [arguments.data]),
        ("--checkpoint", arguments.checkpoints),
        ("--device", arguments.devices),
        ("--precision", [arguments.precision]),
        ("--batch", [_batch(arguments)]),
        ("--limit", [arguments.limit]),
        ("--set", arguments.settings),
        ("--prompts", [arguments.prompts]),
        ("--allow-prompt", arguments.allow_prompts),
        ("--out", [arguments.out]),
    ):
        words += [word for value in values if value is not None for word in (name, str(value))]
    return shlex.join([*words, *more])
