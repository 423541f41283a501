"""Get the weights a project names: from the cache, from a file of the user, or the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.records import Checkpoint
from reproduce.checkpoints.cache import cached, manual_folder
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
    """A file the user names, if it is the one the record describes. Raises `InputError`."""
    from reproduce.checkpoints.loading import sniff

    if not path.is_file():
        raise InputError(f"{path}: no such file, expected the checkpoint {record.id}.")
    got = sha256_of(path)
    if record.sha256 is not None and got != record.sha256:
        raise InputError(
            f"{path}: not the checkpoint {record.id}. Expected sha256 {record.sha256}"
            + (f" ({record.bytes:,} bytes)" if record.bytes else "")
            + f", got {got} ({path.stat().st_size:,} bytes); it looks like {sniff(path)}. "
            "Download the released file again, or correct the record if the authors replaced it."
        )
    return path


def obtain(project: str, record: Checkpoint) -> Path:
    """The checked file of a record from the cache, from manual/, or downloaded now."""
    if record.sha256 and (path := cached(record.sha256)):
        return path
    raise PrerequisiteError(
        f"{project}: the checkpoint {record.id} is not here. Download "
        f"{' or '.join(record.urls) or 'it'} and put it into {manual_folder()}"
    )


def status_of(record: Checkpoint, given: Sequence[Path] = ()) -> str:
    """Where a checkpoint would come from, in words."""
    if given:
        return "given with --checkpoint"
    if record.sha256 and (path := cached(record.sha256)):
        return f"in the cache ({path})"
    size = f"{record.bytes:,} bytes" if record.bytes else "size unknown"
    return f"would be downloaded ({size})"
