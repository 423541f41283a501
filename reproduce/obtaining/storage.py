"""What the harness keeps in the user's cache folder, and how to get rid of it.

weights     checked files that were downloaded; runs of any project use them
embeddings  what encoders made of images; computed again when needed
downloads   pieces of downloads that were not finished
manual      files a user dropped because no program can download them
data        data sets a user put there; never removed by us
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from catalog.files import lock
from catalog.records import Project
from reproduce.ground.places import cache_folder

Part = Literal["weights", "embeddings", "downloads", "manual", "data"]
FOLDERS: dict[Part, str] = {
    "weights": "weights",
    "embeddings": "embeddings",
    "downloads": "partial",
    "manual": "manual",
    "data": "data",
}
#: What can be removed; what a user brought by hand is only listed.
CLEARED: tuple[Part, ...] = ("weights", "embeddings", "downloads")


@dataclass(frozen=True, slots=True)
class Kept:
    """One part of the cache, or one file of weights in it. `projects`: whose records name it."""

    part: Part
    path: str
    files: int
    bytes: int
    sha256: str | None = None
    projects: tuple[str, ...] = ()


def kept(projects: Sequence[Project] = ()) -> list[Kept]:
    """Everything in the cache: every file of weights by itself, the other parts as a whole."""
    users: dict[str, set[str]] = {}
    for project in projects:
        for checkpoint in project.checkpoints or []:
            if checkpoint.sha256:
                users.setdefault(checkpoint.sha256, set()).add(project.slug)
    found = []
    for path in _files("weights"):
        sha256 = path.parent.name
        owners = tuple(sorted(users.get(sha256, ())))
        found.append(Kept("weights", str(path), 1, _size(path), sha256, owners))
    for part in list(FOLDERS)[1:]:
        if files := _files(part):
            place = str(cache_folder() / FOLDERS[part])
            found.append(Kept(part, place, len(files), sum(map(_size, files))))
    return found


def clear(parts: Sequence[Part], dry_run: bool = False) -> tuple[int, int]:
    """Remove parts of the cache: (files, bytes). `dry_run`: only count.

    Runs may go on meanwhile: they make embeddings again, and downloads that another process is
    busy with are left alone.
    """
    count = size = 0
    for part in parts:
        for path in _files(part):
            if part == "downloads" and _busy(path):
                continue
            count += 1
            size += _size(path)
            if not dry_run:
                path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # others may lie there still
                    path.parent.rmdir()
    return count, size


def _files(part: Part) -> list[Path]:
    """Files of a part. Hidden ones and locks belong to processes that are at work."""
    folder = cache_folder() / FOLDERS[part]
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".lock"
    )


def _busy(path: Path) -> bool:
    """Whether another process holds the lock of a download (`<name>.<address>.part`, its note)."""
    with lock(path.with_name(f"{path.name.partition('.')[0]}.lock"), 0) as mine:
        return not mine


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # another process was faster
        return 0
