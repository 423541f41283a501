"""Code releases, their weights and licences: `projects/<slug>.yaml` as people write it."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import field

from catalog.records.claims import Claim, DatasetUse, NoNumbers, Note, ProtocolCard
from catalog.records.papers import Reported
from catalog.records.scalars import Record, Slug


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
