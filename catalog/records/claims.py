"""Printed numbers and the protocols they were got by, as people write them in `projects/`."""

from __future__ import annotations

import datetime
from typing import Any, ClassVar, Literal

from msgspec import field

from catalog.records.scalars import Record, Slug


class Note(Record, kw_only=True):
    """One plain fact with its place: upstream issue, file and line, page."""

    text: str
    ref: str | None = None  # owner/name#123
    repository: str | None = None  # owner/name; None: the project's own
    file: str | None = None
    line: str | None = None
    commit: str | None = None


class ProtocolCard(Record, kw_only=True):
    """What the project's own evaluation code really computes, read at `commit`."""

    commit: str | None = None
    eval_script: str | None = None
    metric_code: str | None = None  # file:line
    prompt: str | None = None
    threshold: str | None = None
    empty_cases: str | None = None
    aggregation: str | None = None
    resolution: str | None = None
    mask_selection: str | None = None
    convention: str | None = None  # the reading in full
    conventions: list[str] = field(default_factory=list)  # codes for comparing cards
    traps: list[Note] = field(default_factory=list)


class DatasetUse(Record, kw_only=True):
    """A dataset as a project uses it."""

    name: str
    id: str | None = None
    url: str | None = None
    split: str | None = None
    n_test: int | None = None
    note: str | None = None


Evidence = Literal["stated", "from-code", "author-reply", "inferred", "unknown"]


class ProtocolField(Record, kw_only=True):
    """One convention behind a claim, and how it is known. Unknown has value None."""

    value: str | float | int | bool | None = None
    evidence: Evidence = "unknown"
    place: str | None = None


class Protocol(Record, kw_only=True):
    """Everything between a checkpoint and a number. What is left out is unknown."""

    metric_profile: ProtocolField = field(default_factory=ProtocolField)
    prompt_profile: ProtocolField = field(default_factory=ProtocolField)
    preprocessing: ProtocolField = field(default_factory=ProtocolField)
    grid: ProtocolField = field(default_factory=ProtocolField)
    mask_selection: ProtocolField = field(default_factory=ProtocolField)
    threshold: ProtocolField = field(default_factory=ProtocolField)
    postprocessing: ProtocolField = field(default_factory=ProtocolField)
    precision: ProtocolField = field(default_factory=ProtocolField)


class ClaimSource(Record, kw_only=True):
    """Where the number is printed."""

    doi: str | None = None
    arxiv: str | None = None
    version: str | None = None
    place: str | None = None  # Table 2, README, abstract, log file
    row: str | None = None
    column: str | None = None
    page: str | None = None
    url: str | None = None
    transcribed_from: str | None = None


class Dispersion(Record, kw_only=True):
    """Spread printed beside a value, e.g. an SD over cases."""

    kind: str
    over: str | None = None
    value: float


class Counts(Record, kw_only=True):
    """How many of each thing the printed number rests on."""

    cases: int | None = None
    images: int | None = None
    masks: int | None = None
    classes: int | None = None
    seeds: int | None = None


ClaimState = Literal[
    "reproduced",
    "lower",
    "higher",
    "inconclusive",
    "not-comparable",
    "blocked",
    "not-attempted",
]
BlockReason = Literal[
    "no-checkpoint",
    "dead-link",
    "gated-data",
    "private-data",
    "licence",
    "protocol-unknown",
    "unsafe-checkpoint",
    "hardware",
    "manual-download",
    "trained-on-test",
    "no-adapter",
    "no-protocol",
    "no-support",
]


class Dispute(Record, kw_only=True):
    """An author's objection or counter-evidence: a record beside the verdict, never its edit."""

    by: str
    date: str
    text: str
    url: str | None = None
    counter_value: float | None = None


class RunOptions(Record, kw_only=True):
    """What `reproduce run` needs beside the protocol to run a claim; all of it has a default.

    What of it makes the number (`DECIDING`) is a convention like those of the protocol: `evidence`
    says how it is known, of several the weakest, and `place` where it was read.
    """

    DECIDING: ClassVar[tuple[str, ...]] = ("adapter", "dataset", "labels", "checkpoints", "seeds")

    adapter: dict[str, Any] = field(default_factory=dict)  # options of the adapter that differ
    dataset: dict[str, Any] = field(default_factory=dict)  # options of the dataset plugin
    dataset_plugin: str | None = None  # None: the plugin called like `Claim.dataset`
    checkpoints: list[str] | None = None  # part files in the order they are laid over each other
    labels: dict[str, str] = field(default_factory=dict)  # model's class name -> dataset's
    thresholds: list[float] = field(default_factory=list)  # counted beside the protocol's own
    score_bins: int | None = None  # bins of the score histograms; None: none
    surfaces: list[str] = field(default_factory=list)  # surface definitions, e.g. surfel/header/3d
    seeds: list[int] | None = None  # None: 0, or 0-4 where prompts are random
    evidence: Evidence = "unknown"
    place: str | None = None


OWN = "own"


class NoNumbers(Record, kw_only=True):
    """A search for numbers that a project printed about its own released weights; it found none.

    looked  where: file, page, table or index, each in words that lead there
    seen    what was there instead (a picture, another metric, a number quoted by others)
    """

    looked: list[str]
    seen: str | None = None


class Claim(Record, kw_only=True):
    """A printed number and every convention behind it.

    `state` here is only what a person can know without a run (`not-attempted`, or `blocked` with
    its `reason`); every other state comes from `reproduce/results/verdicts.json`.
    """

    id: Slug
    metric: str
    value: float
    scale: Literal[1, 100]
    decimals: int
    source: ClaimSource
    protocol: Protocol
    unit: Literal["mm", "voxels", "px"] | None = None  # of a distance; None: not stated
    # "own": by the project it is about; else the work or project that printed it; None: not known
    printed_by: Slug | None = None
    checkpoint: str | None = None
    dataset: str | None = None
    set: str | None = None  # which one, where `dataset` is a collection of several
    split: str | None = None
    split_source: Literal["released", "described", "unknown"] = "unknown"
    label: str | None = None  # class the number is for; None: over all
    n: Counts = field(default_factory=Counts)
    dispersion: Dispersion | None = None
    training_overlap: Literal["yes", "no", "unknown"] = "unknown"
    evidence_level: Literal["reported", "author-confirmed"] = "reported"
    verifiable: bool = True  # False: abstract or third party, no protocol
    run: RunOptions | None = None
    state: Literal["not-attempted", "blocked"] = "not-attempted"
    reason: BlockReason | None = None
    state_note: str | None = None
    disputes: list[Dispute] = field(default_factory=list)
    # when its authors were told that released weights give less; 14 days later that is published
    told: datetime.date | None = None
    note: str | None = None

    @property
    def fraction(self) -> float:
        """The printed value as a fraction."""
        return self.value / self.scale

    @property
    def own(self) -> bool:
        """Whether the project it is about printed it; another's number is no claim of theirs."""
        return self.printed_by == OWN
