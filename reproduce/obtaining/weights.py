"""Get the weights a project names: from the cache, from a file of the user, or the network.

The hash decides, not the address: whatever delivers the right bytes is right, and nothing else ever
enters the cache. Several processes may ask for one file at once; one fetches, the others wait.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.files import disk_full_told, write_whole
from catalog.records import Checkpoint
from reproduce import wording
from reproduce.obtaining.cache import (
    cache_folder,
    cached,
    held,
    manual_folder,
    partial_folder,
    weights_folder,
)
from reproduce.obtaining.files import WEIGHTS, FailedError, difference, first_good
from reproduce.obtaining.sources import Source, source_of
from reproduce.reading import sha256_of


def obtain_all(
    project: str, records: Sequence[Checkpoint], given: Sequence[Path] = ()
) -> list[Path]:
    """One file per record, in order. `given` files are used instead (checked against the hash)."""
    if given and len(given) != len(records):
        raise UsageError(
            f"{project}: {len(records)} weights file(s) are needed "
            f"({', '.join(r.id for r in records)}), --checkpoint was given {len(given)} time(s)."
        )
    if given:
        return [check_given(record, path) for record, path in zip(records, given, strict=True)]
    return [obtain(project, record) for record in records]


def check_given(record: Checkpoint, path: Path) -> Path:
    """A file the user names, if it is the one the record describes. Raises `InputError` for
    another one, `PrerequisiteError` where there is none."""
    if not path.is_file():
        raise PrerequisiteError(
            f"--checkpoint {path}: no such file on this machine; expected the checkpoint "
            f"{record.id}."
        )
    if problem := difference(record, path, WEIGHTS):
        raise InputError(
            f"{path}: not the checkpoint {record.id}. {problem} "
            "Download the released file again, or correct the record if the authors replaced it."
        )
    return path


def located(record: Checkpoint) -> Path | None:
    """The file of a record where it is here already (cache, manual/); never downloads."""
    if record.sha256:
        if path := cached(record.sha256):
            return path
    else:
        known = _noted(record)
        if known and (path := cached(known)):
            return path
    return _dropped(record)


def obtain(project: str, record: Checkpoint, quiet: bool = False) -> Path:
    """The checked file of a record: from the cache, from manual/, or downloaded now.

    Raises `PrerequisiteError` where only a person can get it (with the steps), `InputError` where
    every address failed (with what each one answered).
    """
    if path := located(record):
        return path
    name = record.sha256 or hashlib.sha256(" ".join(record.urls).encode()).hexdigest()
    partial = partial_folder()
    with held(partial / f"{name}.lock", f"the checkpoint {record.id}"):
        if path := located(record):  # another process was faster
            return path
        return _download(project, record, partial / f"{name}.part", quiet)


def _download(project: str, record: Checkpoint, part: Path, quiet: bool) -> Path:
    try:
        source = first_good(record, part, WEIGHTS, quiet)
    except FailedError as failed:
        raise PrerequisiteError(
            f"{project}: the checkpoint {record.id} could not be downloaded:\n{failed}\n"
            "Get the file by hand and either pass it or drop it, under any name, into the folder "
            "that is searched by hash:",
            f"cp <file> {manual_folder()}/   (or: --checkpoint <file>)",
        ) from failed
    return _keep(record, part, source)


def _keep(record: Checkpoint, part: Path, source: Source) -> Path:
    """Move a checked file into the cache; from here on it is there for everybody."""
    sha256 = record.sha256 or sha256_of(part)
    name = Path(record.file or source.path or source.url.split("?")[0]).name or "weights"
    target = weights_folder(sha256) / name
    with disk_full_told(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        part.replace(target)
    if record.sha256 is None:
        note = {"sha256": sha256, "bytes": target.stat().st_size, "urls": record.urls}
        write_whole(_note_path(record), json.dumps(note).encode())
    return target


def _note_path(record: Checkpoint) -> Path:
    """Where the hash of a file is noted whose record has none, so that it is fetched once."""
    key = hashlib.sha256(" ".join(record.urls).encode()).hexdigest()
    return cache_folder() / "unrecorded" / f"{key}.json"


def _noted(record: Checkpoint) -> str | None:
    path = _note_path(record)
    if not record.urls or not path.is_file():
        return None
    found: str = json.loads(path.read_text("utf-8"))["sha256"]
    return found


def _dropped(record: Checkpoint) -> Path | None:
    """A file in manual/ with the record's hash, moved into the cache by content."""
    folder = manual_folder()
    if record.sha256 is None or not folder.is_dir():
        return None
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.startswith("."):
            continue
        if record.bytes is not None and path.stat().st_size != record.bytes:
            continue
        if sha256_of(path) == record.sha256:
            target = weights_folder(record.sha256) / (record.file or path.name).rsplit("/", 1)[-1]
            with disk_full_told(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
            return target
    return None


def status_of(record: Checkpoint, given: Sequence[Path] = ()) -> str:
    """Where a checkpoint would come from, in words."""
    if given:
        return "given with --checkpoint"
    if located(record):
        return "in the cache"
    size = wording.size(record.bytes)
    if not record.urls:
        return f"no address known: put the file into {manual_folder()}"
    direct = [url for url in record.urls if source_of(url).kind != "manual"]
    if not direct:
        return f"by hand ({size}): {record.urls[0]} -> {manual_folder()}"
    return f"would be downloaded from {wording.host(direct[0])} ({size})"
