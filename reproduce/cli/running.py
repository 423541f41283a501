"""What `sam4mis reproduce run` does: resolve, fetch, plan, execute, publish, tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from catalog.cli.output import sheet
from catalog.errors import (
    InputError,
    PrerequisiteError,
    Sam4misError,
    UsageError,
)
from catalog.records import Result
from catalog.registry import RESULTS, Registry, find_clone, find_root, workplace
from reproduce.cli import telling
from reproduce.cli.arguments import Arguments, command_line, devices_of, request_of, typed
from reproduce.cli.common import RUNS, as_json, need_file, need_folder, place_of
from reproduce.cli.dry_run import Told, tell_plan
from reproduce.cli.run_data import fetch_data, lacks_archives
from reproduce.cli.slurm_asking import asked_of, device_on_nodes
from reproduce.ground import wording
from reproduce.ground.extras import need_own
from reproduce.ground.places import cache_folder, data_folder, need_place
from reproduce.ground.progress import progress
from reproduce.judging.examining import STATISTICS
from reproduce.obtaining.datasets import can_fetch
from reproduce.obtaining.identity import case_list
from reproduce.obtaining.weights import check_all, obtain_all
from reproduce.planning.planned import comparison_of
from reproduce.planning.recipes import (
    Prompts,
    Recipe,
    Request,
    build_spec,
    find_claims,
    group,
    keeping,
    recipe,
)
from reproduce.running.engine import (
    Execution,
    execute,
    existing,
    prepare,
    publish,
    run_folder,
    signed_by,
)
from reproduce.runs.spec import Placement, RunSpec, kind_of


def run_command(arguments: Arguments) -> None:
    """Run everything the arguments name; what is local and cheap is checked before any download.

    Raises `InputError` where cases of a run could not be scored (a run that --limit cut short, with
    all its cases scored, is no error).
    """
    root = find_clone("reproduce run --publish") if arguments.publish else find_root()
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
    mistyped: list[bool] = []  # whether a claim is refused for what the command says
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
            mistyped.append(isinstance(error, UsageError))
    if not recipes and not everything:
        refused = UsageError if mistyped and all(mistyped) else PrerequisiteError
        raise refused(f"nothing of {arguments.target} can be run:\n{telling.by_reason(skipped)}")
    ready: list[tuple[list[Recipe], Path | None]] = []
    results: list[Result] = []
    plans: list[Told] = []
    for members in group(recipes):
        with _told(members, everything, skipped):
            ready.append((members, local(root, members, arguments, request)))
    for members, data in ready:
        with _told(members, everything, skipped):
            if arguments.dry_run:
                plans.append(tell_plan(members, data, request, arguments))
            else:
                results.append(make(registry, members, data, arguments, request)[0])
    if arguments.json:
        as_json(plans if arguments.dry_run else results)
    if skipped:
        typer.echo(f"{len(skipped)} not run:\n{telling.by_reason(skipped)}", err=True)
    if bad := [result for result in results if unscored(result)]:
        raise InputError("\n".join(failure(result, out_of(arguments, root)) for result in bad))


def out_of(arguments: Arguments, root: Path) -> Path:
    """The folder of run folders."""
    return arguments.out or workplace(root) / RUNS


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


def _devices(arguments: Arguments) -> tuple[str, ...]:
    """One device per worker: of this machine, or the kind that the nodes of a cluster have."""
    return (device_on_nodes(arguments),) if arguments.slurm else devices_of(arguments)


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
    if request.checkpoints:
        check_all(first.project.slug, first.checkpoints, request.checkpoints)
    _devices(arguments)
    if not arguments.dry_run:
        need_own(first.adapter.name, first.adapter.extra)
    if data is None:
        if arguments.dry_run or can_fetch(first.dataset, first.protocol.split):
            return None
        raise PrerequisiteError(
            f"{first.claim_id}: the data set {first.dataset.title} is not here. "
            f"{first.dataset.access}",
            f"sam4mis reproduce run {first.claim_id} --data <folder>",
        )
    try:
        cases = first.dataset.cases(data, first.protocol.split, first.protocol.dataset_options)
    except InputError:
        if request.data is None and lacks_archives(first, data):
            return None
        raise
    if not cases:
        raise InputError(
            f"{data}: no case in split {first.protocol.split!r} of {first.dataset.title}."
        )
    return data


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that is ready to be worked off: what it is, its prompts, where its inputs lie."""

    spec: RunSpec
    prompts: Prompts
    placement: Placement
    devices: tuple[str, ...]


def make(
    registry: Registry,
    members: Sequence[Recipe],
    data: Path | None,
    arguments: Arguments,
    request: Request,
) -> tuple[Result, Path]:
    """Fetch, plan and execute the recipes that are one run, and say what came out; its folder.

    data  folder of the data set; None: it is fetched first
    """
    root = registry.root
    members = keeping(members)
    out = need_place(out_of(arguments, root), "Give --out a folder of yours.")
    prepared = prepared_run(members, data, arguments, request)
    result, folder = worked_off(prepared, members, arguments, out)
    if request.replay is not None:
        typer.echo(replay_told(request.replay, folder), err=True)
    target = None
    if arguments.publish and result.status == "complete":
        target = publish(folder, root / RESULTS)
    if not arguments.json:
        tell(registry, members, result, folder, arguments)
    if target is not None:
        typer.echo(f"published: {target.relative_to(root)}", err=True)
    elif arguments.publish:
        raise InputError(f"{result.run}: only complete runs are published; {result.reason}.")
    return result, folder


def prepared_run(
    members: Sequence[Recipe], data: Path | None, arguments: Arguments, request: Request
) -> Prepared:
    """Fetch weights and data, and hash everything that the run depends on."""
    first = members[0]
    devices = _devices(arguments)
    embeddings = None
    if arguments.embeddings:
        remedy = "Set SAM4MIS_CACHE to a folder of yours, or give --no-embeddings."
        embeddings = str(need_place(cache_folder() / "embeddings", remedy))
    data = data or fetch_data(first)
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
    placement = Placement(
        data=str(data.resolve()),
        checkpoints=[str(path.resolve()) for path in files],
        device=devices[0],
        threads=_threads(devices) if len(devices) > 1 else None,
        embeddings=embeddings,
        command=command_line(first, arguments, spec.device),
        by=arguments.by,
    )
    return Prepared(spec, prompts, placement, devices)


def worked_off(
    prepared: Prepared, members: Sequence[Recipe], arguments: Arguments, out: Path
) -> tuple[Result, Path]:
    """The result of a run and its folder below `out`; one that is there already is taken."""
    spec = prepared.spec
    folder = run_folder(out, spec)
    result = existing(folder)
    if result is not None and set(spec.claims) <= set(result.claims):
        typer.echo(f"{spec.run_id()}: finished before, nothing is computed again", err=True)
        return signed_by(folder, result, arguments.by), folder
    typer.echo(f"{spec.title}: {len(spec.cases)} cases", err=True)
    plan = prepare(folder, spec, prepared.placement, prepared.prompts)
    wanted = None
    if arguments.slurm:
        wanted = asked_of(arguments, members, spec.device, len(spec.cases))
    how = Execution(devices=prepared.devices, slurm=wanted)
    try:
        return execute(folder, plan, members, how), folder
    except KeyboardInterrupt:
        typer.echo(
            f"\nstopped; finished shards are in {folder}, the same command goes on", err=True
        )
        raise


def replay_told(replayed: Path, folder: Path) -> str:
    """Whether a replay counts what the run counted whose prompts it asked."""
    from reproduce.statistics import read_statistics
    from reproduce.statistics.parity import difference

    name = replayed.resolve().name
    if not (replayed / STATISTICS).is_file():
        return f"replay of {name}: it has no statistics to compare with"
    before, now = read_statistics(replayed / STATISTICS), read_statistics(folder / STATISTICS)
    moved = difference(before, now)
    return f"replay of {name}: {moved or 'other cases, classes, thresholds or rounds are counted'}"


def _threads(devices: Sequence[str]) -> int | None:
    import os

    return max(1, (os.cpu_count() or 1) // len(devices)) if devices[0] == "cpu" else None


def tell(
    registry: Registry,
    members: Sequence[Recipe],
    result: Result,
    folder: Path,
    arguments: Arguments,
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
    if arguments.plan is not None:
        return
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
