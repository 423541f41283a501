"""`sam4mis reproduce run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from catalog.cli import completing

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def run(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="PROJECT[/CLAIM]",
            help="lwnet/validation-dice",
            autocompletion=completing.claims,
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every claim that can be run here.")] = False,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Every run of a plan file (`reproduce plan`).")
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Who runs it: a name that stands in the result.")
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the data set.")] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="folder: your own images in --data.")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option("--reference", help="Folder of true masks for your own images.")
    ] = None,
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="PROJECT[=FILE]", help="Beside it, on your own images."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            help="Metric profile, on your own images.",
            autocompletion=completing.profiles,
        ),
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="Of the profile, on your own images.")
    ] = None,
    video: Annotated[
        bool, typer.Option("--video", help="Each folder of your own pictures is a video.")
    ] = False,
    groups: Annotated[
        Path | None,
        typer.Option("--groups", help="CSV: case, patient, columns to score apart; own images."),
    ] = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option("--checkpoint", help="Use this weights file.")
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option("--device", help="cpu, cuda, cuda:1; given again: one more worker."),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes on the CPU.")] = 1,
    precision: Annotated[
        str | None, typer.Option("--precision", help="float32, bfloat16 or float16.")
    ] = None,
    batch: Annotated[
        int,
        typer.Option("--batch", min=1, help="Images encoded together; another batch, another run."),
    ] = 1,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="First N cases; never a verdict.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="adapter.flips=true, grid=original ..."),
    ] = None,
    prompts: Annotated[
        str | None, typer.Option("--prompts", help="Prompt profile instead of the claim's.")
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option("--replay", metavar="RUN", help="Ask what that run asked, in every round."),
    ] = None,
    allow_prompt: Annotated[
        list[str] | None,
        typer.Option("--allow-prompt", help="A kind the weights weren't trained for; labelled."),
    ] = None,
    plugin: Annotated[
        list[Path] | None, typer.Option("--plugin", help="A file with an adapter of your own.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Run folders (default: build/runs).")
    ] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Copy to reproduce/results.")] = False,
    embeddings: Annotated[bool, typer.Option(help="Keep image embeddings in the cache.")] = True,
    slurm: Annotated[
        bool, typer.Option("--slurm", help="Work the shards off as a Slurm array job.")
    ] = False,
    slurm_jobs: Annotated[int, typer.Option(min=1, help="Tasks of the array job.")] = 2,
    slurm_set: Annotated[
        list[str] | None,
        typer.Option(
            "--slurm-set",
            metavar="KEY=VALUE",
            help="partition, account, time, mem, gpus ...",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done and stop.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Results for machines.")] = False,
) -> None:
    """Run released weights on a data set and measure what the paper prints.

    Weights and open data that are missing are downloaded and checked; --dry-run says which.
    Finished shards are kept: the same command goes on after Ctrl-C, a crash or a full disk.
    Nothing is published without --publish.

    With --reference a project is run on your own images and masks (--data), under any prompt and
    metric profile, side by side with others: intervals, groups, a page and a CSV in --out. That is
    no claim and never becomes a verdict.

    Exit status: 0 every case that was asked for has a score; 1 some have none (a partial or
    failed run: it says which and what to do); 2 wrong usage; 3 something is missing here.

    \b
    Examples:
      sam4mis reproduce run lwnet --dry-run
      sam4mis reproduce run lwnet --data DRIVE/ --set grid=original --set adapter.flips=true
      sam4mis reproduce run lwnet --dataset folder --data eyes/ --reference masks/ --with medsam
    """
    from catalog.errors import UsageError
    from catalog.registry import find_root
    from reproduce.ground.ending import ended_by_sigterm
    from reproduce.ground.extras import need_extra
    from reproduce.ground.who import who_runs

    if (target is not None) + all_ + (plan is not None) != 1:
        raise UsageError(
            "name a claim (project/claim) or a project, or give --all or --plan; one of them."
        )
    need_extra("running")
    from reproduce.ground.plugins import add, need_no_own

    for path in plugin or ():
        add(path)
    if publish or plan is not None:  # what a plan gives is written to be sent
        need_no_own("--publish" if publish else "--plan")
    from reproduce.cli.arguments import Arguments
    from reproduce.cli.campaigning import run_plan
    from reproduce.cli.running import run_command
    from reproduce.cli.slurm_asking import refuse_early

    arguments = Arguments(
        target=target,
        data=data,
        checkpoints=tuple(checkpoint or ()),
        devices=tuple(device or ()),
        workers=workers,
        precision=precision,
        batch=batch,
        limit=limit,
        settings=tuple(set_ or ()),
        prompts=prompts,
        replay=replay,
        allow_prompts=tuple(allow_prompt or ()),
        out=out,
        publish=publish,
        embeddings=embeddings,
        slurm=slurm,
        slurm_jobs=slurm_jobs,
        slurm_settings=tuple(slurm_set or ()),
        dry_run=dry_run,
        json=json_,
        by=who_runs(by, find_root()),
        plan=plan,
    )
    refuse_early(arguments)
    own = {
        "--dataset": dataset,
        "--reference": reference,
        "--with": with_,
        "--profile": profile,
        "--metric": metric,
        "--groups": groups,
        "--video": video,
    }
    if reference is not None:
        from reproduce.cli.own_data import OwnData, own_data_command

        with ended_by_sigterm():
            own_data_command(
                arguments,
                OwnData(
                    dataset=dataset,
                    reference=reference,
                    others=tuple(with_ or ()),
                    profile=profile or "house/1",
                    metrics=tuple(metric or ()),
                    groups=groups,
                    video=video,
                ),
            )
        return
    if given := [name for name, value in own.items() if value]:
        raise UsageError(
            f"{', '.join(given)}: for your own images. Name their masks with --reference FOLDER."
        )
    with ended_by_sigterm():
        (run_command if plan is None else run_plan)(arguments)
