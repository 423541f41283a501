"""Which weights and which data they were: whether files are shown to be the released ones.

A name proves nothing. A file is the released one where its sha256 is the recorded one, and the
record says where that was read: the authors, the host, or two others independently. A hash that
only a fetch gave counts once it stands in the record, with the address it came from.

The name of a folder proves as little. Its cases are the released ones where their list is one that
the reader of the data set records, with what shows it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from catalog.records import Checkpoint
from reproduce.contracts import Dataset

INDEPENDENT = 2  # others whose hash agrees
PINNED = re.compile(r"([\w.-]+)/[\w.-]+@[0-9a-f]{40}:.+")

Answer = Literal["same", "different", "not shown"]


def identity(record: Checkpoint, sha256: str) -> tuple[Answer, str | None]:
    """Whether a file with this hash is shown to be the released one, and why not."""
    if record.sha256 is None:
        return "not shown", f"checkpoint {record.id}: nobody has recorded the released file's hash"
    if sha256 != record.sha256:
        return "different", (
            f"checkpoint {record.id}: recorded sha256 {record.sha256[:12]}..., run {sha256[:12]}..."
        )
    if shown(record):
        return "same", None
    return "not shown", (
        f"checkpoint {record.id}: the recorded hash is neither the authors' nor the host's, nor "
        "pinned by two others independently"
    )


def shown(record: Checkpoint) -> bool:
    """Whether the record's hash is known to be the released file's."""
    if record.sha256 is None:
        return False
    for source in record.sha256_from:
        if source.by in ("authors", "host"):
            return True
        if source.by == "fetched" and source.place in record.urls:
            return True
    pinned = (PINNED.fullmatch(s.place) for s in record.sha256_from if s.by == "others")
    return len({match[1].casefold() for match in pinned if match}) >= INDEPENDENT


def case_list(cases: Mapping[str, Mapping[str, str]]) -> str:
    """The sha256 of a list of cases, id -> role -> sha256 of the file: of its JSON, keys sorted."""
    return hashlib.sha256(msgspec.json.encode(cases, order="deterministic")).hexdigest()


def released(
    dataset: Dataset, split: str, options: Mapping[str, Any], listed: str | None
) -> tuple[Answer | Literal["open"], str | None]:
    """Whether cases with this list are shown to be those of the split, read with
    these options, and why not.

    listed  None: they were not read yet
    """
    if dataset.generated:
        made = case_list({case.id: {} for case in dataset.cases(Path(), split, options)})
        if listed in (None, made):
            return "same", None
        return "different", f"dataset: the cases are not those that {dataset.name}/{split} makes"
    known = {item.sha256 for item in dataset.case_lists if item.is_of(split, options)}
    if listed in known:
        return "same", None
    if not known:
        return "not shown", (
            f"dataset: nobody has recorded which files {dataset.name}/{split} is; "
            + (
                "a run tells the hash of those it reads"
                if listed is None
                else f"those that were read have the list {listed}"
            )
            + ", which case_lists of the reader takes once they are shown to be the released ones"
        )
    if listed is None:
        return "open", None
    return "different", (
        f"dataset: the files of {dataset.name}/{split} have the list {min(known)[:12]}..., those "
        f"that were read {listed[:12]}...: some are other files, or were saved anew"
    )
