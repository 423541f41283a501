"""What was seen in records by themselves: a record that is as it was is not looked at again.

Kept in the registry's cache under the hash of what it rests on: the code of this package, the data
files that records are judged by, and the day (a date may lie in the future).
"""

from __future__ import annotations

import datetime
import hashlib
import os
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import msgspec

from catalog import kept
from catalog.shipped import INSTALLED

# code, path inside the record, message, hint
Told = tuple[str, tuple[str | int, ...], str, str]
_FOLDERS = ("data", "decisions")


class Seen:
    """What is wrong with records, by their content; `keep` at the end."""

    def __init__(self, root: Path) -> None:
        self._root = root
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        self._key = kept.key_of(_code(), _data(root), today.encode())
        self._before = kept.read(root, "seen", self._key, dict[str, list[Told]]) or {}
        self._now: dict[str, list[Told]] = {}

    def of(
        self, record: msgspec.Struct, look: Callable[[], Iterable[Told]], also: bytes = b""
    ) -> list[Told]:
        """What `look` says of a record; `also`: what else than the record it rests on."""
        return self.at(msgspec.json.encode(record) + b"\n" + also, look)

    def at(self, content: bytes, look: Callable[[], Iterable[Told]]) -> list[Told]:
        """What `look` says of content that is told apart by these bytes."""
        digest = kept.part_of(content)
        told = self._before.get(digest)
        self._now[digest] = list(look()) if told is None else told
        return self._now[digest]

    def keep(self) -> None:
        """Keep it for the next time, without what is no longer there."""
        if self._now.keys() != self._before.keys():
            kept.write(self._root, "seen", self._key, self._now)


@cache
def _code() -> bytes:
    """Hash of everything that this package is made of: a check may call any of it."""
    return _hash(INSTALLED, ".py")


def _data(root: Path) -> bytes:
    """Hash of the data files that a registry has of its own, and of those installed."""
    folders = {folder.resolve() for folder in (INSTALLED, root / "catalog")}
    return b"".join(_hash(each / name, "") for each in sorted(folders) for name in _FOLDERS)


def _hash(folder: Path, ending: str) -> bytes:
    digest = hashlib.sha256()
    for base, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(name for name in names if name.endswith(ending)):
            content = Path(base, name).read_bytes()
            digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.digest()
