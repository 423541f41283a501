"""A model on a folder of images, from what was asked to what is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import msgspec

from catalog.cli.output import say
from catalog.errors import PrerequisiteError, UsageError
from catalog.registry import Registry, find_root
from reproduce.contracts import Adapter, PromptKind
from reproduce.ground.provenance import environment, now, settle
from reproduce.ground.quantities import lengths, two_numbers
from reproduce.predicting import NOTICE, report
from reproduce.predicting.asking import source_of
from reproduce.predicting.before import Said, need_space, said
from reproduce.predicting.chosen import Chosen, choose, files_of, inputs_of, spec_of
from reproduce.predicting.given import Source
from reproduce.predicting.images import Found, OwnImages, channels_option, look
from reproduce.predicting.job import CaseRecord, Job
from reproduce.runs.spec import PRECISIONS


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a model about a folder of images, as it was said and not yet interpreted.

    options     of the adapter, by name
    window      two numbers, the lower first: `-160,240`
    spacing_mm  of pictures: one number, or rows and columns: `0.5` or `0.5,0.4`
    """

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
    spacing_mm: str | None = None
    channels: str = "0"
    threshold: float = 0.5
    options: Mapping[str, Any] = field(default_factory=dict)
    device: str | None = None
    precision: str = "float32"
    precision_chosen_by: dict[str, Any] | None = None  # what was measured for `auto`
    nifti: bool = False
    keep_patient: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """What was asked comes to this, before anything is fetched or asked."""

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


def made_ready(asked: Asked) -> Ready:
    """Choose the model, look at the images and prompts. Raises as the command does."""
    if asked.precision not in (*PRECISIONS, "auto"):
        raise UsageError(
            f"--precision {asked.precision}: expected one of {', '.join(PRECISIONS)}, auto."
        )
    registry = Registry.load(find_root())
    chosen = choose(registry, asked.target, asked.weights, asked.checkpoints, asked.options)
    found = look(asked.images, asked.video)
    source = source_of(
        chosen,
        found.cases,
        _prompted(asked),
        asked.prompts,
        cast("tuple[PromptKind, ...]", asked.allow_prompts),
    )
    told = said(chosen, registry, registry.results, found, asked.modality)
    device = device_of(asked.device)
    need_space(asked.out, told.out_needs_bytes)
    return Ready(chosen, found, source, told, device)


def predicted(
    asked: Asked, ready: Ready, job: Job, on_case: Callable[[CaseRecord, bool], None]
) -> Predicted:
    """Ask about every case and write what it answers; `on_case` hears of each, and whether it was
    finished before."""
    records = job.work(ready.found.cases, on_case)
    records += [
        CaseRecord(case=name, mark="", status="failed", problems=[why])
        for name, why in sorted(ready.found.unread.items())
    ]
    about = _about(asked, ready, job)
    report.write_all(asked.out, about, records)
    return Predicted(about, records, list(ready.source.problems))


def with_precision(asked: Asked, ready: Ready) -> Asked:
    """`--precision auto` as what is quickest here, with what was measured; models of volumes and
    video run in float32."""
    if asked.precision != "auto":
        return asked
    if ready.chosen.adapter.dimensionality == "3d" or asked.video:
        say("precision float32: models of volumes and video run in no other")
        return replace(asked, precision="float32")
    from reproduce.models.quickest import quickest

    probe = quickest(ready.device)
    say(probe.words())
    measured = msgspec.to_builtins(probe)
    return replace(asked, precision=probe.chosen, precision_chosen_by=measured)


def _listed(text: Sequence[str]) -> Sequence[str] | Path | None:
    """Words for all images, or the file that has words for each of them."""
    if len(text) == 1 and Path(text[0]).suffix.lower() in (".csv", ".json"):
        return Path(text[0])
    return text or None


def _prompted(asked: Asked) -> tuple[PromptKind, Any] | None:
    """The kind of prompts and where they come from; None: there are none. Raises `UsageError` for
    several."""
    given: list[tuple[PromptKind, str, Any]] = [
        ("box", "--boxes", asked.boxes),
        ("point", "--points", asked.points),
        ("mask", "--masks", asked.masks),
        ("text", "--text", _listed(asked.text)),
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


def job_of(asked: Asked, ready: Ready) -> Job:
    """Fetch the weights; what is asked, by content."""
    chosen, source, device = ready.chosen, ready.source, ready.device
    files = files_of(chosen)
    settle(device, None)
    spec = spec_of(
        chosen,
        source.profile,
        device,
        checkpoints=inputs_of(chosen, files),
        dataset_options=_options(asked, chosen.adapter),
        precision=asked.precision,
    )
    return Job(
        spec=spec,
        files=files,
        data=OwnImages(asked.video),
        source=source,
        out=asked.out,
        device=device,
        threshold=asked.threshold,
        nifti=asked.nifti,
        keep_patient=asked.keep_patient,
    )


def _options(asked: Asked, adapter: Adapter) -> dict[str, Any]:
    """How images are read for this model."""
    found: dict[str, Any] = {"channels": channels_option(asked.channels)}
    if adapter.values == "stored":
        found["values"] = "stored"
    if asked.window is not None:
        found["window"] = list(two_numbers(asked.window, "--window"))
    if asked.spacing_mm is not None:
        sizes = lengths(asked.spacing_mm, "--spacing")
        if len(sizes) > 2:
            raise UsageError(f"--spacing {asked.spacing_mm}: pictures have rows and columns.")
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


def _about(asked: Asked, ready: Ready, job: Job) -> dict[str, Any]:
    """The head of `predict.json`: what made the answers. Paths of this machine stay out of it."""
    said = _listed(asked.text)
    given = next(
        (p.name for p in (asked.boxes, asked.points, asked.masks, said) if isinstance(p, Path)),
        ", ".join(asked.text),
    )
    source = ready.source
    profile = source.profile
    return {
        "schema": "predict/1",
        "notice": NOTICE,
        "said": msgspec.to_builtins(ready.told),
        "weights": {
            item.id: f"{item.sha256} ({item.identity or 'not recorded'})"
            for item in job.spec.checkpoints
        },
        "prompts": f"{profile.name}: {given}" if profile else "none",
        "labels": dict(job.numbers),
        "protocol": msgspec.to_builtins(job.spec),
        "threshold": asked.threshold,
        "device": ready.device,
        "environment": environment(ready.device, asked.precision),
        "precision_chosen_by": asked.precision_chosen_by,
        "created": now(),
        "problems": list(source.problems),
    }
