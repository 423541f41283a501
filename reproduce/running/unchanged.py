"""What a run reads is what was hashed when it was planned, however long it waited since.

Files are hashed after they were read, so one that was replaced in between is noticed too. What
was read of it is thrown away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from catalog.errors import InputError
from reproduce.contracts import Case, Dataset, Sample, Through
from reproduce.ground.reading import sha256_of
from reproduce.runs.spec import RunSpec

AGAIN = "it was replaced after the run was planned. Give the command again: it plans another run."
# What a file system tells of a file that was written anew: device, file, bytes, when.
Written = tuple[int, int, int, int]


def need_hash(path: Path, expected: str, got: str) -> None:
    """Raise `InputError` for a file that is another one than when the run was planned."""
    if got != expected:
        raise InputError(
            f"{path}: expected the file with sha256 {expected[:16]}, got {got[:16]}: {AGAIN}"
        )


def need_files(paths: Iterable[Path], hashes: Iterable[str]) -> None:
    """Raise `InputError` for the first of some files that is not the hashed one."""
    for path, expected in zip(paths, hashes, strict=True):
        need_hash(path, expected, sha256_of(path))


class PlannedDataset(Through):
    """A data set of which nothing is given but what was planned: case -> role -> sha256."""

    def __init__(self, plugin: Dataset, planned: Mapping[str, Mapping[str, str]]) -> None:
        super().__init__(plugin)
        self.planned = planned
        self.known: dict[Path, tuple[Written, str]] = {}

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """As the plugin's `load`. Raises `InputError` for a case with another file."""
        sample = self.plugin.load(case, options)
        for role, path in case.files.items():
            if path.is_file():
                need_hash(path, self.planned[case.id].get(role, "none"), self._sha256(path))
        return sample

    def _sha256(self, path: Path) -> str:
        """A file that several cases share is hashed again only where it was written anew."""
        facts = path.stat()
        written = facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns
        before = self.known.get(path)
        if before is None or before[0] != written:
            before = self.known[path] = (written, sha256_of(path))
        return before[1]


def planned(dataset: Dataset, spec: RunSpec) -> Dataset:
    """A data set that gives the cases of a run as they were planned, or refuses them."""
    return PlannedDataset(dataset, {case.id: case.files for case in spec.cases})
