"""What `sam4mis reproduce predict` does: choose, look, tell, ask, write."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import msgspec

from catalog.cli.output import counted, say, sheet
from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.registry import Registry, find_root
from reproduce.cli.arguments import PRECISIONS, pairs
from reproduce.cli.common import as_json, place_of, table
from reproduce.contracts import Adapter, PromptKind
from reproduce.ground.progress import progress
from reproduce.ground.provenance import environment, settle
from reproduce.ground.quantities import lengths, two_numbers
from reproduce.predicting import NOTICE, report
from reproduce.predicting.asking import source_of
from reproduce.predicting.before import Said, need_space, said
from reproduce.predicting.chosen import Chosen, choose, files_of, inputs_of
from reproduce.predicting.given import Source
from reproduce.predicting.images import Found, OwnImages, channels_option, look
from reproduce.predicting.job import CaseRecord, Job
from reproduce.runs.spec import RunSpec, kind_of


@dataclass(frozen=True, slots=True)
class Arguments:
    """The command line of `predict`, parsed but not interpreted."""

    target: str
    images: Path
    out: Path
    checkpoints: tuple[Path, ...] = ()
    weights: str | None = None
    boxes: Path | None = None
    points: Path | None = None
    masks: Path | None = None
    text: tuple[str, ...] = ()
    prompts: str | None = None
    allow_prompts: tuple[str, ...] = ()
    modality: str | None = None
    video: bool = False
    window: str | None = None
    spacing: str | None = None
    channels: str = "0"
    threshold: float = 0.5
    settings: tuple[str, ...] = ()
    device: str | None = None
    precision: str = "float32"
    precision_chosen_by: dict[str, Any] | None = None  # what was measured for `auto`
    nifti: bool = False
    keep_patient: bool = False
    dry_run: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """What the arguments come to, before anything is fetched or asked."""

    chosen: Chosen
    found: Found
    source: Source
    told: Said
    device: str


@dataclass(frozen=True, slots=True)
class Predicted:
    """What came of a folder. about: the head of `predict.json`; problems: of the prompts."""

    about: dict[str, Any]
    records: list[CaseRecord]
    problems: list[str]


def made_ready(arguments: Arguments) -> Ready:
    """Choose the model, look at the images and prompts. Raises as the command does."""
    if arguments.precision not in (*PRECISIONS, "auto"):
        raise UsageError(
            f"--precision {arguments.precision}: expected one of {', '.join(PRECISIONS)}, auto."
        )
    registry = Registry.load(find_root())
    settings = pairs(arguments.settings, "--set")
    chosen = choose(registry, arguments.target, arguments.weights, arguments.checkpoints, settings)
    found = look(arguments.images, arguments.video)
    source = source_of(
        chosen,
        found.cases,
        _prompted(arguments),
        arguments.prompts,
        cast("tuple[PromptKind, ...]", arguments.allow_prompts),
    )
    told = said(chosen, registry, registry.results, found, arguments.modality)
    device = device_of(arguments.device)
    need_space(arguments.out, told.out_needs_bytes)
    return Ready(chosen, found, source, told, device)


def predicted(
    arguments: Arguments, ready: Ready, job: Job, on_case: Callable[[CaseRecord, bool], None]
) -> Predicted:
    """Ask about every case and write what it answers; `on_case` hears of each, and whether it was
    finished before."""
    records = job.work(ready.found.cases, on_case)
    records += [
        CaseRecord(case=name, mark="", status="failed", problems=[why])
        for name, why in sorted(ready.found.unread.items())
    ]
    about = _about(arguments, ready.chosen, ready.source, job, ready.told, ready.device)
    report.write_all(arguments.out, about, records)
    return Predicted(about, records, list(ready.source.problems))


def predict_command(arguments: Arguments) -> None:
    """Predict every case of a folder. Raises `InputError` at the end where some are not done."""
    ready = made_ready(arguments)
    if not arguments.json:
        tell(ready.told, arguments)
    if arguments.dry_run:
        if arguments.json:
            as_json(ready.told)
        return
    arguments = with_precision(arguments, ready)
    job = job_of(arguments, ready)
    with progress(f"{arguments.target}", len(ready.found.cases), quiet=False) as bar:
        again = 0

        def on_case(record: CaseRecord, before: bool) -> None:
            nonlocal again
            again += before
            bar.advance()
            if record.status != "done":
                say(f"{record.case}: {record.status}: {'; '.join(record.problems)}")

        try:
            done = predicted(arguments, ready, job, on_case)
        except KeyboardInterrupt:
            say(f"\nstopped; finished cases are in {arguments.out}, the same command goes on")
            raise
    records = done.records
    if again:
        say(f"{counted(again, 'case')} of {len(records)} finished before; not asked again.")
    if arguments.json:
        as_json({**done.about, "cases": records})
    else:
        columns = report.COLUMNS[:7]
        table(f"{ready.told.model}: {NOTICE}", columns, [row[:7] for row in report.rows(records)])
    say(f"{place_of(arguments.out)}: masks/, overlays/, {report.TABLE}, {report.PAGE}. {NOTICE}")
    _finish(records, done.problems)


def with_precision(arguments: Arguments, ready: Ready) -> Arguments:
    """`--precision auto` as what is quickest here, with what was measured; models of volumes and
    video run in float32."""
    if arguments.precision != "auto":
        return arguments
    if ready.chosen.adapter.dimensionality == "3d" or arguments.video:
        say("precision float32: models of volumes and video run in no other")
        return replace(arguments, precision="float32")
    from reproduce.models.quickest import quickest

    probe = quickest(ready.device)
    say(probe.words())
    measured = msgspec.to_builtins(probe)
    return replace(arguments, precision=probe.chosen, precision_chosen_by=measured)


def _finish(records: Sequence[CaseRecord], problems: Sequence[str]) -> None:
    """Raise `InputError` where anything that was asked for is not there."""
    bad = [record for record in records if record.status != "done"]
    if not bad and not problems:
        return
    lines = [f"{len(bad)} of {len(records)} cases are not, or not wholly, done:"] if bad else []
    lines += [f"  {r.case} ({r.status}): {'; '.join(r.problems)}" for r in bad]
    raise InputError("\n".join([*problems, *lines]))


def _prompted(arguments: Arguments) -> tuple[PromptKind, Any] | None:
    """The kind of prompts and where they come from; None: there are none. Raises `UsageError` for
    several."""
    given: list[tuple[PromptKind, str, Any]] = [
        ("box", "--boxes", arguments.boxes),
        ("point", "--points", arguments.points),
        ("mask", "--masks", arguments.masks),
        ("text", "--text", arguments.text or None),
    ]
    there = [item for item in given if item[2] is not None]
    if len(there) > 1:
        raise UsageError(f"{' and '.join(name for _, name, _ in there)}: give one of them.")
    if not there:
        return None
    kind, name, value = there[0]
    if isinstance(value, Path) and not value.exists():
        raise PrerequisiteError(f"{name} {value}: no such file or folder on this machine.")
    return kind, value


def job_of(arguments: Arguments, ready: Ready) -> Job:
    """Fetch the weights; what is asked, by content."""
    chosen, source, device = ready.chosen, ready.source, ready.device
    adapter = chosen.adapter
    files = files_of(chosen)
    settle(device, None)
    profile = source.profile
    spec = RunSpec(
        kind="predict",
        project=chosen.project.slug,
        title=f"{chosen.project.name} on own images",
        claims=[],
        checkpoints=inputs_of(chosen, files),
        cases=[],
        prompt_sha256=None,
        adapter=adapter.name,
        adapter_version=adapter.version,
        adapter_options=dict(chosen.options),
        dataset=OwnImages.name,
        dataset_version=OwnImages.version,
        dataset_options=_options(arguments, adapter),
        split="all",
        prompt_profile=f"{profile.name}/{profile.version}" if profile else None,
        seeds=[0],
        rounds=1,
        grid="original",
        objects="separate",
        labels=dict(chosen.labels),
        precision=arguments.precision,
        device=kind_of(device),
    )
    return Job(
        spec=spec,
        files=files,
        data=OwnImages(arguments.video),
        source=source,
        out=arguments.out,
        device=device,
        threshold=arguments.threshold,
        nifti=arguments.nifti,
        keep_patient=arguments.keep_patient,
    )


def _options(arguments: Arguments, adapter: Adapter) -> dict[str, Any]:
    """How images are read for this model."""
    found: dict[str, Any] = {"channels": channels_option(arguments.channels)}
    if adapter.values == "stored":
        found["values"] = "stored"
    if arguments.window is not None:
        found["window"] = list(two_numbers(arguments.window, "--window"))
    if arguments.spacing is not None:
        sizes = lengths(arguments.spacing, "--spacing")
        if len(sizes) > 2:
            raise UsageError(f"--spacing {arguments.spacing}: pictures have rows and columns.")
        found["spacing_mm"] = list(sizes * 2 if len(sizes) == 1 else sizes)
    return found


def device_of(asked: str | None) -> str:
    """Where the model runs; None: a GPU where there is one. Raises `PrerequisiteError` for one that
    is not there."""
    import torch

    mps = torch.backends.mps.is_available()
    if asked is None:
        return "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
    kind, _, number = asked.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (number and not number.isdecimal()):
        raise UsageError(f"--device {asked}: expected cpu, cuda, cuda:<number> or mps.")
    here = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(mps)}[kind]
    if int(number or 0) >= here:
        raise PrerequisiteError(
            f"--device {asked}: this machine has {here} of that kind. Use --device cpu."
        )
    return asked


def tell(told: Said, arguments: Arguments) -> None:
    """What a person is told before: on a terminal and in a pipe, on standard error unless nothing
    else follows."""
    rows = [
        ("model", told.model),
        ("adapter", told.adapter),
        *((f"weights {name}", how) for name, how in told.weights.items()),
        *([("other weights", " or ".join(told.other_weights[:8]))] if told.other_weights else []),
        ("options", f"as in {told.options_of}" if told.options_of else "the adapter's own"),
        ("memory", told.memory),
        ("time", told.time),
        ("images", ", ".join(f"{n} {kind}" for kind, n in told.kinds.items()) or "none"),
    ]
    sections = [
        (NOTICE, rows),
        ("licence", [*told.licences, ("commercial use of the weights", told.use)]),
        ("trained on", [(k, ", ".join(v) or "not recorded") for k, v in told.trained.items()]),
        ("may not fit", [("warning", text) for text in told.warnings]),
    ]
    if arguments.dry_run:
        sheet("Nothing was done (--dry-run). The command would do this:", sections)
        return
    for name, lines in sections:
        say(name)
        for field, value in lines:
            say(f"  {field}: {value}")


def _about(
    arguments: Arguments,
    chosen: Chosen,
    source: Source,
    job: Job,
    told: Said,
    device: str,
) -> dict[str, Any]:
    """The head of `predict.json`: what made the answers. Paths of this machine stay out of it."""
    given = next(
        (p.name for p in (arguments.boxes, arguments.points, arguments.masks) if p is not None),
        ", ".join(arguments.text),
    )
    profile = source.profile
    return {
        "schema": "predict/1",
        "notice": NOTICE,
        "said": msgspec.to_builtins(told),
        "weights": {
            item.id: f"{item.sha256} ({item.identity or 'not recorded'})"
            for item in job.spec.checkpoints
        },
        "prompts": f"{profile.name}: {given}" if profile else "none",
        "labels": dict(job.numbers),
        "protocol": msgspec.to_builtins(job.spec),
        "threshold": arguments.threshold,
        "device": device,
        "environment": environment(device, arguments.precision),
        "precision_chosen_by": arguments.precision_chosen_by,
        "created": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "problems": list(source.problems),
    }
