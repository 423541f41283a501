"""`sam4mis reproduce score`."""

from __future__ import annotations

import math
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def score(
    predictions: Annotated[Path, typer.Argument(help="Folder of masks: PNG, NIfTI, npz, DICOM.")],
    dataset: Annotated[str, typer.Option("--dataset", help="drive, folder ...")],
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the data set.")] = None,
    split: Annotated[str | None, typer.Option("--split", help="Default: its first.")] = None,
    profile: Annotated[str, typer.Option("--profile", help="Metric profile.")] = "house/1",
    metric: Annotated[list[str] | None, typer.Option("--metric", help="Of the profile.")] = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="NUMBER=CLASS", help="What a number in the masks means."),
    ] = None,
    pattern: Annotated[
        str | None, typer.Option("--pattern", help="'{case}_pred.png', for longer file names.")
    ] = None,
    key: Annotated[str | None, typer.Option("--key", help="Array of an npz file.")] = None,
    kind: Annotated[str, typer.Option("--kind", help="label or probability.")] = "label",
    threshold: Annotated[float, typer.Option("--threshold", min=0, max=1)] = 0.5,
    scale: Annotated[
        float | None,
        typer.Option("--scale", help="What is certain in a probability map: 1, 100, 255 ..."),
    ] = None,
    resample: Annotated[
        str | None, typer.Option("--resample", help="nearest: bring to the reference's grid.")
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Cases without a file count as 0.")
    ] = False,
    surface: Annotated[
        list[str] | None, typer.Option("--surface", help="For nsd, hd95: surfel/header/3d ...")
    ] = None,
    claim: Annotated[
        str | None, typer.Option("--claim", help="project/claim it speaks to.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Data set options.")
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Keep the result in reproduce/results.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be kept.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="The result record, for machines.")] = False,
) -> None:
    """Score existing predictions against a data set (evidence level: recomputed).

    Files pair with cases by name; what does not pair, or lies on another grid, is an error that
    names the file. Nothing is written without --publish.

    \b
    Examples:
      sam4mis reproduce score masks/ --dataset drive --data DRIVE/ --split test
      sam4mis reproduce score masks/ --dataset folder --data my-set/ --profile monai/1
    """
    from catalog.cli.output import counted, say
    from catalog.errors import UsageError
    from catalog.metrics import counted_over, is_length
    from catalog.records import to_builtins
    from reproduce.cli.common import (
        as_json,
        data_folder,
        need_extra,
        need_folder,
        percent,
        table,
    )

    need_extra("scoring predictions")
    from reproduce.score_predictions import (
        Request,
        score_predictions,
        split_used,
        write_result,
    )

    if kind not in ("label", "probability"):
        raise UsageError(f"--kind {kind}: expected label or probability.")
    if scale is not None and not 0 < scale < math.inf:
        raise UsageError(f"--scale {scale:g}: expected a number above 0.")
    if resample not in (None, "nearest"):
        raise UsageError(f"--resample {resample}: the only one there is is nearest.")
    from reproduce.obtaining.datasets import can_fetch
    from reproduce.plugins import plugin

    wanted = plugin("datasets", dataset)  # a name that is not there is told first
    place = data_folder(dataset, data)
    if place is None:
        fetched = f", or fetch it: sam4mis reproduce fetch-data {dataset}" * can_fetch(wanted)
        raise UsageError(f"--data: say where the data set {dataset} lies on this machine{fetched}.")
    need_folder("--data", place)
    request = Request(
        predictions=predictions,
        dataset=dataset,
        data=place,
        split=split,
        options=_options(set_ or []),
        profile=profile,
        metrics=tuple(metric or ("dice", "iou")),
        labels=_labels(label or []),
        pattern=pattern,
        key=key,
        kind="probability" if kind == "probability" else "label",
        threshold=threshold,
        scale=scale,
        resample="nearest" if resample else None,
        allow_missing=allow_missing,
        surfaces=tuple(surface or ()),
        project=claim.partition("/")[0] if claim else "predictions",
        claim=claim,
        command=shlex.join(["sam4mis", *(Path(a).name if "/" in a else a for a in sys.argv[1:])]),
    )
    result, statistics = score_predictions(request, on_case=_progress)
    _progress("", end="\r")
    used, others = split_used(request)
    named = "" if split else f" (the first; --split takes {', '.join(others)} as well)"
    cases = counted(len({score.case for score in result.cases}), "case")
    say(
        f"{cases} of {dataset}, split {used}{named if others else ''}; "
        f"counted in {result.protocol['counted_in']}."
    )
    if "scale" in result.protocol:
        say(f"Probability maps go from 0 to {result.protocol['scale']:g}.")
    if json_:
        as_json(to_builtins(result))
    else:
        columns = ("metric", "profile", "value", "%", "% without missing", "mean over")
        rows = [
            (
                m.metric,
                m.metric_profile,
                _shown(m.value),
                percent(m.value) if not is_length(m.metric) else None,
                percent(m.value_complete_cases) if not is_length(m.metric) else None,
                counted_over(m),
            )
            for m in result.measurements
        ]
        table(result.title, columns, rows)
    if result.reason:
        say(f"{result.reason}.")
    if publish and not dry_run:
        from catalog.registry import RESULTS, find_root

        target = write_result(find_root() / RESULTS, result, statistics)
        say(f"Written to {RESULTS}/{target.name}.")
    elif publish:
        say(f"Nothing was written (--dry-run); it would be reproduce/results/{result.run}.")
    else:
        say("Nothing was written; --publish keeps it in reproduce/results.")


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _progress(case: str, end: str = "") -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{case:<40}{end}", nl=False, err=True)


def _labels(pairs: list[str]) -> dict[int, str]:
    from catalog.errors import UsageError

    found: dict[int, str] = {}
    for pair in pairs:
        number, equals, name = pair.partition("=")
        if not equals or not number.strip().isdigit() or not name:
            raise UsageError(f"--label {pair}: expected a number and a class, such as 1=liver.")
        found[int(number)] = name
    return found


def _options(pairs: list[str]) -> dict[str, Any]:
    import yaml

    from catalog.errors import UsageError

    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--set {pair}: expected KEY=VALUE.")
        found[name] = yaml.safe_load(value)
    return found
