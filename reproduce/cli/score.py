"""`sam4mis reproduce score`."""

from __future__ import annotations

import math
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from catalog.cli import completing

if TYPE_CHECKING:
    from catalog.records import Result
    from reproduce.predictions import Request

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def score(
    predictions: Annotated[
        Path, typer.Argument(help="Folder of masks: PNG, NIfTI, NRRD, npz, DICOM.")
    ],
    reference: Annotated[
        Path | None, typer.Option("--reference", help="Folder of true masks; no images needed.")
    ] = None,
    dataset: Annotated[str | None, typer.Option("--dataset", help="drive, folder ...")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the data set.")] = None,
    split: Annotated[str | None, typer.Option("--split", help="Default: its first.")] = None,
    profile: Annotated[
        str,
        typer.Option(
            "--profile",
            help="Metric profile.",
            autocompletion=completing.profiles,
        ),
    ] = "house/1",
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", help="Of the profile. Default: all that the files allow."),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="NUMBER=CLASS", help="What a number in the masks means."),
    ] = None,
    class_: Annotated[
        list[str] | None, typer.Option("--class", help="Score only this class (repeatable).")
    ] = None,
    pattern: Annotated[
        str | None, typer.Option("--pattern", help="'{case}_pred.png', for longer file names.")
    ] = None,
    key: Annotated[str | None, typer.Option("--key", help="Array of an npz file.")] = None,
    kind: Annotated[str, typer.Option("--kind", help="label or probability.")] = "label",
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", min=0, max=1, help="Default: the profile's, else 0.5."),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option("--scale", help="What is certain in a probability map: 1, 100, 255 ..."),
    ] = None,
    spacing: Annotated[
        str | None,
        typer.Option(
            "--spacing",
            metavar="MM[,MM,MM]",
            help="Size of a pixel where files say none; 1 counts in pixels.",
        ),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option("--groups", help="CSV: case, patient, and columns to score apart."),
    ] = None,
    resample: Annotated[
        str | None, typer.Option("--resample", help="nearest: bring to the reference's grid.")
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Cases without a file count as 0.")
    ] = False,
    claim: Annotated[
        str | None, typer.Option("--claim", help="project/claim it speaks to.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Data set options.")
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Keep the result in reproduce/results.")
    ] = False,
    csv_: Annotated[
        Path | None, typer.Option("--csv", help="Write the scores of every case to this file.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the scores as a page to this file.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be kept.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="The result record, for machines.")] = False,
) -> None:
    """Score existing predictions against masks or a data set (evidence level: recomputed).

    Files pair with cases by name; what does not pair, or lies on another grid, is an error that
    names the file. Class names are taken from labels.json or dataset.json where they are. Files
    that open to more than $SAM4MIS_FILE_GIB (2 unless set) are refused. Nothing is written without
    --publish.

    \b
    Examples:
      sam4mis reproduce score masks/ --reference truth/
      sam4mis reproduce score masks/ --reference truth/ --spacing 0.4 --metric nsd --metric hd95
      sam4mis reproduce score masks/ --dataset drive --data DRIVE/ --split test
    """
    from catalog.cli.output import say
    from catalog.errors import UsageError
    from catalog.records import to_builtins
    from catalog.registry import RESULTS, find_clone
    from reproduce.cli.common import as_json
    from reproduce.ground.extras import need_extra

    need_extra("scoring predictions")
    from reproduce.ground.plugins import need_no_own
    from reproduce.ground.quantities import lengths
    from reproduce.predictions import Request, score_predictions, write_result

    if kind not in ("label", "probability"):
        raise UsageError(f"--kind {kind}: expected label or probability.")
    if resample not in (None, "nearest"):
        raise UsageError(f"--resample {resample}: the only one there is is nearest.")
    if publish and reference is not None:
        raise UsageError("--publish keeps results about data sets (--dataset), not about folders.")
    if scale is not None and not 0 < scale < math.inf:
        raise UsageError(f"--scale {scale:g}: expected a number above 0.")
    if publish:
        need_no_own("--publish")
    root = find_clone("reproduce score --publish") if publish else None
    request = Request(
        predictions=predictions,
        references=reference,
        dataset=dataset,
        data=_data(dataset, data),
        split=split,
        options=_options(set_ or []),
        profile=profile,
        metrics=tuple(metric or ()),
        labels=_labels(label or []),
        classes=tuple(class_ or ()),
        pattern=pattern,
        key=key,
        kind="probability" if kind == "probability" else "label",
        threshold=threshold,
        scale=scale,
        spacing_mm=() if spacing is None else lengths(spacing, "--spacing"),
        groups=groups,
        resample="nearest" if resample else None,
        allow_missing=allow_missing,
        project=claim.partition("/")[0] if claim else "predictions",
        claim=claim,
        command=shlex.join(["sam4mis", *_without_places(sys.argv[1:], (profile, claim))]),
    )
    if dataset is None:
        _leave_out(predictions)
    result, statistics = score_predictions(request, on_case=_progress)
    _progress("", end="\r")
    _say(request, result)
    if json_:
        as_json(to_builtins(result))
    else:
        _table(result)
    if result.reason:
        say(f"{result.reason}.")
    if csv_ is not None:
        _write_csv(csv_, request, result, statistics)
    if html is not None:
        _write_html(html, result)
    if root is not None and not dry_run:
        target = write_result(root / RESULTS, result, statistics)
        say(f"Written to {RESULTS}/{target.name}.")
    elif publish:
        say(f"Nothing was written (--dry-run); it would be reproduce/results/{result.run}.")
    elif request.references is None:
        say("Nothing was written; --publish keeps it in reproduce/results.")


def _leave_out(folder: Path) -> None:
    """Keep out of this command what libraries import wherever it is installed and scoring asks
    nothing of: pandas by pyarrow, pydicom by nibabel (both together a third of the command)."""
    from reproduce.ground.lean import left_out

    with left_out("pandas"):
        import pyarrow as pa

        pa.array([])  # it looks once
    if next(folder.glob("*.nii*"), None):
        with left_out("pydicom"):
            import nibabel.nifti1  # noqa: F401


def _without_places(arguments: list[str], kept: tuple[str | None, ...]) -> list[str]:
    """The arguments with the names of files only: a record says nothing of a machine's folders.

    kept  names with a slash that are no places
    """
    found = []
    for argument in arguments:
        option, _, value = argument.rpartition("=")
        place = "/" in value and value not in kept
        found.append((f"{option}=" * bool(option) + Path(value).name) if place else argument)
    return found


def _data(dataset: str | None, given: Path | None) -> Path | None:
    """The folder of a data set: as given, or where it was fetched to."""
    from catalog.errors import UsageError
    from reproduce.cli.common import need_folder
    from reproduce.ground.places import data_folder
    from reproduce.ground.plugins import plugin
    from reproduce.obtaining.datasets import can_fetch

    if dataset is None:
        if given is not None:
            raise UsageError("--data: say which data set it is with --dataset, such as folder.")
        return None
    wanted = plugin("datasets", dataset)  # a name that is not there is told first
    place = data_folder(dataset, given)
    if place is None:
        fetched = f", or fetch it: sam4mis reproduce fetch-data {dataset}" * can_fetch(wanted)
        raise UsageError(f"--data: say where the data set {dataset} lies on this machine{fetched}.")
    need_folder("--data", place)
    return place


def _say(request: Request, result: Result) -> None:
    """What was scored, how files were paired, and which measures were left out."""
    from catalog.cli.output import counted, say
    from reproduce.predictions.truths import split_used

    cases = counted(len({score.case for score in result.cases}), "case")
    of = f"{request.references}"
    if request.dataset:
        used, others = split_used(request)
        first = f" (the first; --split takes {', '.join(others)} as well)"
        of = f"{request.dataset}, split {used}{first if others and not request.split else ''}"
    say(f"{cases} of {of}; counted in {result.protocol['counted_in']}.")
    if "scale" in result.protocol:
        say(f"Probability maps go from 0 to {result.protocol['scale']:g}.")
    if (pairing := result.inputs["pairing"]) != "same names":
        say(f"Paired {pairing}.")
    methods = {m.interval.method for m in result.measurements if m.interval}
    if methods:
        say(f"Intervals: {'; '.join(sorted(methods))}.")
    for name, reason in result.protocol["not_measured"].items():
        say(f"Not measured: {name}: {reason}")


def _write_csv(path: Path, request: Request, result: Result, statistics: Any) -> None:
    from catalog.cli.output import say
    from catalog.files import write_whole
    from reproduce.predictions.groups import Groups, read_groups
    from reproduce.predictions.report import cases_csv

    ids = [score.case for score in result.cases]
    groups = read_groups(request.groups, ids) if request.groups else Groups()
    write_whole(path, cases_csv(result, statistics, groups).encode())
    say(f"Scores of every case: {path}.")


def _write_html(path: Path, result: Result) -> None:
    from catalog.cli.output import say
    from catalog.files import write_whole
    from reproduce.predictions.page import scores_page

    notes = [f"{name}: {why}" for name, why in result.protocol["not_measured"].items()]
    notes += [f"{result.reason}."] if result.reason else []
    lead = "Existing predictions, scored as they are. Research software, not for clinical use."
    page = scores_page(result.title, lead, {"predictions": result.measurements}, notes=notes)
    write_whole(path, page.encode())
    say(f"The scores as a page: {path}.")


def _table(result: Result) -> None:
    """One row a measure; of several classes, one row each below it."""
    from catalog.metrics import counted_over, is_length
    from reproduce.cli.common import percent, table

    columns = ("metric", "profile", "value", "%", "% without missing", "95 % interval", "mean over")
    rows: list[tuple[Any, ...]] = []
    for m in result.measurements:
        between = None
        if m.interval is not None:
            between = f"{m.interval.low:.4f} to {m.interval.high:.4f}"
        name = " ".join([m.metric, *(f"{k}={v}" for k, v in m.subgroup.items())])
        lines = [(name, m.value, m.value_complete_cases, between, counted_over(m))]
        if len(m.per_label) > 1:
            lines += [(f"{name} {label}", v, v, None, "") for label, v in m.per_label.items()]
        for line, value, complete, *rest in lines:
            shares = [None if is_length(m.metric) else percent(v) for v in (value, complete)]
            rows.append((line, m.metric_profile, _shown(value), *shares, *rest))
    table(result.title, columns, rows)


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _progress(case: str, end: str = "") -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{case:<40}{end}", nl=False, err=True)


def _labels(pairs: list[str]) -> dict[str, str]:
    """`1=liver`, or the label of a DICOM segment for the number."""
    from catalog.errors import UsageError

    found: dict[str, str] = {}
    for pair in pairs:
        number, equals, name = pair.partition("=")
        if not equals or not number.strip() or not name.strip():
            raise UsageError(f"--label {pair}: expected a number and a class, such as 1=liver.")
        found[number.strip()] = name.strip()
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
