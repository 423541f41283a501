"""`sam4mis reproduce rerun`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from catalog.records import Repeat, Result
    from reproduce.cli.runs import StoredRun

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def rerun(
    run: Annotated[str, typer.Argument(help="Id of a run, or its first digits.")],
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the data set.")] = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option("--checkpoint", help="Use this weights file.")
    ] = None,
    device: Annotated[
        list[str] | None, typer.Option("--device", help="Of the kind that the run was made on.")
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Who repeats it: a name that stands in the result.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Run folders (default: build/reruns).")
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Keep it beside the run: reproduce/results/again.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done and stop.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="The outcome for machines.")] = False,
) -> None:
    """Compute a run once more from its recorded inputs, and say whether the two agree.

    They agree where all counts are equal and floats differ by no more than 0.0001. Inputs that are
    not what they were (weights, cases, prompts, versions) are named before anything is computed.
    Exit status 1: they do not agree.

    \b
    Examples:
      sam4mis reproduce rerun lwnet-a3c59014 --data DRIVE/
      sam4mis reproduce rerun lwnet-a3c59014 --by NAME --publish
    """
    import shutil
    from dataclasses import replace

    from catalog.cli.output import sheet
    from catalog.errors import FindingsError, InputError, PrerequisiteError
    from catalog.records import Repeat
    from catalog.registry import AGAIN, Registry, find_clone, find_root, workplace
    from reproduce.cli.arguments import Arguments
    from reproduce.cli.common import as_json
    from reproduce.cli.dry_run import tell_plan
    from reproduce.cli.running import local, prepared_run, worked_off
    from reproduce.ground.extras import need_extra
    from reproduce.ground.plugins import need_no_own
    from reproduce.ground.who import VARIABLE, who_runs
    from reproduce.judging import repeats
    from reproduce.judging.examining import examine
    from reproduce.planning.recipes import keeping
    from reproduce.planning.repeating import members_of, repeated, request_of, spec_to_repeat
    from reproduce.running.engine import publish as put
    from reproduce.running.engine import run_folder

    need_extra("running")
    if publish:
        need_no_own("--publish")
    root = find_clone("reproduce rerun --publish") if publish else find_root()
    name = who_runs(by, root)
    if publish and name is None:
        raise PrerequisiteError(
            "a repeat that is published says who made it. Choose a name:",
            f"sam4mis reproduce rerun {run} --by NAME --publish   (or: export {VARIABLE}=NAME)",
        )
    first = _stored(root, run)
    if findings := examine(first.folder) if first.published else []:
        raise FindingsError(findings)
    spec = spec_to_repeat(first.result)
    members = members_of(Registry.load(root), first.result, spec)
    out = out or workplace(root) / "build" / "reruns"
    arguments = Arguments(
        target=members[0].claim_id,
        data=data,
        checkpoints=tuple(checkpoint or ()),
        devices=tuple(device or (spec.device,)),
        batch=spec.batch,
        limit=spec.limit,
        embeddings=False,  # cached ones could be those of the run itself
        by=name,
        dry_run=dry_run,
        json=json_,
    )
    request = replace(request_of(spec), data=data, checkpoints=arguments.checkpoints)
    here = local(root, members, arguments, request)
    if dry_run:
        told = tell_plan(members, here, request, arguments)
        if json_:
            as_json([told])
        return
    members = keeping(members)
    prepared = prepared_run(members, here, arguments, request)
    prepared = replace(prepared, spec=repeated(spec, prepared.spec, first.result))
    earlier = run_folder(out, prepared.spec)
    if (earlier / "result.json").is_file():  # of an earlier repeat: this one computes anew
        shutil.rmtree(earlier)
    result, folder = worked_off(prepared, members, arguments, out)
    found = repeats.compared(first.folder, folder)
    outcome = Repeat(
        run=result.run,
        by=name or "you",
        on=repeats.where(result),
        created=result.created,
        agrees=repeats.agrees(found),
        told=repeats.told(found),
    )
    if json_:
        as_json(outcome)
    else:
        sheet(result.run, [("rerun", _rows(first.result, outcome))])
    if publish:
        if result.status != "complete":
            raise InputError(f"{result.run}: only complete runs are published; {result.reason}.")
        target = put(folder, root / AGAIN / outcome.by)
        typer.echo(f"published: {target.relative_to(root)}", err=True)
    if not outcome.agrees:
        raise InputError(f"{result.run}: the two do not agree: {outcome.told}.")


def _stored(root: Path, run: str) -> StoredRun:
    """The run that is meant. Raises `UsageError`."""
    from catalog.errors import UsageError
    from catalog.facets import meant
    from reproduce.cli.runs import find_run, stored_runs

    found = find_run(root, run)
    if found is None:
        near = meant(run, [one.result.run for one in stored_runs(root)])
        raise UsageError(f"no run {run!r} here.{near} `sam4mis reproduce list runs` shows them.")
    return found


def _rows(first: Result, again: Repeat) -> list[tuple[str, str]]:
    """The run and its repeat beside each other, and whether they agree."""
    from reproduce.judging.repeats import where

    return [
        ("first", f"{first.created}, by {first.by or 'a name not said'}, on {where(first)}"),
        ("again", f"{again.created}, by {again.by}, on {again.on}"),
        ("agree", "yes" if again.agrees else "no"),
        ("moved", again.told),
    ]
