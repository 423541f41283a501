"""Get the weights a project names: from the cache, from a file of the user, or the network.

The hash decides, not the address: whatever delivers the right bytes is right, and nothing else ever
enters the cache. Several processes may ask for one file at once; one fetches, the others wait.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from catalog import json_in
from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.files import disk_full_told, write_whole
from catalog.records import Checkpoint
from catalog.yaml_out import flow
from reproduce.ground import wording
from reproduce.ground.places import (
    cache_folder,
    cached,
    held,
    manual_folder,
    partial_folder,
    weights_folder,
)
from reproduce.ground.reading import sha256_of
from reproduce.obtaining.damage import damage
from reproduce.obtaining.files import (
    BESIDE,
    WEIGHTS,
    FailedError,
    FileKind,
    difference,
    first_good,
    key_of,
)
from reproduce.obtaining.identity import identity
from reproduce.obtaining.sources import Source, source_of
from reproduce.obtaining.transfer import discard

Identity = Literal["shown", "fetched", "not shown"]


def obtain_all(
    project: str, records: Sequence[Checkpoint], given: Sequence[Path] = ()
) -> list[Path]:
    """One file per record, in order. `given` files are used instead (checked against the hash)."""
    if given:
        return check_all(project, records, given)
    return [obtain(project, record) for record in records]


def check_all(project: str, records: Sequence[Checkpoint], given: Sequence[Path]) -> list[Path]:
    """The files that the user names, in order; as many as there are records, each what it is."""
    if len(given) != len(records):
        raise UsageError(
            f"{project}: {len(records)} weights file(s) are needed "
            f"({', '.join(r.id for r in records)}), --checkpoint was given {len(given)} time(s)."
        )
    return [check_given(record, path) for record, path in zip(records, given, strict=True)]


def check_given(record: Checkpoint, path: Path) -> Path:
    """A file the user names, if it is the one the record describes. Raises `InputError` for
    another one, `PrerequisiteError` where there is none."""
    if not path.is_file():
        raise PrerequisiteError(
            f"--checkpoint {path}: no such file on this machine; expected the checkpoint "
            f"{record.id}."
        )
    if problem := difference(record, path, _kind_of(record)):
        raise InputError(
            f"{path}: not the checkpoint {record.id}. {problem} "
            "Download the released file again, or correct the record if the authors replaced it."
        )
    return path


def _kind_of(record: Checkpoint) -> FileKind:
    return BESIDE if (record.layout or "").startswith("file/") else WEIGHTS


def located(project: str, record: Checkpoint) -> Path | None:
    """The file of a record where it is here already (cache, manual/); never downloads."""
    if record.sha256:
        return cached(record.sha256) or _dropped(record, record.sha256)
    path = _received(record)
    if path is not None and damage(path) is None:
        return path
    return _given_by_hand(project, record)


def identity_of(record: Checkpoint, sha256: str) -> Identity:
    """How it is known that a file with this hash is the released one.

    shown    the hash is recorded, and who published it
    fetched  it is what came from the recorded address to this machine; once its hash stands in
             the record, it is shown
    """
    if identity(record, sha256)[0] == "same":
        return "shown"
    noted = _noted(record)
    return "fetched" if noted and noted.sha256 == sha256 else "not shown"


def record_lines(record: Checkpoint) -> str | None:
    """What the project file may say of a file that was fetched without a recorded hash."""
    noted = _noted(record)
    if record.sha256 or noted is None or noted.url is None:
        return None
    source = f"{{by: fetched, place: {flow(noted.url)}, date: {flow(noted.date)}}}"
    return f"  sha256: {noted.sha256}\n  sha256_from: [{source}]\n  bytes: {noted.bytes}"


def obtain(project: str, record: Checkpoint, quiet: bool = False) -> Path:
    """The checked file of a record: from the cache, from manual/, or downloaded now.

    Raises `PrerequisiteError` where only a person can get it (with the steps), `InputError` where
    every address failed (with what each one answered).
    """
    if path := located(project, record):
        return path
    partial = partial_folder()
    with held(partial / f"{key_of(record)}.lock", f"the checkpoint {record.id}"):
        if path := located(project, record):  # another process was faster
            return path
        if (damaged := _received(record)) and record.sha256 is None:
            damaged.unlink()
        return _download(project, record, partial, quiet)


def _download(project: str, record: Checkpoint, partial: Path, quiet: bool) -> Path:
    try:
        source, part = first_good(record, partial, _kind_of(record), quiet)
    except FailedError as failed:
        folder, how = _drop_place(project, record)
        folder.mkdir(parents=True, exist_ok=True)
        raise PrerequisiteError(
            f"{project}: the checkpoint {record.id} could not be downloaded:\n{failed}\n"
            f"Get the file by hand and put it, under any name, into the folder {how}. (Or name it "
            "to the run: sam4mis reproduce run ... --checkpoint <file>.)",
            f"cp <file> {shlex.quote(str(folder))}/",
        ) from failed
    return _keep(record, part, source)


def _drop_place(project: str, record: Checkpoint) -> tuple[Path, str]:
    """Where a person puts a file: a hash tells it among others, without one it has its folder."""
    if record.sha256:
        return manual_folder(), "that is searched by hash"
    return manual_folder() / project / record.id, "of this checkpoint"


def _keep(record: Checkpoint, part: Path, source: Source) -> Path:
    """Move a checked file into the cache; from here on it is there for everybody."""
    sha256 = record.sha256 or sha256_of(part)
    name = Path(record.file or source.path or source.url.split("?")[0]).name or "weights"
    target = weights_folder(sha256) / name
    with disk_full_told(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        part.replace(target)
    discard(part)
    if record.sha256 is None:
        note = Noted(
            sha256=sha256,
            bytes=target.stat().st_size,
            urls=record.urls,
            url=source.given,
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
        )
        write_whole(_note_path(record), msgspec.json.encode(note))
    return target


class Noted(msgspec.Struct):
    """What came from the addresses of a record without a hash, so that it is fetched once."""

    sha256: str
    bytes: int
    urls: list[str]
    url: str | None = None
    date: str = ""


def _note_path(record: Checkpoint) -> Path:
    """Where the hash of a file is noted whose record has none, so that it is fetched once."""
    key = hashlib.sha256(" ".join(record.urls).encode()).hexdigest()
    return cache_folder() / "unrecorded" / f"{key}.json"


def _noted(record: Checkpoint) -> Noted | None:
    path = _note_path(record)
    if not record.urls or not path.is_file():
        return None
    try:
        return json_in.decoded(path.read_bytes(), Noted)
    except msgspec.DecodeError:  # damaged: the file is asked for again
        return None


def _received(record: Checkpoint) -> Path | None:
    """What was fetched for a record without a hash, if it is here."""
    known = _noted(record)
    return cached(known.sha256) if known else None


def _given_by_hand(project: str, record: Checkpoint) -> Path | None:
    """The one file that a person put into the folder of a checkpoint without a recorded hash.

    Raises `InputError` for several, and for one that cannot be it.
    """
    folder, _ = _drop_place(project, record)
    if not folder.is_dir():
        return None
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    if len(files) > 1:
        names = ", ".join(path.name for path in files)
        raise InputError(f"{folder}: expected the one file of {record.id}, got {names}.")
    return check_given(record, files[0]) if files else None


def _dropped(record: Checkpoint, sha256: str) -> Path | None:
    """A file in manual/ with the record's hash, moved into the cache by content."""
    folder = manual_folder()
    if not folder.is_dir():
        return None
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.startswith("."):
            continue
        if record.bytes is not None and path.stat().st_size != record.bytes:
            continue
        if sha256_of(path) == sha256:
            target = weights_folder(sha256) / (record.file or path.name).rsplit("/", 1)[-1]
            with disk_full_told(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
            return target
    return None


def status_of(project: str, record: Checkpoint, given: Sequence[Path] = ()) -> str:
    """Where a checkpoint would come from, in words."""
    if given:
        return "given with --checkpoint"
    if located(project, record):
        return "here"
    size, (folder, _) = wording.size(record.bytes), _drop_place(project, record)
    if not record.urls:
        return f"no address known: put the file into {folder}"
    direct = [url for url in record.urls if source_of(url).kind != "manual"]
    if not direct:
        return f"by hand ({size}): {record.urls[0]} -> {folder}"
    return f"would be downloaded from {wording.host(direct[0])} ({size})"
