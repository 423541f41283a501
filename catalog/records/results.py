"""What machines write: results, measurements, verdicts (`reproduce/results/`)."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import field

from catalog.records.claims import ClaimState
from catalog.records.scalars import Count, InnerFile, Record, Sha256, Slug, Who


class Check(Record, kw_only=True):
    """A gate that was tried while running."""

    name: str  # exact-keys, all-cases, batch-parity, deterministic-rerun, fidelity ...
    passed: bool
    detail: str = ""
    value: float | None = None


class Counted(Record, kw_only=True):
    """Over how many values a mean is a mean; `catalog.metrics.counted_over` says it in words."""

    of: str  # what one value is of: case, mask (a class of a case), slice ..., or `pooled case`
    averaged: int  # values in the mean
    missing: int = 0  # of them, how many had no prediction and count as the profile says (0)
    left_out: dict[str, int] = field(default_factory=dict)  # why -> values without a number


class Interval(Record, kw_only=True):
    """Between which values a mean lies with probability `level`, were the cases drawn again."""

    low: float
    high: float
    level: float
    method: str  # how it was made, and of how many patients or cases


class Measurement(Record, kw_only=True):
    """One number computed from the statistics of a run under one metric profile."""

    metric: str
    metric_profile: str  # name/version
    value: float | None  # fraction; None: undefined under this profile
    value_complete_cases: float | None = None  # missing cases left out instead of scored 0
    n_cases: Count = 0
    counted: Counted | None = None  # None: recorded before this was
    interval: Interval | None = None  # None: not made
    claim: str | None = None
    label: str | None = None
    subgroup: dict[str, str] = field(default_factory=dict)  # only cases with this, column -> value
    threshold: float | None = None
    mask_selection: str | None = None
    per_label: dict[str, float | None] = field(default_factory=dict)
    per_seed: dict[str, float | None] = field(default_factory=dict)
    std: float | None = None


class CaseScore(Record, kw_only=True):
    """One case x label of a run, for pages and CSV (the statistics file has everything)."""

    case: str
    label: str
    dice: float | None
    iou: float | None = None
    tp: Count = 0
    fp: Count = 0
    fn: Count = 0
    patient: str | None = None
    missing: bool = False


class Contours(Record, kw_only=True):
    """Outlines of one case x label, in px of the scored grid: flat polygons [x0, y0, x1, y1...]."""

    case: str
    label: str
    width_px: int
    height_px: int
    truth: list[list[float]] = field(default_factory=list)
    predicted: list[list[float]] = field(default_factory=list)
    image: InnerFile | None = None  # PNG beside the result file, where the data may be shown


class StatisticsFile(Record, kw_only=True):
    """The Parquet file with the sufficient statistics, beside the result file."""

    file: InnerFile
    sha256: Sha256
    bytes: Count
    rows: Count


class ReferenceArea(Record, kw_only=True):
    """What the reference masks of one case x label hold, taken from the masks, not from counts."""

    case: str
    label: str
    targets: Count  # planes x objects that were scored
    pixels: Count  # of all of them, inside the valid area
    area_px: Count  # of the reference among these


class RoundsFile(Record, kw_only=True):
    """The prompts of later rounds, in the form of the replay file; kept in the run's folder."""

    file: str
    sha256: str
    prompts: int


class Result(Record, kw_only=True):
    """What one checkpoint did on one list of cases. Written once, atomically, never edited."""

    schema: Literal["result/1"]
    run: Slug
    kind: Literal["rerun", "recomputed", "selftest"]
    project: str
    claims: list[str]
    status: Literal["complete", "partial", "failed"]
    title: str
    protocol: dict[str, Any]
    inputs: dict[str, Any]
    environment: dict[str, Any]
    checks: list[Check]
    measurements: list[Measurement]
    cases: list[CaseScore]
    timing: dict[str, Any]
    statistics: StatisticsFile | None
    command: str
    created: str
    by: Who | None = None  # who ran it; None: not said
    reason: str | None = None
    peak_memory_mib: float | None = None
    references: list[ReferenceArea] = field(default_factory=list)  # []: made before this was kept
    contours: list[Contours] = field(default_factory=list)
    rounds: RoundsFile | None = None


Rule = Literal["verdict/1", "verdict/2"]


class Compared(Record, kw_only=True):
    """One thing that a claim fixes, beside what the run did."""

    field: str
    answer: Literal["same", "different", "not shown", "unknown", "open"]  # open: the run will tell
    reason: str | None = None  # None: the same, and known to be
    inferred: bool = False  # what the claim says was found by search


class Verdict(Record, kw_only=True):
    """The rule applied to one claim; computed, never edited by hand."""

    claim: str  # project/claim-id
    project: str
    rule: Rule
    state: ClaimState
    comparability: Literal["A", "B", "C", "D"] | None = None
    run: str | None = None
    reported: float | None = None  # fraction
    measured: float | None = None
    difference: float | None = None
    interval: list[float] | None = None  # 90 %, widened by rounding
    standard_error: float | None = None
    labels: dict[str, str] = field(default_factory=dict)  # tolerance -> label
    compared: list[Compared] = field(default_factory=list)
    gates: list[Check] = field(default_factory=list)
    reason: str | None = None
    explanation: str | None = None
    would_decide: str | None = None


class Repeat(Record, kw_only=True):
    """A published run that somebody computed again: `reproduce/results/again/<by>/<run>/`.

    agrees  counts exactly, floats within the rounding of `reproduce.statistics.parity`; `told` says
            what moved
    """

    run: str
    by: Who
    on: str | None  # the card, else the processor
    created: str
    agrees: bool
    told: str


class Verdicts(Record, kw_only=True):
    """`reproduce/results/verdicts.json`."""

    schema: Literal["verdicts/1"]
    verdicts: list[Verdict]
    repeats: list[Repeat] = field(default_factory=list)
    # file below reproduce/results -> sha256: what the verdicts rest on, as it was examined
    files: dict[str, Sha256] = field(default_factory=dict)


class VerdictChange(Record, kw_only=True):
    """One line of the log: a claim's verdict became another, or was given for the first time."""

    claim: str  # project/claim-id
    date: str  # YYYY-MM-DD on which `reproduce verify` wrote it
    before: ClaimState | None  # None: first verdict of the claim
    after: ClaimState | None  # None: the claim is no longer recorded
    run: str | None = None
    reason: str | None = None
    rule: Rule = "verdict/1"


class VerdictLog(Record, kw_only=True):
    """`reproduce/results/verdict-log.json`: append-only, oldest first."""

    schema: Literal["verdict-log/1"]
    changes: list[VerdictChange]
