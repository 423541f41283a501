"""One file that a record describes: from the first of its addresses that delivers it.

The hash decides, not the address: whatever delivers the right bytes is right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from catalog.errors import InputError
from reproduce.ground.extras import install_command
from reproduce.ground.reading import sha256_of
from reproduce.obtaining.archives import ARCHIVES
from reproduce.obtaining.damage import damage
from reproduce.obtaining.sources import Source, source_of
from reproduce.obtaining.transfer import discard, download


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
    """What a file may be (`reproduce.ground.sniffing.sniff`), and what messages call that."""

    expected: str
    sniffed: tuple[str, ...]


WEIGHTS = FileKind("weights", ("safetensors", "torch", "pickle", *ARCHIVES))
BESIDE = FileKind("a file of the release", ("a JSON text", *ARCHIVES))  # no weights: plans
PACKED = FileKind("a zip or tar archive", (*ARCHIVES, "torch"))  # sniff takes a cut zip for torch


BROWSER = "Mozilla/5.0"  # Google Drive answers others with another page


class FailedError(Exception):
    """No address delivered the file; the text lists what each one answered."""


def difference(record: Wanted, path: Path, kind: FileKind) -> str | None:
    """How a file differs from a record: in hash, in size, in kind, or as it is damaged; None where
    it fits."""
    from reproduce.ground.sniffing import sniff

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
    return damage(path)


def md5_of(path: Path) -> str:
    """md5 of a file; some records have no other hash."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False))
    return digest.hexdigest()


def key_of(record: Wanted) -> str:
    """The name of a file's lock while it is received, and how those of its parts begin."""
    return record.sha256 or hashlib.sha256(" ".join(record.urls).encode()).hexdigest()


def first_good(
    record: Wanted, folder: Path, kind: FileKind, quiet: bool = False
) -> tuple[Source, Path]:
    """Download a file from the first address that delivers what the record says.

    Returns that address and the file: a part in `folder`, one for each address. Raises
    `FailedError` where none does.
    """
    problems = []
    for url in record.urls:
        address = hashlib.sha256(url.encode()).hexdigest()[:16]
        part = folder / f"{key_of(record)}.{address}.part"
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
                discard(part)
                problems.append(f"{url}: not the released file. {problem}")
                continue
            return source, part
        except InputError as error:
            problems.append(str(error))
    if not record.urls:
        problems.append("no address is known for it")
    raise FailedError("\n".join(f"  - {problem}" for problem in problems))


def _fetch(source: Source, record: Wanted, part: Path, quiet: bool) -> None:
    headers: dict[str, str] = {}
    passed = None
    if source.kind == "gdrive":
        headers["User-Agent"] = BROWSER
        passed = partial(_behind_the_page, source.given)
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
        passed=passed,
    )


def _behind_the_page(given: str, page: str) -> str:
    """The address that a confirmation page of Google Drive leads to."""
    try:
        from gdown.download import get_url_from_gdrive_confirmation
    except ModuleNotFoundError as error:
        raise InputError(
            f"{given}: Google Drive needs the package gdown: {install_command()}"
        ) from error
    try:
        return str(get_url_from_gdrive_confirmation(page))
    except Exception as error:  # gdown raises its own types, those of its parser and bare ones
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{given}: Google Drive: {lines[0]}") from error
