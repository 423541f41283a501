"""What was read before, kept as JSON in `.sam4mis/cache`: the YAML stays the truth.

A cache is named for what it holds and begins with the hash of what it was made from, the definition
of the records included. Records are kept with the hash of the text that each was read from (a block
of `papers.yaml`, a file), so that after a change only what changed is read again. A cache that is
stale, damaged or not writable is ignored; it is replaced whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from catalog import json_in
from catalog.files import whole
from catalog.reading import collector_off
from catalog.shipped import cache_of_snapshot, is_snapshot

FOLDER = ".sam4mis/cache"
Kind = TypeVar("Kind")
#: A change of these changes what records are, or how they are read.
_DEFINITION = (
    *(f"records/{name}.py" for name in ("scalars", "papers", "claims", "projects")),
    "records/results.py",
    "evidence.py",
    "reading.py",
    "converting.py",
    "blocks.py",
    "loading.py",
    "kept.py",
)


class Kept(msgspec.Struct, Generic[Kind]):
    """Records in order, and the hash of the text of each.

    `key` is the hash of all of them where nothing else was there, "" where some of what was there
    could not be read.
    """

    definition: str
    key: str
    parts: list[str]
    records: list[Kind]

    def by_part(self) -> dict[str, Kind]:
        """The record that a text was read as, by the hash of the text."""
        return dict(zip(self.parts, self.records, strict=False))


def key_of(*contents: bytes) -> str:
    """Hash of files' content and of the definition of the records they become."""
    digest = hashlib.sha256(_definition().encode())
    for content in contents:
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()


def part_of(content: bytes) -> str:
    """Hash of the text of one record."""
    return hashlib.sha256(content).hexdigest()[:40]


@cache
def _definition() -> str:
    folder = Path(__file__).parent
    return hashlib.sha256(b"".join((folder / n).read_bytes() for n in _DEFINITION)).hexdigest()


def read_records(root: Path, name: str, shape: type[Kind]) -> Kept[Kind]:
    """The records that were kept under a name; none where the definition was another."""
    kept: Any = None
    with contextlib.suppress(OSError, msgspec.DecodeError), collector_off():
        content = (folder_of(root) / f"{name}.json").read_bytes()
        if _definition().encode() in content[:100]:
            kept = json_in.decoded(content, Kept[shape])  # type: ignore[valid-type]
    return kept or Kept(_definition(), "", [], [])


def write_records(
    root: Path, name: str, key: str, parts: Sequence[str], records: Sequence[Kind]
) -> None:
    """Keep records; `key` as in `Kept`. Failing to is no error: the next reading reads again."""
    _write(root, name, msgspec.json.encode(Kept(_definition(), key, [*parts], [*records])))


def read(root: Path, name: str, key: str, shape: type[Kind]) -> Kind | None:
    """What was made from the same content before, or None."""
    try:
        content = (folder_of(root) / f"{name}.json").read_bytes()
        if content[:64] != key.encode():
            return None
        with collector_off():
            return json_in.decoded(content[65:], shape)
    except (OSError, msgspec.DecodeError):
        return None


def write(root: Path, name: str, key: str, made: Any) -> None:
    """Keep what was made; failing to is no error."""
    _write(root, name, key.encode() + b"\n" + msgspec.json.encode(made))


def _write(root: Path, name: str, content: bytes) -> None:
    if not root.is_dir():  # records that are in no folder
        return
    with (
        contextlib.suppress(OSError),
        whole(folder_of(root) / f"{name}.json", durable=False) as temporary,
    ):
        temporary.write_bytes(content)


def folder_of(root: Path) -> Path:
    """Where what was read for a registry is kept. Raises `OSError` as `cache_of_snapshot`."""
    return cache_of_snapshot() if is_snapshot(root) else root / FOLDER
