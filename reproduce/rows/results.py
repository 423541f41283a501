"""Results of level recomputed as documents: hashes, state, place. Imports no numpy."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from catalog.evidence import RECOMPUTED, Recomputed, Source, State, as_json, unsigned
from catalog.files import write_whole
from catalog.records import Claim, Project


def claims_by_name(projects: Sequence[Project]) -> dict[str, Claim]:
    """`project/claim` -> the claim."""
    return {f"{p.slug}/{c.id}": c for p in projects for c in p.claims}


def state_of(result: Recomputed) -> State:
    """What the rows of a source say in all: one printed number that does not come out differs."""
    states = {a.state for a in result.answers} | {w.state for w in result.wholes}
    if "differs" in states:
        return "differs"
    return "agrees" if "agrees" in states else "not enough"


def reason_of(source: Source, result: Recomputed) -> str | None:
    """Why, in the words of the record where it says the same, else what was counted."""
    if result.state == source.state:
        return source.reason
    answers = [a for a in result.answers if a.state == "differs"]
    differing = [f"{a.name}: {a.reason}" for a in answers]
    differing += [f"{w.name}: {w.reason}" for w in result.wholes if w.state == "differs"]
    return "; ".join(differing) or None


def record_hash(source: Source) -> str:
    """sha256 of what a record says about files, reading and checking, not of its prose."""
    shaping = {
        name: msgspec.to_builtins(getattr(source, name))
        for name in (
            "repository",
            "commit",
            "rows",
            "files",
            "columns",
            "readers",
            "checks",
            "every",
            "same_rows",
            "weights",
        )
    }
    return hashlib.sha256(msgspec.json.encode(shaping, order="sorted")).hexdigest()


def content_hash(result: Recomputed) -> str:
    """sha256 of the document without this hash."""
    return hashlib.sha256(msgspec.json.encode(unsigned(result), order="sorted")).hexdigest()


def publish(root: Path, result: Recomputed) -> Path:
    """Write the result where the catalog reads it, whole or not at all."""
    path = root / RECOMPUTED / f"{result.source}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, as_json(result))
    return path
