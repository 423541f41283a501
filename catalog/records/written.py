"""What people write: papers, projects, checkpoints, claims (`catalog.records` says how)."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Struct, field

NotApplicable = Literal["n/a"]

# In Python `$` also matches before a last line break: the `(?!\n)` behind it keeps that out.
# What names pages, files and anchors: lower case, digits, and . _ + - inside; never a path.
Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._+-]*$(?!\n)")]
# A file inside the folder of the record that names it: no absolute path, none that leads out.
InnerFile = Annotated[
    str, msgspec.Meta(pattern=r"^(?!/)(?!(.*/)?\.\.(/|$))[^\\:\x00-\x1f]+$(?!\n)")
]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
# Who ran something: a name that people choose, such as one at a code host, or an ORCID.
Who = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)")]
Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]


class Record(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all records: strict about unknown fields."""


# ------------------------------------------------------------------------------------- papers


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


# ----------------------------------------------------------------------------------- projects


class Repository(Record, kw_only=True):
    """Where the code lives and which commit our facts were read at."""

    url: str
    commit: str | None = None  # 40 hex digits
    commit_date: str | None = None
    branch: str | None = None
    moved_to: str | None = None
    read: bool | None = None  # False: looked for, could not be read; not the same as gone


class HashSource(Record, kw_only=True):
    """Where the sha256 of a weights file was read, which decides how far it is believed.

    authors  the authors print it, or the file itself lies in their repository at `place`
    host     the service that serves the file states it
    others   somebody else pins it; two of different owners are needed
    fetched  nobody states it: it is that of what came from `place`, one of the file's addresses

    place    `owner/name@<commit>:<file>[#<line>]`, or an address
    """

    by: Literal["authors", "host", "others", "fetched"]
    place: str
    date: str | None = None  # on which it was read or fetched


class LookFirst(Record, kw_only=True):
    """What a person has to look at before anybody can use a weights file.

    why     dead-link: reported dead or out of reach · closed-share: only on a share that asks for
            an account there · unknown-content: which files an archive or folder holds is not known
            · does-not-fit: said not to load into the code that is released · pickle: safe loading
            refuses it · another-model: it is not the model of the printed numbers
    place   issue, file or page that says so
    """

    why: Literal[
        "dead-link",
        "closed-share",
        "unknown-content",
        "does-not-fit",
        "pickle",
        "another-model",
    ]
    text: str
    place: str | None = None


class Checkpoint(Record, kw_only=True):
    """One weights file. `sha256` is of the whole file as downloaded."""

    id: Slug
    file: str | None = None
    urls: list[str] = field(default_factory=list)
    host: str | None = None
    sha256: str | None = None
    sha256_from: list[HashSource] = field(default_factory=list)
    md5: str | None = None
    bytes: int | None = None
    format: Literal["safetensors", "torch", "other"] | None = None
    layout: str | None = None  # flat, model, state_dict, module., lora, parts ...
    licence: str | None = None
    gated: bool | None = None
    beside: list[str] = field(default_factory=list)  # files that belong to it, in their order
    of: str | None = None  # whose file it is, where not this project's own: a project, or a name
    look_first: LookFirst | None = None  # None: nothing is known to stand in the way
    note: str | None = None


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


class MadeFor(Record, kw_only=True):
    """What released weights are for, where the tags of its works do not say it of the weights.

    general     whether it is meant for whatever it is shown: many modalities, or any structure.
                None: it is where its works name several modalities without a list
    modalities, regions, targets  in the words of works' tags. None: as its works say; []: none of
                them (modalities: trained on natural images)
    place       what in this record, or which page, says so
    """

    general: bool | None = None
    modalities: list[str] | None = None
    regions: list[str] | None = None
    targets: list[str] | None = None
    place: str


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


class LicenceStatement(Record, kw_only=True):
    """What one text says of the licence of a release, and where it was read. No legal advice.

    of      weights: it names them, or stands on the page that holds them · files: they lie in the
            tree that it covers, and it does not name them · project, code: no word of the weights
    stated  an SPDX expression, `custom` (told by `name`), or `none`: read, and it says nothing.
            None: not seen
    place   `[owner/name@commit:]file:lines` (the project's own repository where none is named), an
            address, or in words
    files   ids of the checkpoints it speaks of; []: all
    project the files are those of another project, whose statements hold
    by      what a third party says is no grant by the authors
    """

    of: Literal["weights", "files", "project", "code"]
    stated: str | None = None
    name: str | None = None
    place: str | None = None
    quote: str | None = None
    since: str | None = None
    files: list[str] = field(default_factory=list)
    project: Slug | None = None
    by: Literal["authors", "third-party"] = "authors"
    second_hand: bool = False
    note: str | None = None


class Commercial(Record, kw_only=True):
    """Whether the statements allow commercial use of the weights, as a person read them."""

    answer: Literal["yes", "no", "unclear"]
    reason: str


class Citation(Record, kw_only=True):
    """What the authors say of citing: a condition, a request, or an entry to copy."""

    asked: Literal["required", "requested", "bibtex-only"]
    place: str


class Licences(Record, kw_only=True):
    """SPDX expressions. None: not checked; "none": looked for, no licence stated.

    `base` and `data` are keys of `catalog/data/licence_terms.yaml`; None: nobody has looked.
    """

    code: str | None = None
    weights: str | None = None
    statements: list[LicenceStatement] = field(default_factory=list)
    base: list[str] | None = None  # released models whose weights are built on
    data: list[str] | None = None  # named for training; not a full list
    commercial: Commercial | None = None
    contradictions: list[str] = field(default_factory=list)  # texts that do not agree
    citation: Citation | None = None
    note: str | None = None


CodeStatus = Literal[
    "none", "announced", "empty", "inference", "training", "training+inference", "training+weights"
]


class Project(Record, kw_only=True):
    """One code release. Lives in `projects/<slug>.yaml`."""

    slug: Slug
    name: str
    # control: a positive control of the harness; selftest: shipped with it; neither is a SAM method
    kind: Literal[
        "method", "tool", "benchmark", "dataset", "survey", "other", "control", "selftest"
    ]
    papers: list[str] = field(default_factory=list)
    no_paper: str | None = None  # why no work of the registry belongs to it
    repository: Repository | None = None
    further_repositories: list[Repository] = field(default_factory=list)  # that places lie in
    licences: Licences = field(default_factory=Licences)
    code_status: CodeStatus | None = None
    weights_status: str | None = None  # public, none, announced, gated, dead, unknown ...
    checked: str | None = None
    base_model: str | None = None
    image_size: str | int | None = None
    framework: str | None = None
    min_gpu_memory: str | None = None
    prompts_eval: list[str] | None = None
    dimensionality: list[str] | None = None
    made_for: MadeFor | None = None  # None: what its works are about
    checkpoints: list[Checkpoint] | None = None
    family: str | None = None  # releases that share code: vocabulary `family`
    adapter: str | None = None
    adapter_reason: str | None = None  # why there is none
    datasets: list[DatasetUse] | None = None
    protocol_card: ProtocolCard | None = None
    claims: list[Claim] = field(default_factory=list)
    no_numbers: NoNumbers | None = None  # None: there are claims, or nobody has looked
    reported: list[Reported] = field(default_factory=list)
    known_issues: list[Note] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)  # facts that have no field of their own
    sources: list[str] = field(default_factory=list)
    note: str | None = None
