"""Who runs something: an identifier that people choose; it stands in what they publish."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import msgspec

from catalog.errors import UsageError
from catalog.records import Who

VARIABLE = "SAM4MIS_BY"
SETTING = "sam4mis.by"


def who_runs(given: str | None, root: Path) -> str | None:
    """The identifier of --by, else $SAM4MIS_BY, else of `git config sam4mis.by`; None: nowhere.

    Raises `UsageError` for one that cannot stand in a record.
    """
    places = (("--by", given), (VARIABLE, os.environ.get(VARIABLE)))
    place, name = next(((p, n) for p, n in places if n), (f"git config {SETTING}", _set(root)))
    if name is None:
        return None
    try:
        return msgspec.convert(name, Who)
    except msgspec.ValidationError:
        raise UsageError(
            f"{place} {name}: expected a name of up to 64 letters, digits and . _ -, as one at "
            "GitHub or an ORCID."
        ) from None


def _set(root: Path) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(root), "config", "--get", SETTING],  # noqa: S607 - by name
            capture_output=True,
            text=True,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
