"""What `sam4mis reproduce run --plan FILE` does: a campaign, run after run, whatever fails."""

from __future__ import annotations

import datetime
import traceback
from pathlib import Path

import typer

from catalog.cli.output import say
from catalog.errors import FindingsError, InputError, PrerequisiteError, Sam4misError, UsageError
from catalog.files import write_whole
from catalog.registry import Registry, find_root, workplace
from reproduce.cli import telling
from reproduce.cli.arguments import Arguments, request_of
from reproduce.cli.common import as_json, place_of
from reproduce.cli.dry_run import tell_plan
from reproduce.cli.running import local, make, unscored
from reproduce.ground.quantities import duration
from reproduce.ground.who import VARIABLE
from reproduce.planning.campaign import Planned
from reproduce.planning.fitting import fitted, read_campaign
from reproduce.planning.recipes import Recipe, Request
from reproduce.running.contribution import Contribution, Outcome, contribute, steps

CONTRIBUTIONS = Path("build") / "contributions"
ONE_RUN = ("data", "checkpoints", "settings", "prompts", "allow_prompts", "publish")


def run_plan(arguments: Arguments) -> None:
    """Work through a plan file. What one run lacks or breaks is told, and the others go on.

    Raises `InputError` where the plan does not fit the registry (nothing is run then), and at the
    end where runs of it are not made.
    """
    if given := [name for name in ONE_RUN if getattr(arguments, name)]:
        options = ", ".join(f"--{name.replace('_', '-').removesuffix('s')}" for name in given)
        raise UsageError(
            f"--plan does not go with {options}: a plan runs claims as they are recorded. Data "
            "sets lie in $SAM4MIS_DATA or the cache, weights in the cache."
        )
    path = arguments.plan
    assert path is not None
    root = find_root()
    registry = Registry.load(root)
    made = read_campaign(path)
    request = request_of(arguments)
    if arguments.by is None and not arguments.dry_run:
        raise PrerequisiteError(
            "results that you send say who ran them. Choose a name (at GitHub, or an ORCID):",
            f"sam4mis reproduce run --plan {path} --by NAME   (or: export {VARIABLE}=NAME)",
        )
    outcomes = []
    plans = []
    ready = [
        (run, members, *_looked_at(root, members, arguments, request))
        for run, members in fitted(registry, path, made, request)
    ]
    for run, _, _, lacks in ready:
        if lacks is not None:
            say(f"{run.name}: cannot be run here: {lacks}")
    for number, (run, members, data, lacks) in enumerate(ready, 1):
        if lacks is not None:
            outcomes.append(Outcome(run, reason=lacks))
            continue
        if arguments.dry_run:
            plans.append(tell_plan(members, data, request, arguments))
            outcomes.append(Outcome(run))
            continue
        hours = duration(run.time.hours)
        say(f"\n[{number} of {len(ready)}] {run.name} (planned: {hours})")
        outcomes.append(_made(registry, run, members, data, arguments, request))
    if arguments.dry_run and arguments.json:
        as_json(plans)
    elif not arguments.dry_run:
        _tell_folder(registry, outcomes, arguments, path.stem)
    if missing := [(o.planned.name, o.reason) for o in outcomes if o.reason is not None]:
        raise InputError(
            f"{len(missing)} of {len(outcomes)} runs are not made:\n{telling.by_reason(missing)}\n"
            "What is finished is kept; the same command goes on with the rest."
        )


def _looked_at(
    root: Path, members: list[Recipe], arguments: Arguments, request: Request
) -> tuple[Path | None, str | None]:
    """Where the data lie, and what this machine lacks for a run; before anything is computed."""
    try:
        return local(root, members, arguments, request), None
    except Sam4misError as error:
        return None, str(error).removeprefix(f"{members[0].claim_id}: ")


def _made(
    registry: Registry,
    run: Planned,
    members: list[Recipe],
    data: Path | None,
    arguments: Arguments,
    request: Request,
) -> Outcome:
    """One run of the campaign; whatever ends it ends no other."""
    try:
        result, folder = make(registry, members, data, arguments, request)
    except Sam4misError as error:
        return Outcome(run, reason=str(error).removeprefix(f"{members[0].claim_id}: "))
    except Exception as error:  # a card out of memory, a bug: the night goes on
        place = arguments.out or workplace(registry.root) / "build"
        log = place / f"{members[0].project.slug}-failed.log"
        write_whole(log, traceback.format_exc().encode())
        what = " ".join(str(error).split())[:200]
        return Outcome(run, reason=f"{type(error).__name__}: {what} (all of it: {place_of(log)})")
    reason = f"{result.status}: {result.reason}" if unscored(result) else None
    return Outcome(run, result=result, folder=folder, reason=reason)


def _tell_folder(
    registry: Registry, outcomes: list[Outcome], arguments: Arguments, name: str
) -> None:
    """Write the folder for a pull request, and say what to type."""
    folder = workplace(registry.root) / CONTRIBUTIONS / name
    if arguments.out is not None:
        folder = arguments.out / "contribution"
    today = datetime.datetime.now(datetime.UTC).date()
    try:
        made = contribute(registry, outcomes, folder, today)
    except FindingsError as error:
        raise InputError(f"a finished run was edited by hand; nothing is sent:\n{error}") from error
    if arguments.json:
        as_json([outcome.result for outcome in outcomes if outcome.result is not None])
    _tell_waiting(made)
    if not made.sent:
        say("\nno complete result of a claim is there to send yet.")
        return
    say(f"\n{len(made.sent)} results to send: {place_of(folder)}\nNext, in your clone:")
    for step in steps(made, registry.root):
        typer.echo(f"  {step}", err=True)


def _tell_waiting(made: Contribution) -> None:
    for claim, (folder, why) in made.waits.items():
        say(
            f"{claim}: would be `lower`; {why}. Its result is laid apart. The letter to send:\n"
            f"  sam4mis reproduce letter {claim} --run {place_of(folder)}"
        )
