"""Runs on this machine: the published ones, and those that `run` left in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from catalog import json_in
from catalog.errors import UsageError
from catalog.registry import RESULTS, load_results, workplace
from reproduce.cli.common import RUNS

if TYPE_CHECKING:
    from catalog.records import Result

RESULT = "result.json"
FEWEST = 4  # characters of a run's digits that may stand for it


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A finished run. `folder` holds its statistics, `place` is that folder as it is shown."""

    result: Result
    folder: Path
    place: str
    published: bool

    @property
    def kept_in(self) -> str:
        """The folder of folders it lies in, with whether that is the published one."""
        return "published" if self.published else str(Path(self.place).parent)


def stored_runs(root: Path) -> list[StoredRun]:
    """All finished runs, published ones first; one that is in both places is shown as published."""
    found = {
        result.run: StoredRun(
            result, root / RESULTS / result.run, f"{RESULTS}/{result.run}", published=True
        )
        for result in load_results(root)
    }
    for path in sorted((workplace(root) / RUNS).glob(f"*/{RESULT}")):
        run = _read(path, f"{RUNS.as_posix()}/{path.parent.name}")
        if run is not None:
            found.setdefault(run.result.run, run)
    return list(found.values())


def find_run(root: Path, target: str) -> StoredRun | None:
    """The run with this id, with an id that begins so, or in this folder; None: there is none.

    The project may be left out: the first digits are enough. Raises `UsageError` where several
    runs fit.
    """
    folder = Path(target)
    if (folder / RESULT).is_file() and (run := _read(folder / RESULT, target.rstrip("/"))):
        return run
    runs = stored_runs(root)
    for run in runs:
        if run.result.run == target:
            return run
    fits = [run for run in runs if _fits(run.result.run, target)]
    if len(fits) > 1:
        several = ", ".join(run.result.run for run in fits)
        raise UsageError(f"{target!r} fits {len(fits)} runs: {several}. Give more digits.")
    return fits[0] if fits else None


def unfinished(root: Path, target: str) -> Path | None:
    """The folder of a run that was planned and has no result yet, or None."""
    plans = sorted((workplace(root) / RUNS).glob("*/plan.json"))
    begun = [p.parent for p in plans if not (p.parent / RESULT).is_file()]
    return next((folder for folder in begun if _fits(folder.name, target)), None)


def _fits(run: str, target: str) -> bool:
    project, _, digits = run.rpartition("-")
    given = target.removeprefix(f"{project}-")
    return len(given) >= FEWEST and digits.startswith(given)


def _read(path: Path, place: str) -> StoredRun | None:
    """A run of this machine; None where its file is of another version: it can be made again."""
    from catalog.records import Result

    try:
        result = json_in.decoded(path.read_bytes(), Result)
    except (msgspec.DecodeError, OSError):
        return None
    return StoredRun(result, path.parent, place, published=False)
