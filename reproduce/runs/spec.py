"""What a run is: everything that makes its numbers, and where things lie on this machine.

`RunSpec` is hashed into the run id; `Placement` (paths, threads, which card) never is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, cast

import msgspec
from msgspec import Struct, field

from catalog import json_in
from catalog.errors import InputError
from reproduce.contracts import Case, Grid
from reproduce.ground.reading import sha256_of

SHARD_CASES = 8  # at least; a shard holds whole batches, whoever works it off

DeviceKind = Literal["cpu", "cuda", "mps"]
PRECISIONS = ("float32", "bfloat16", "float16")  # of a model


def kind_of(device: str) -> DeviceKind:
    """`cuda:1` -> `cuda`: which card it is makes no number, which kind does."""
    return cast("DeviceKind", device.partition(":")[0])


#: Id of a file that no release has: a user made it (`Adapter.brought`), or it is a user's own.
OWN = "own"


class CheckpointInput(Struct, kw_only=True, forbid_unknown_fields=True):
    """One weights file of a run. `layout` None: recognised from the content."""

    id: str
    file: str
    sha256: str
    bytes: int
    layout: str | None = None
    expected_sha256: str | None = None  # what the project's record says; None: it says nothing
    identity: Literal["shown", "fetched", "not shown"] | None = None  # None: of a run before that


class CaseInput(Struct, kw_only=True, forbid_unknown_fields=True):
    """One case by content: role -> sha256 of the file."""

    id: str
    files: dict[str, str]
    patient: str | None = None


class Protocol(Struct, kw_only=True, forbid_unknown_fields=True):
    """Everything between a checkpoint and its counts that is decided before data are read: what a
    claim asks for, what a plan fixes, what a run does and what its result records.

    A recipe holds one, `RunSpec` is one with its inputs hashed, and a result's `protocol` is one as
    plain data (`reproduce.runs.recorded`).
    """

    adapter: str
    adapter_version: int
    adapter_options: dict[str, Any]
    dataset: str
    dataset_version: int
    dataset_options: dict[str, Any]
    split: str
    prompt_profile: str | None  # name/version; None: the model takes no prompts
    seeds: list[int]
    rounds: int
    grid: Grid
    prompt_grid: Grid = "original"  # of the masks that prompts are made from
    objects: Literal["union", "separate"] = "union"  # several prompted regions of one label
    labels: dict[str, str] = field(default_factory=dict)
    reference_filter: dict[str, Any] | None = None
    thresholds: list[float] = field(default_factory=lambda: [0.5])
    score_bins: int = 0
    surfaces: list[str] = field(default_factory=list)
    components: Literal["full", "told"] | None = None  # of component statistics
    precision: str = "float32"
    limit: int | None = None
    flags: list[str] = field(default_factory=list)  # untrained-prompt: ..., oracle ...


class RunSpec(Protocol, kw_only=True, forbid_unknown_fields=True):
    """The inputs of a run. Two runs with the same inputs are the same run.

    schema  also the rule of the run id: run/2 hashes every field that makes a number; run/1, the
            rule of runs published before, knew neither `device` nor `batch`
    replayed  of a run whose prompts were given and not made: sha256 of the rounds after the first
            (of nothing where there is one); None: they were made for it, round by round
    device  the kind of it; on another kind it is another run
    batch   images that go through the encoder together: so many consecutive cases of `cases`, or
            consecutive slices of one volume. An encoder may answer in other last digits for
            another batch, so it is fixed here and not by who works the run off.
    """

    schema: Literal["run/1", "run/2"] = "run/2"
    kind: Literal["rerun", "selftest", "predict"]
    project: str
    title: str
    claims: list[str]
    checkpoints: list[CheckpointInput]
    cases: list[CaseInput]
    prompt_sha256: str | None
    replayed: str | None = None  # see above
    device: DeviceKind = "cpu"
    batch: int = 1
    statistics_schema: str = "statistics/1"

    def identity(self) -> dict[str, Any]:
        """The part that is hashed: names and titles of claims do not make numbers."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        for name in ("title", "claims", "project", "kind", "flags", "limit"):
            del document[name]
        if self.replayed is None:
            del document["replayed"]
        if self.schema == "run/1":
            for name in ("device", "batch", "components"):
                del document[name]
            if self.reference_filter is None:
                del document["reference_filter"]
            if self.prompt_grid == "original":
                del document["prompt_grid"]
        for checkpoint in document["checkpoints"]:
            for name in ("id", "file", "bytes", "expected_sha256", "identity"):
                checkpoint.pop(name, None)
        return document

    def run_id(self) -> str:
        """`<project>-<16 hex digits>`; the digits are of the identity alone."""
        digest = hashlib.sha256(canonical(self.identity())).hexdigest()
        return f"{self.project}-{digest[:16]}"


class Placement(Struct, kw_only=True, forbid_unknown_fields=True):
    """Where a run's inputs lie here and how it is executed; never part of its identity."""

    data: str
    checkpoints: list[str]
    device: str = "cpu"
    threads: int | None = None
    embeddings: str | None = None  # folder of cached embeddings; None: no cache
    command: str = ""
    by: str | None = None  # who runs it


class Plan(Struct, kw_only=True, forbid_unknown_fields=True):
    """`plan.json` of a run folder: what the workers read."""

    spec: RunSpec
    placement: Placement

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """The plan in a run folder. Raises `InputError` for one of another version."""
        path = folder / "plan.json"
        try:
            return json_in.decoded(path.read_bytes(), cls)
        except msgspec.DecodeError as error:
            raise InputError(
                f"{path}: expected the plan of a run of this version, got: {error}. "
                "`sam4mis reproduce run` writes it anew; finished shards are kept."
            ) from error


class Shard(Struct, kw_only=True):
    """A piece of a run: consecutive cases. Its name is the hash of its inputs."""

    name: str
    index: int
    cases: list[str]


def canonical(document: Any) -> bytes:
    """JSON with sorted keys: the bytes that are hashed.

    Keys that are no text (class numbers of a data set's `labels`, say) are written as text, as
    `plan.json` has them after it was read back.

    >>> canonical({"labels": {2: "b", 1: "a"}}) == canonical({"labels": {"1": "a", "2": "b"}})
    True
    """
    return msgspec.json.encode(_text_keys(document), order="deterministic")


def _text_keys(document: Any) -> Any:
    if isinstance(document, dict):
        return {str(key): _text_keys(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [_text_keys(value) for value in document]
    return document


def shards_of(spec: RunSpec) -> list[Shard]:
    """The shards of a run, in order; each holds whole batches."""
    run = canonical(spec.identity())
    size = -(-SHARD_CASES // spec.batch) * spec.batch
    found = []
    for index, start in enumerate(range(0, len(spec.cases), size)):
        cases = spec.cases[start : start + size]
        digest = hashlib.sha256(run + canonical(msgspec.to_builtins(cases))).hexdigest()[:16]
        found.append(Shard(name=digest, index=index, cases=[case.id for case in cases]))
    return found


def hash_cases(cases: Sequence[Case]) -> list[CaseInput]:
    """Cases by content. A file several cases share is read once."""
    paths = sorted({path for case in cases for path in case.files.values() if path.is_file()})
    with ThreadPoolExecutor(4) as pool:
        digests = dict(zip(paths, pool.map(sha256_of, paths), strict=True))
    return [
        CaseInput(
            id=case.id,
            files={role: digests.get(path, "missing") for role, path in sorted(case.files.items())},
            patient=case.patient,
        )
        for case in cases
    ]
