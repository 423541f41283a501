"""A released model on one's own images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sam4mis.beginning import begin, told_in

if TYPE_CHECKING:
    from reproduce.predicting.job import CaseRecord


#: options of the command line that messages of the core name -> arguments here
_ARGUMENTS = {
    f"--{name}": name
    for name in (
        *("images", "out", "boxes", "points", "masks", "text", "prompts", "weights"),
        *("checkpoint", "modality", "window", "device", "precision"),
    )
} | {"--allow-prompt": "allow_prompts", "--set": "options", "--spacing": "spacing_mm"}


@dataclass(frozen=True, slots=True)
class Predictions:
    """What came of a folder of images; everything lies in `out`.

    out
        The folder of masks, overlays, a table, a page and `predict.json`.
    cases
        One record for each case: `case`, `status` ("done", "partial" or "failed"), `problems`,
        `notes`, `masks` and `overlay` (files below `out`), `objects` (what was found, measured),
        `shape`, `spacing_mm`, `seconds`.
    problems
        Prompts that belong to no image, in words.
    about
        What made the answers: weights by hash, protocol, environment.
    """

    out: Path
    cases: list[CaseRecord]
    problems: list[str]
    about: dict[str, Any]

    @property
    def done(self) -> bool:
        """Whether every case is done and every prompt was used."""
        return not self.problems and all(case.status == "done" for case in self.cases)


def predict(
    project: str,
    images: str | Path,
    out: str | Path,
    *,
    boxes: str | Path | None = None,
    points: str | Path | None = None,
    masks: str | Path | None = None,
    text: str | Sequence[str] = (),
    prompts: str | None = None,
    allow_prompts: Sequence[str] = (),
    weights: str | None = None,
    checkpoint: str | Path | Sequence[str | Path] = (),
    options: Mapping[str, Any] | None = None,
    modality: str | None = None,
    video: bool = False,
    window: tuple[float, float] | None = None,
    spacing_mm: float | tuple[float, float] | None = None,
    threshold: float = 0.5,
    device: str | None = None,
    precision: Literal["float32", "bfloat16", "float16"] = "float32",
    on_case: Callable[[CaseRecord], None] | None = None,
) -> Predictions:
    """Run a released model on a folder of images: masks on their grid, overlays, a table.

    Research software, not for clinical use. Nothing leaves this machine; weights that are missing
    are downloaded and held to their hash. The same call goes on where an earlier one stopped.

    project
        A code release (`load().models(runs=True)`), or an adapter with `checkpoint`.
    images
        Folder of pictures, volumes or DICOM series.
    out
        Folder for what is written.
    boxes
        CSV (image, x0, y0, x1, y1, and label, z, object where needed), COCO JSON, or a folder of
        masks. x is the column, y the row, in pixels of the file, counted from 0.
    points
        CSV (image, x, y, and label, z, positive), or a folder of masks.
    masks
        Folder of masks that the model is shown.
    text
        Words, one class each. Give one of boxes, points, masks and text, as the model asks.
    prompts
        Prompt profile that makes prompts of a folder of masks.
    allow_prompts
        Kinds of prompts that the weights weren't trained for.
    weights
        Which of the project's weights, by id.
    checkpoint
        Weights files of your own.
    options
        Options of the adapter.
    modality
        Of your images, to be warned where the model knows others.
    video
        Each folder of pictures is a video.
    window
        The two values that become black and white, for CT and the like.
    spacing_mm
        Size of a pixel of pictures: one for both axes, or rows and columns.
    threshold
        Probability above which a pixel belongs to an object.
    device
        "cpu", "cuda", "cuda:1" or "mps"; None: a GPU where there is one.
    precision
        Of the model.
    on_case
        Called with each record as soon as it is there.

    A case that fails ends no other: its record says why. Raises `Sam4misError` where nothing can
    be begun: no such model, weights that are not the released ones, prompts of a wrong kind.
    """
    begin("predict")
    from reproduce.predicting.folder import Asked, job_of, made_ready, predicted

    given = [checkpoint] if isinstance(checkpoint, str | Path) else checkpoint
    asked = Asked(
        target=project,
        images=Path(images),
        out=Path(out),
        checkpoints=tuple(Path(path) for path in given),
        weights=weights,
        boxes=_path(boxes),
        points=_path(points),
        masks=_path(masks),
        text=(text,) if isinstance(text, str) else tuple(text),
        prompts=prompts,
        allow_prompts=tuple(allow_prompts),
        modality=modality,
        video=video,
        window=_listed(window),
        spacing_mm=_listed(spacing_mm),
        threshold=threshold,
        options=dict(options or {}),
        device=device,
        precision=precision,
    )
    with told_in(_ARGUMENTS):
        ready = made_ready(asked)
        job = job_of(asked, ready)
    found = predicted(asked, ready, job, lambda record, _: on_case(record) if on_case else None)
    return Predictions(Path(out), found.records, found.problems, found.about)


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


def _listed(given: float | tuple[float, float] | None) -> str | None:
    if given is None or isinstance(given, int | float):
        return None if given is None else f"{given:g}"
    return ",".join(f"{value!r}" for value in given)
