"""What a run is: everything that makes its numbers, and where things lie on this machine.

`RunSpec` is hashed into the run id; `Placement` (paths, device, batch) never is.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from reproduce.contracts import Grid

SHARD_CASES = 8  # part of a shard's identity, so it does not depend on workers or batch


class CheckpointInput(Struct, kw_only=True, forbid_unknown_fields=True):
    """One weights file of a run. `layout` None: recognised from the content."""

    id: str
    file: str
    sha256: str
    bytes: int
    layout: str | None = None
    expected_sha256: str | None = None  # what the project's record says; None: it says nothing


class CaseInput(Struct, kw_only=True, forbid_unknown_fields=True):
    """One case by content: role -> sha256 of the file."""

    id: str
    files: dict[str, str]
    patient: str | None = None


class RunSpec(Struct, kw_only=True, forbid_unknown_fields=True):
    """The inputs of a run. Two runs with the same inputs are the same run."""

    schema: Literal["run/1"] = "run/1"
    kind: Literal["rerun", "selftest"]
    project: str
    title: str
    claims: list[str]
    adapter: str
    adapter_version: int
    adapter_options: dict[str, Any]
    checkpoints: list[CheckpointInput]
    dataset: str
    dataset_version: int
    dataset_options: dict[str, Any]
    split: str
    cases: list[CaseInput]
    prompt_profile: str | None  # name/version; None: the model takes no prompts
    prompt_sha256: str | None
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
    precision: str = "float32"
    limit: int | None = None
    statistics_schema: str = "statistics/1"
    flags: list[str] = field(default_factory=list)  # untrained-prompt: ..., oracle ...

    def identity(self) -> dict[str, Any]:
        """The part that is hashed: names and titles of claims do not make numbers."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        for name in ("title", "claims", "project", "kind", "flags", "limit"):
            del document[name]
        # Runs made before a field existed keep their id.
        if self.reference_filter is None:
            del document["reference_filter"]
        if self.prompt_grid == "original":
            del document["prompt_grid"]
        for checkpoint in document["checkpoints"]:
            for name in ("id", "file", "bytes", "expected_sha256"):
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
    batch: int = 1
    threads: int | None = None
    embeddings: str | None = None  # folder of cached embeddings; None: no cache
    command: str = ""


class Plan(Struct, kw_only=True, forbid_unknown_fields=True):
    """`plan.json` of a run folder: what the workers read."""

    spec: RunSpec
    placement: Placement

    @classmethod
    def read(cls, folder: Path) -> Plan:
        return msgspec.json.decode((folder / "plan.json").read_bytes(), type=cls)


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
    """The shards of a run, in order."""
    run = canonical(spec.identity())
    found = []
    for index, start in enumerate(range(0, len(spec.cases), SHARD_CASES)):
        cases = spec.cases[start : start + SHARD_CASES]
        digest = hashlib.sha256(run + canonical(msgspec.to_builtins(cases))).hexdigest()[:16]
        found.append(Shard(name=digest, index=index, cases=[case.id for case in cases]))
    return found
