"""What to score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Resample = Literal["nearest"]


@dataclass(frozen=True, slots=True)
class Request:
    """What to score, against what, and how. Either `references` or `dataset` and `data` is given.

    dataset, data  a data set plugin and its folder, with `split` (None: its first) and `options`
    references     folder of reference masks; no images are needed
    metrics        of the profile; (): all of them that these files allow
    labels         class map of the predictions (`reproduce.readers.classes`), and of `references`;
                   {}: what labels.json or dataset.json beside the files says, else the numbers
    classes        only these; (): all that the reference has
    pattern        file name with `{case}`, where names have more in them than the case
    key            array of npz files
    kind           label numbers, or a probability map of one class
    threshold      of probabilities; None: the profile's, else 0.5
    scale          what stands for certainty in probability maps; None: looked at in all of them
    spacing_mm     size of a pixel in array order (or one for all axes), for files that have none
    groups         CSV of patients and groups of cases (`reproduce.predictions.groups`)
    resample       None: another grid is an error; nearest: bring predictions to the reference's
    allow_missing  a case without a file is scored 0 and left out (both are shown), not an error
    """

    predictions: Path
    dataset: str | None = None
    data: Path | None = None
    references: Path | None = None
    split: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    profile: str = "house/1"
    metrics: tuple[str, ...] = ()
    labels: Mapping[Any, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    pattern: str | None = None
    key: str | None = None
    kind: Literal["label", "probability"] = "label"
    threshold: float | None = None
    scale: float | None = None
    spacing_mm: tuple[float, ...] = ()
    groups: Path | None = None
    resample: Resample | None = None
    allow_missing: bool = False
    project: str = "predictions"
    claim: str | None = None
    title: str | None = None
    command: str = ""
