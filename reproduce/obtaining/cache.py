"""The cache of weights: one folder for all projects and processes of a user, named by content.

`weights/<sha256>/<file name>`: a file is there only after its hash was checked. `manual/` is where
users drop files that no program can download; they are recognised by their hash.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """$SAM4MIS_CACHE, else the user's cache folder of the operating system."""
    if named := os.environ.get("SAM4MIS_CACHE"):
        return Path(named).expanduser().resolve()
    return Path(platformdirs.user_cache_dir("sam4mis"))


def weights_folder(sha256: str) -> Path:
    """Where the file with this content lies once it was checked."""
    return cache_folder() / "weights" / sha256


def manual_folder() -> Path:
    """Where users drop downloaded files."""
    return cache_folder() / "manual"


def cached(sha256: str) -> Path | None:
    """The checked file with this content, or None."""
    folder = weights_folder(sha256)
    if not folder.is_dir():
        return None
    files = [p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")]
    return files[0] if files else None
