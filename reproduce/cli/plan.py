"""`sam4mis reproduce plan`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from catalog.cli import completing

if TYPE_CHECKING:
    from catalog.registry import Registry
    from reproduce.planning.campaign import Campaign, Left, Planned

app = typer.Typer(add_completion=False, rich_markup_mode=None)

FEW = 3  # runs that are told in full
SITE_FILE = "ready.json"


@app.command()
def plan(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PROJECT[/CLAIM]]...",
            help="Only these; none: everything.",
            autocompletion=completing.claims,
        ),
    ] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="8h", help="Hours for all runs together.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option("--memory", metavar="24GiB", help="Memory that a run may need.")
    ] = None,
    disk: Annotated[
        str | None, typer.Option("--disk", metavar="200GB", help="Disk for weights and data.")
    ] = None,
    open_only: Annotated[
        bool, typer.Option("--open-only", help="Only what a program can fetch, without asking.")
    ] = False,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="FILE", help="A plan file, for `run --plan FILE`."),
    ] = None,
    site: Annotated[
        bool, typer.Option("--site", help=f"Write reproduce/results/{SITE_FILE} for the site.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="With --site: fail if it is out of date.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """What could be verified with released weights, and what it would take; best value first.

    From the registry alone: nothing is downloaded, no GPU and no torch is needed. Hours are
    measured by a published run or assumed by a declared rate; the plan says which of the two.
    Claims that were run already are left out unless they are named.

    \b
    Examples:
      sam4mis reproduce plan --budget 8h --open-only
      sam4mis reproduce plan samed medsam --json
      sam4mis reproduce plan --budget 8h --memory 24GiB --write night.json
    """
    import msgspec

    from catalog.cli.output import say
    from catalog.errors import InputError
    from catalog.files import write_whole
    from catalog.registry import Registry, find_clone, find_root
    from reproduce.cli.common import as_json
    from reproduce.ground import quantities
    from reproduce.planning.campaign import Limits, campaign
    from reproduce.planning.recipes import find_claims

    if site:
        _for_site(find_clone("reproduce plan --site"), check, json_)
        return
    registry = Registry.load_around(find_root(), say)
    limits = Limits(
        hours=None if budget is None else quantities.hours(budget, "--budget"),
        memory_bytes=None if memory is None else quantities.size(memory, "--memory"),
        disk_bytes=None if disk is None else quantities.size(disk, "--disk"),
        open_only=open_only,
    )
    chosen = [pair for target in targets or () for pair in find_claims(registry, target)]
    done = set()
    if not targets:
        chosen = [(p, c) for p in registry.projects if p.kind != "selftest" for c in p.claims]
        done = _answered(registry)
        chosen = [(p, c) for p, c in chosen if f"{p.slug}/{c.id}" not in done]
    made, left = campaign(registry, chosen, limits)
    if json_:
        as_json({"campaign": made, "left": left, "answered": sorted(done)})
    elif made.runs:
        _tell(made)
    _tell_left(left, len(done), bool(targets))
    if not made.runs:
        raise InputError("no run is left to plan; the reasons are above.")
    if write is not None:
        write_whole(write, msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
        say(f"written: {write}\nNext:\n  sam4mis reproduce run --plan {write}")


def site_document(registry: Registry) -> dict[str, Any]:
    """What every claim that no run answers yet would take, for a machine that has nothing yet."""
    from reproduce.ground.places import nothing_here
    from reproduce.planning.campaign import Limits, campaign

    done = _answered(registry)
    chosen = [
        (p, c)
        for p in registry.projects
        if p.kind != "selftest"
        for c in p.claims
        if f"{p.slug}/{c.id}" not in done
    ]
    with nothing_here():
        made, left = campaign(registry, chosen, Limits())
    return {
        "schema": "ready/1",
        "runs": [
            {
                "claims": list(run.claims),
                "best": run.best,
                "why": run.why,
                "adapter": run.adapter,
                "dataset": run.dataset,
                "split": run.split,
                "hours": run.time.hours,
                "basis": run.time.basis,
                "on": run.time.on,
                "download_bytes": run.download_bytes,
                "sizes_unknown": run.sizes_unknown,
                "memory_mib": run.memory_mib,
                "by_hand": run.by_hand,
            }
            for run in made.runs
        ],
        "left": {one.claim: one.reason for one in left if not one.reason.startswith("blocked (")},
    }


def _for_site(root: Path, check: bool, json_: bool) -> None:
    from catalog.registry import RESULTS, Registry
    from reproduce.ground.extras import need_extra

    need_extra("writing generated files")
    from reproduce.cli.generated import keep

    document = site_document(Registry.load(root))
    path = root / RESULTS / SITE_FILE
    keep(path, document, "sam4mis reproduce plan --site", check=check, dry_run=False, json=json_)


def _answered(registry: Registry) -> set[str]:
    """Claims that a complete published run answers; the self-test is none of the field."""
    return {
        name
        for result in registry.results
        if result.status == "complete" and result.kind != "selftest"
        for name in result.claims
    }


def _tell(made: Campaign) -> None:
    from catalog.cli.output import counted, say, sheet
    from reproduce.cli.common import table
    from reproduce.ground.quantities import duration

    known = [run.time.hours for run in made.runs if run.time.hours is not None]
    total = f"{len(made.runs)} runs, {duration(sum(known))}"
    if len(known) < len(made.runs):
        total += f" and {len(made.runs) - len(known)} of unknown length"
    if len(made.runs) <= FEW:
        sheet(total, [(run.name, _rows(run)) for run in made.runs])
        return
    columns = ("run", "class at best", "time", "download", "memory", "by hand")
    rows = [
        (
            run.name,
            run.best,
            f"{duration(run.time.hours)} ({run.time.basis})" if run.time.hours else "unknown",
            _size(run.download_bytes, run),
            "unknown" if run.memory_mib is None else f"{run.memory_mib} MiB",
            counted(len(run.by_hand), "step") if run.by_hand else "nothing",
        )
        for run in made.runs
    ]
    table(total, columns, rows, "by hand")
    lacking = Counter(run.time.how for run in made.runs if run.time.hours is None)
    for why, number in lacking.items():
        say(f"time unknown of {counted(number, 'run')}: {why}")


def _rows(run: Planned) -> list[tuple[str, str]]:
    """Everything that is known of one run."""
    from reproduce.ground import wording
    from reproduce.ground.quantities import duration

    classes = Counter(run.classes.values())
    number = ", ".join(f"{classes[name]} of class {name}" for name in sorted(classes))
    on = f" on {run.time.on}" if run.time.on else ""
    time = f"unknown: {run.time.how}"
    if run.time.hours is not None:
        time = f"{duration(run.time.hours)}, {run.time.basis}{on}: {run.time.how}"
    memory = "unknown" if run.memory_mib is None else f"{run.memory_mib} MiB, measured on a CPU"
    return [
        ("claims", f"{len(run.claims)}: at best {number}"),
        *(("because", reason) for reason in run.why),
        ("data", f"{run.dataset}, split {run.split}"),
        ("checkpoints", wording.value(run.checkpoints)),
        ("time", time),
        ("download", _size(run.download_bytes, run)),
        ("disk", _size(run.disk_bytes, run)),
        *(("size unknown", name) for name in run.sizes_unknown),
        ("memory", memory),
        *(("licence", f"{one.of}: {one.says or 'nobody has looked'}") for one in run.licences),
        *(("by hand", step) for step in run.by_hand),
        ("value for effort", f"{run.value} for {duration(run.effort_h)}"),
    ]


def _size(known: int, run: Planned) -> str:
    from reproduce.ground import wording

    if not run.sizes_unknown:
        return wording.size(known) if known else "nothing"
    return f"{wording.size(known)} and more" if known else wording.size(None)


def _tell_left(left: list[Left], done: int, named: bool) -> None:
    """Claims that are in no run, by reason; of those that were named also what is recorded."""
    from catalog.cli.output import say
    from reproduce.cli.telling import by_reason

    if done:
        say(f"{done} claims have a published run; name one to plan it again.")
    told = []
    for one in left:
        reason = one.reason
        if one.lifts:
            reason += f"; lifted by: {one.lifts}"
        if named and one.note:
            reason += f"\n     {one.note}"
        told.append((one.claim, reason))
    if left:
        say(f"{len(left)} claims left out:\n{by_reason(told)}")
