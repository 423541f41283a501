"""Small data sets and the archives they come in."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from reproduce.contracts import Archive


def zipped(**files: bytes) -> bytes:
    """A zip file; `__` in a name is a slash."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return stream.getvalue()


def packed(top: str, folders: dict[str, Path]) -> bytes:
    """A tar.gz as GitHub makes it of a repository: everything below one folder."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        note = tarfile.TarInfo(f"{top}/README.md")
        note.size = 5
        archive.addfile(note, io.BytesIO(b"hello"))
        for name, folder in folders.items():
            archive.add(folder, f"{top}/{name}")
    return stream.getvalue()


def small(*archives: Archive) -> Any:
    """A data set of two splits."""
    return SimpleNamespace(
        name="small",
        title="Small set",
        access="Ask its owners.",
        splits={"test": "", "training": ""},
        archives=archives,
    )


def archive(packed_bytes: bytes, *urls: str, **changes: Any) -> Archive:
    facts: dict[str, Any] = {
        "file": "small.zip",
        "urls": urls,
        "folders": {"Small": "Small"},
        "sha256": hashlib.sha256(packed_bytes).hexdigest(),
        "source": "this test",
    }
    return Archive(**(facts | changes))


def tarred(**files: bytes) -> bytes:
    """A tar.gz file; `__` in a name is a slash."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", format=tarfile.GNU_FORMAT) as packed_files:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size = len(content)
            packed_files.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def flagged(content: bytes, at: int, value: int) -> bytes:
    """A zip file with another byte in the entry of its directory."""
    changed = bytearray(content)
    changed[content.find(b"PK\x01\x02") + at] = value
    return bytes(changed)
