"""Works of `papers.yaml` as people write them (`catalog.records` says how)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import field

from catalog.records.scalars import NotApplicable, Record, Slug


class Ids(Record, kw_only=True):
    """Identifiers of one version of a work, in the normal form of `catalog.identifiers`."""

    arxiv: str | None = None
    doi: str | None = None
    pmid: str | None = None
    pmcid: str | None = None
    openreview: str | None = None
    ieee: str | None = None
    pii: str | None = None


class SecondHand(Record, kw_only=True):
    """Where a version was read whose own page nobody has seen yet.

    source   `owner/name@<commit>:<file>#L<line>`, an address, or the place in words
    checked  the day on which arXiv, Crossref or OpenReview was asked and said otherwise
    differs  what it says, as `field: ours, theirs`; a person decides
    """

    source: str
    checked: str | None = None
    differs: list[str] = field(default_factory=list)


class TakenBack(Record, kw_only=True):
    """A version was withdrawn by its authors or retracted by its publisher; `source` says so."""

    kind: Literal["withdrawn", "retracted"]
    source: str
    date: str | None = None


class Version(Record, kw_only=True):
    """One appearance of a work; a work lists them oldest first, exactly one has `cite: true`."""

    kind: Literal["preprint", "workshop", "conference", "journal", "thesis", "report", "unknown"]
    ids: Ids = field(default_factory=Ids)
    title: str | None = None  # only where it differs from the work's title
    venue: str | None = None
    date: str | None = None
    url: str | None = None
    cite: bool = False
    second_hand: SecondHand | None = None  # None: seen on its own page
    taken_back: TakenBack | None = None  # None: nobody has seen a notice


class Tag(Record, kw_only=True):
    """Values from a controlled vocabulary, and what they rest on."""

    values: list[str] | NotApplicable
    provenance: Literal["title", "abstract", "page", "author", "curator", "list", "suggested"] = (
        field(name="from")
    )


class Links(Record, kw_only=True):
    """Web addresses of a work by kind. None: nobody looked; []: looked, there is none."""

    code: list[str] | None = None
    weights: list[str] | None = None
    data: list[str] | None = None
    demo: list[str] | None = None
    page: list[str] | None = None


class Reported(Record, kw_only=True):
    """A number as printed somewhere, without the protocol that would make it a claim.

    What the page says beside it, in words; None: it does not say.

    against, against_value   what it is compared with in the same place, and its value there
    prompt   what was given        labels  how few were used
    saving   what was saved        shift   how the cases differ from those it was made on
    """

    metric: str
    value: float | None
    # None: in the unit that `note` names; gain_percent: points or relative, not known;
    # auc: area under a curve over clicks, not bounded by 1
    scale: Literal["fraction", "percent", "gain_percent", "delta_pp", "mm", "s", "auc"] | None = (
        None
    )
    dataset: str | None = None
    against: str | None = None
    against_value: float | None = None
    prompt: str | None = None
    labels: str | None = None
    saving: str | None = None
    shift: str | None = None
    where: str | None = None
    note: str | None = None


class Bearing(Record, kw_only=True):
    """What a finding says to one of the five questions of the survey (`catalog.questions`).

    direction  for: yes to the question; of 5, an obstacle is reported as overcome · against: no;
               of 5, the obstacle stood in the way · neutral: it bears on it without a yes or no
    about      2: over plain SAM, or over specialists (nnU-Net, task networks). None: the record
               names no opponent, so it proves neither
    compared   the other side, in words
    better, worse, prompts   3: ways of prompting that were compared, or the one that was used
    saving     4: what was saved, as recorded
    obstacle   5: what stood in the way, `detail` where the word is too wide
    inferred   read between the lines
    """

    question: Literal[1, 2, 3, 4, 5]
    direction: Literal["for", "against", "mixed", "neutral"]
    about: Literal["sam", "specialist"] | None = None
    compared: str | None = None
    better: list[str] = field(default_factory=list)
    worse: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    saving: str | None = None
    obstacle: (
        Literal[
            "shift",
            "3d",
            "compute",
            "evaluation",
            "data",
            "prompt-noise",
            "uncertainty",
            "unseen-structures",
            "fairness",
            "other",
        ]
        | None
    ) = None
    detail: str | None = None
    inferred: bool = False


class FindingSource(Record, kw_only=True):
    """Where a finding was read.

    place   page: an address among the work's `sources` · project: the slug of one of its projects
    number  reported: which of `reported`, counted from 0
    """

    kind: Literal["title", "note", "reported", "project", "page"]
    place: str | None = None
    number: int | None = None


class WorkFinding(Record, kw_only=True):
    """What a work found, in one sentence of our own, and what it says to the five questions.

    models  whether it is about models of the SAM family. None: the record does not tell
    """

    text: str
    bears_on: list[Bearing] = field(default_factory=list)
    provenance: list[FindingSource] = field(name="from", default_factory=list)
    certainty: Literal["stated", "read-between"]
    models: Literal["sam", "partly-sam", "other"] | None = None
    note: str | None = None


class Inclusion(Record, kw_only=True):
    """Whether a work belongs in the catalog, decided by a person, with the reason."""

    decision: Literal["include", "exclude", "undecided"]
    reason: str | None = None
    date: str | None = None


class Paper(Record, kw_only=True):
    """A work with all its versions. `id` is immutable and never reused."""

    id: Slug
    title: str
    short_name: str | None = None
    title_aliases: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)  # ids of records merged into this one
    authors: Annotated[list[str], msgspec.Meta(min_length=1)] = field(default_factory=list)
    authors_complete: bool = False
    versions: list[Version] = field(default_factory=list)
    contribution: Tag | None = None
    base_models: Tag | None = None
    adaptation: Tag | None = None
    supervision: Tag | None = None
    prompts_train: Tag | None = None
    prompts_infer: Tag | None = None
    dimensionality: Tag | None = None
    task: Tag | None = None
    modalities: Tag | None = None
    regions: Tag | None = None
    targets: Tag | None = None
    datasets: Tag | None = None
    links: Links = field(default_factory=Links)
    finding: WorkFinding | None = None  # None: nobody has read what it found
    reported: list[Reported] = field(default_factory=list)
    section: Literal["sam2", "sam", "datasets", "added"] = "added"
    rows: list[int] = field(default_factory=list)  # of the SAM4MIS list, where it came from there
    inclusion: Inclusion = field(default_factory=lambda: Inclusion(decision="include"))
    sources: list[str] = field(default_factory=list)
    # field (authors, ids, links.code) -> where: nobody has seen it on a page of the work
    second_hand: dict[str, str] = field(default_factory=dict)
    note: str | None = None
    added: str | None = None


TAG_FIELDS = (
    "contribution",
    "base_models",
    "adaptation",
    "supervision",
    "prompts_train",
    "prompts_infer",
    "dimensionality",
    "task",
    "modalities",
    "regions",
    "targets",
    "datasets",
)
