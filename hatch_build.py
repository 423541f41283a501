"""Build hook: a wheel carries the registry as it is, and a stamp that says of which day.

Git says the day; a source distribution carries the stamp that was made where git was.
"""

from __future__ import annotations

import datetime
import json
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STAMP = "snapshot.json"
PLACE = "catalog/data/registry"
CODE = ("catalog", "reproduce", "sam4mis")
REGISTRY = (
    "papers.yaml",
    "projects",
    "reproduce/results",
    "reproduce/evidence",
    "benchmarks/results/memory.json",  # `find` says what a model needs
)


class SnapshotHook(BuildHookInterface):
    """Puts the registry and its stamp where `catalog/shipped.py` looks for them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """version: `standard`, or `editable`, which reads the clone and needs no copy."""
        if version == "editable":
            return
        root = Path(self.root)
        stamp = root / STAMP
        if not stamp.is_file():
            stamp = self._made
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.write_text(json.dumps(stamp_of(root), indent=1) + "\n", "utf-8")
        wanted = build_data["force_include"]
        if self.target_name == "sdist":
            wanted[str(stamp)] = STAMP
            return
        wanted[str(stamp)] = f"{PLACE}/{STAMP}"
        wanted.update({str(root / name): f"{PLACE}/{name}" for name in REGISTRY})

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """The stamp is in the archive now."""
        self._made.unlink(missing_ok=True)

    @property
    def _made(self) -> Path:
        return Path(self.directory) / f".{self.target_name}-{STAMP}"


def stamp_of(root: Path) -> dict[str, str | None]:
    """The day of the registry's last change and the commit of all that is built, by git.

    None is what it cannot say: a package of files that no commit holds has no commit.
    """
    if not (root / ".git").exists():
        return {"date": None, "commit": None}
    date = _git(root, "log", "-1", "--format=%cs", "--", *REGISTRY)
    if _git(root, "status", "--porcelain", "--", *REGISTRY):
        date = datetime.datetime.now(datetime.UTC).date().isoformat()
    changed = _git(root, "status", "--porcelain", "--", *REGISTRY, *CODE)
    commit = None if changed else _git(root, "rev-parse", "HEAD")
    return {"date": date or None, "commit": commit or None}


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", *arguments],  # noqa: S607 - by name, as users have it
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
