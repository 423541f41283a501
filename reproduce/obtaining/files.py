"""One file that a record describes: from the first of its addresses that delivers it.

The hash decides, not the address: whatever delivers the right bytes is right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from catalog.errors import InputError
from reproduce.cli.common import install_command
from reproduce.obtaining.archives import ARCHIVES
from reproduce.obtaining.sources import Source, source_of
from reproduce.obtaining.transfer import download
from reproduce.reading import sha256_of


class Wanted(Protocol):
    """What is known of a file: a checkpoint of a project, an archive of a data set."""

    @property
    def id(self) -> str: ...
    @property
    def file(self) -> str | None: ...
    @property
    def urls(self) -> Sequence[str]: ...
    @property
    def sha256(self) -> str | None: ...
    @property
    def md5(self) -> str | None: ...
    @property
    def bytes(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file may be (`reproduce.sniffing.sniff`), and what messages call that."""

    expected: str
    sniffed: tuple[str, ...]


WEIGHTS = FileKind("weights", ("safetensors", "torch", "pickle", *ARCHIVES))
PACKED = FileKind("a zip or tar archive", (*ARCHIVES, "torch"))  # sniff takes a cut zip for torch


class FailedError(Exception):
    """No address delivered the file; the text lists what each one answered."""


def difference(record: Wanted, path: Path, kind: FileKind) -> str | None:
    """How a file differs from a record: in hash, in size, in kind; None where it fits."""
    from reproduce.sniffing import sniff

    size = path.stat().st_size
    if record.sha256 is not None:
        got = sha256_of(path)
        if got == record.sha256:
            return None
        wanted = f" ({record.bytes:,} bytes)" if record.bytes else ""
        return (
            f"Expected sha256 {record.sha256}{wanted}, got {got} ({size:,} bytes); "
            f"it looks like {sniff(path)}."
        )
    if record.bytes is not None and size != record.bytes:
        return f"Expected {record.bytes:,} bytes, got {size:,}; it looks like {sniff(path)}."
    if record.md5 is not None:
        md5 = md5_of(path)
        if md5 != record.md5:
            return f"Expected md5 {record.md5}, got {md5}; it looks like {sniff(path)}."
    if sniff(path) not in kind.sniffed:
        return f"Expected {kind.expected}, got {sniff(path)}."
    return None


def md5_of(path: Path) -> str:
    """md5 of a file; some records have no other hash."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False))
    return digest.hexdigest()


def first_good(record: Wanted, part: Path, kind: FileKind, quiet: bool = False) -> Source:
    """Download a file into `part` from the first address that delivers what the record says.

    Raises `FailedError` where none does.
    """
    problems = []
    for url in record.urls:
        try:
            source = source_of(url)
            if source.kind == "manual":
                problems.append(f"{url}: {source.note}")
                continue
            if not source.pinned and record.sha256 is None:
                problems.append(
                    f"{url}: revision {source.revision!r} may change and no sha256 is recorded; "
                    "name a commit of 40 hex digits"
                )
                continue
            _fetch(source, record, part, quiet)
            if problem := difference(record, part, kind):
                part.unlink(missing_ok=True)
                problems.append(f"{url}: not the released file. {problem}")
                continue
            return source
        except InputError as error:
            problems.append(str(error))
    if not record.urls:
        problems.append("no address is known for it")
    raise FailedError("\n".join(f"  - {problem}" for problem in problems))


def _fetch(source: Source, record: Wanted, part: Path, quiet: bool) -> None:
    if source.kind == "gdrive":
        _from_google_drive(source, part, quiet)
        return
    headers = {}
    if source.kind == "hf":
        from huggingface_hub import get_token

        if token := get_token():
            headers["Authorization"] = f"Bearer {token}"
    download(
        source.url,
        part,
        expected_bytes=record.bytes,
        headers=headers,
        name=record.file or record.id,
        quiet=quiet,
    )


def _from_google_drive(source: Source, part: Path, quiet: bool) -> None:
    try:
        import gdown
    except ModuleNotFoundError as error:
        raise InputError(
            f"{source.given}: Google Drive needs the package gdown: {install_command()}"
        ) from error
    try:
        done = gdown.download(id=source.file_id, output=str(part), quiet=quiet, resume=True)
    except Exception as error:  # gdown raises its own types, requests' and bare ones
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{source.given}: Google Drive: {lines[0]}") from error
    if done is None or not part.is_file():
        raise InputError(f"{source.given}: Google Drive gave no file (quota, or not shared).")
