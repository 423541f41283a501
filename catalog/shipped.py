"""The registry that an installation brings along, for who works outside any clone.

A wheel carries a copy that is only read, and the day it is of; an editable installation has its
clone. Built by `hatch_build.py`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

import msgspec

from catalog import json_in

INSTALLED = Path(__file__).resolve().parent
SNAPSHOT = INSTALLED / "data" / "registry"  # in a wheel only
STAMP = "snapshot.json"
REGISTRY = ("papers.yaml", "projects", "reproduce/results")  # what its day is the day of


class Stamp(msgspec.Struct, frozen=True):
    """What a wheel was built of. date: of the last change of its registry; commit: of all that is
    in it, code too. None where the files had no history or were changed after it."""

    date: str | None = None
    commit: str | None = None

    def __str__(self) -> str:
        return f"the registry's snapshot of {self.date or 'an unknown day'}"


@lru_cache(maxsize=1)
def stamp() -> Stamp | None:
    """What the snapshot of this installation is of; None where it has none (a clone)."""
    try:
        return json_in.decoded((SNAPSHOT / STAMP).read_bytes(), Stamp)
    except (OSError, msgspec.DecodeError):
        return Stamp() if SNAPSHOT.is_dir() else None


def shipped() -> Path | None:
    """The snapshot, else the clone that is installed editable, else None."""
    if SNAPSHOT.is_dir():
        return SNAPSHOT
    clone = INSTALLED.parent
    return clone if (clone / "pyproject.toml").is_file() else None


def stamp_of(root: Path) -> Stamp:
    """The day and commit of a registry: a snapshot's own, else git's last commit that changed it.

    What was changed since is in neither; nothing is known of files without a history.
    """
    if is_snapshot(root):
        return stamp() or Stamp()
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return Stamp()
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [git, "-C", str(root), "log", "-1", "--format=%cs %H", "--", *REGISTRY],
        capture_output=True,
        text=True,
        check=False,
    )
    date, _, commit = done.stdout.strip().partition(" ")
    return Stamp(date or None, commit or None)


def is_snapshot(root: Path) -> bool:
    """Whether this registry is the one that is only read."""
    return root == SNAPSHOT


def cache_of_snapshot() -> Path:
    """Where what was parsed of the snapshot is kept: the installation's own files stay as they are.

    Raises `OSError` where the user has no folder for it.
    """
    import platformdirs

    if named := os.environ.get("SAM4MIS_CACHE"):
        return Path(named).expanduser() / "registry"
    try:
        folder = Path(platformdirs.user_cache_dir("sam4mis"))
    except RuntimeError as error:
        raise OSError("this user has no home folder") from error
    if not folder.is_absolute():
        raise OSError("this user has no home folder")
    return folder / "registry"
