"""What `sam4mis reproduce run` does: resolve, fetch, plan, execute, publish, tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import typer
import yaml

from catalog.errors import (
    InputError,
    PrerequisiteError,
    Sam4misError,
    UsageError,
)
from catalog.records import Result
from catalog.registry import RESULTS, Registry, find_root
from reproduce.cli.common import as_json, data_folder, percent
from reproduce.contracts import Grid
from reproduce.running.engine import (
    Execution,
    execute,
    existing,
    prepare,
    publish,
    run_folder,
)
from reproduce.running.planning import (
    Recipe,
    Request,
    build_spec,
    find_claims,
    group,
    recipe,
)
from reproduce.running.progress import progress
from reproduce.running.spec import Placement

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
        elif key in ("grid", "split", "seeds", "thresholds"):
            rest[key] = value
        else:
            raise UsageError(
                f"--set {key}: expected adapter.<option>, dataset.<option>, grid, split, seeds or "
                "thresholds."
            )
    if rest.get("grid") not in (None, "original", "model_input"):
        raise UsageError(f"--set grid={rest['grid']}: expected original or model_input.")
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
        split=rest.get("split"),
        prompt_profile=arguments.prompts,
        seeds=tuple(_numbers(rest["seeds"], int)) if "seeds" in rest else None,
        thresholds=tuple(_numbers(rest.get("thresholds", []), float)),
        allow_prompts=arguments.allow_prompts,
    )


def _numbers(value: Any, kind: type) -> list[Any]:
    return [kind(v) for v in (value if isinstance(value, list) else [value])]


def devices_of(arguments: Arguments) -> tuple[str, ...]:
    """One device per worker. Raises `PrerequisiteError` for a GPU that is not there."""
    import torch

    asked = arguments.devices or ("cuda" if torch.cuda.is_available() else "cpu",)
    found: list[str] = []
    for device in asked:
        kind, _, index = device.partition(":")
        if kind not in ("cpu", "cuda"):
            raise UsageError(f"--device {device}: expected cpu, cuda or cuda:<number>.")
        if kind == "cuda":
            here = torch.cuda.device_count()
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
    """Run everything the arguments name. Exits with 1 where a run is not complete."""
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
        raise PrerequisiteError(f"nothing of {arguments.target} can be run:\n{by_reason(skipped)}")
    results: list[Result] = []
    for members in group(recipes):
        try:
            done = _one(root, members, arguments, request)
        except Sam4misError as error:
            if not everything:
                raise
            skipped += [
                (m.claim_id, str(error).removeprefix(f"{members[0].claim_id}: ")) for m in members
            ]
            continue
        if done is not None:
            results.append(done)
    if arguments.json:
        as_json(results)
    if skipped:
        typer.echo(f"{len(skipped)} not run:\n{by_reason(skipped)}", err=True)
    if any(result.status != "complete" and result.reason for result in results) and not (
        arguments.limit
    ):
        raise InputError(
            "not every case could be scored: "
            + "; ".join(r.reason or "" for r in results if r.status != "complete")
        )


def by_reason(skipped: Sequence[tuple[str, str]]) -> str:
    """Claims that were not run, by reason: how many, the first ones, why."""
    reasons: dict[str, list[str]] = {}
    for name, reason in skipped:
        reasons.setdefault(reason, []).append(name)
    lines = []
    for reason, names in reasons.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        lines.append(f"  {len(names)}: {reason}\n     {', '.join(names[:3])}{more}")
    return "\n".join(lines)


def _one(
    root: Path, members: Sequence[Recipe], arguments: Arguments, request: Request
) -> Result | None:
    """Fetch, plan and execute the recipes that are one run."""
    from reproduce.checkpoints.cache import cache_folder
    from reproduce.checkpoints.fetching import obtain_all

    first = members[0]
    data = data_folder(first.dataset.name, request.data)
    if getattr(first.dataset, "generated", False):
        data = root  # made on the fly: no folder is looked at
    if arguments.dry_run:
        _tell_plan(first, members, data, request)
        return None
    if data is None:
        raise PrerequisiteError(
            f"{first.claim_id}: the data set {first.dataset.title} is not here. "
            f"{first.dataset.access}",
            f"sam4mis reproduce run {first.claim_id} --data <folder>",
        )
    devices = devices_of(arguments)
    files = obtain_all(first.project.slug, first.checkpoints, request.checkpoints)
    with progress("hashing and prompts", 0, quiet=True):
        spec, prompts, _ = build_spec(members, data, files, request.limit)
    out = arguments.out or root / "build" / "runs"
    folder = run_folder(out, spec)
    result = existing(folder)
    if result is not None and set(spec.claims) <= set(result.claims):
        typer.echo(f"{spec.run_id()}: finished before, in {folder}", err=True)
    else:
        workers = len(devices)
        placement = Placement(
            data=str(data.resolve()),
            checkpoints=[str(path.resolve()) for path in files],
            device=devices[0],
            batch=arguments.batch,
            threads=_threads(devices) if workers > 1 else None,
            embeddings=str(cache_folder() / "embeddings") if arguments.embeddings else None,
            command=command_line(first, arguments),
        )
        typer.echo(f"{spec.run_id()}: {spec.title}, {len(spec.cases)} cases", err=True)
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
    if not arguments.json:
        tell(result)
    if arguments.publish:
        if result.status != "complete":
            raise InputError(f"{result.run}: only complete runs are published; {result.reason}.")
        target = publish(folder, root / RESULTS)
        typer.echo(f"published: {target.relative_to(root)}", err=True)
    return result


def _threads(devices: Sequence[str]) -> int | None:
    import os

    return max(1, (os.cpu_count() or 1) // len(devices)) if devices[0] == "cpu" else None


def command_line(item: Recipe, arguments: Arguments) -> str:
    """The command as anybody could type it: places of this machine are left open."""
    words = ["sam4mis reproduce run", item.claim_id, f"--data <{item.dataset.name}>"]
    words += [f"--set {setting}" for setting in arguments.settings]
    for name, value in (
        ("--prompts", arguments.prompts),
        ("--precision", arguments.precision),
        ("--limit", arguments.limit),
    ):
        if value is not None:
            words.append(f"{name} {value}")
    words += [f"--allow-prompt {kind}" for kind in arguments.allow_prompts]
    return " ".join(words)


def tell(result: Result) -> None:
    """The measurements of a run, for people (stdout), in percent."""
    typer.echo(f"{result.run}\t{result.status}")
    for m in result.measurements:
        at = "" if m.threshold is None else f" at {m.threshold:g}"
        both = (
            f" (complete cases {percent(m.value_complete_cases)})"
            if m.value_complete_cases != m.value
            else ""
        )
        claim = f"\t{m.claim}" if m.claim else ""
        typer.echo(f"{m.metric} {m.metric_profile}{at}\t{percent(m.value)}{both}{claim}")
    for check in result.checks:
        typer.echo(
            f"{check.name}\t{'passed' if check.passed else 'FAILED'}\t{check.detail}", err=True
        )


def _tell_plan(
    item: Recipe, members: Sequence[Recipe], data: Path | None, request: Request
) -> None:
    """What a run would do: downloads, data, how long (from the last run of the adapter, if any)."""
    from reproduce.checkpoints.fetching import status_of

    typer.echo(f"run\t{', '.join(m.claim_id for m in members)}")
    for record in item.checkpoints:
        typer.echo(f"checkpoint\t{record.id}\t{status_of(record, request.checkpoints)}")
    typer.echo(f"data\t{item.dataset.name}\t{data or 'missing: ' + item.dataset.access}")
    number = "unknown"
    if data is not None:
        number = str(len(item.dataset.cases(data, item.split, item.dataset_options)))
    typer.echo(f"cases\t{number}")
    typer.echo(
        f"prompts\t{item.profile.name if item.profile else 'none'}\tseeds {list(item.seeds)}"
    )
    typer.echo(f"time\t{_expected_time(item, number)}")
    serves = [m.claim_id for m in members if m.faithful]
    typer.echo(f"serves\t{', '.join(serves) or 'no claim (overrides differ from the protocol)'}")


def _expected_time(item: Recipe, number: str) -> str:
    """From the newest published run of the same adapter; unknown where there is none."""
    registry = Registry.load(find_root())
    name = f"{item.adapter.name}/{item.adapter.version}"
    before = [r for r in registry.results if r.protocol.get("adapter") == name]
    if not before or not number.isdigit():
        return "unknown (no published run of this adapter to go by)"
    last = max(before, key=lambda r: r.created)
    rate = last.timing.get("cases_per_s")
    if not rate:
        return "unknown"
    where = last.environment.get("gpu") or last.environment.get("cpu")
    return f"about {int(number) / rate:.0f} s at the {rate:g} cases/s of {last.run} on {where}"
