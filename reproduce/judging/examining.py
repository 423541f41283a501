"""Whether a result folder can be what a run wrote: every check of one, and of several together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from catalog import json_in
from catalog.errors import Finding, InputError
from catalog.records import Result
from catalog.registry import AGAIN, RESULTS
from reproduce.asking.replay import PROMPTS, ROUNDS
from reproduce.ground.reading import sha256_of
from reproduce.judging.asked import asked_of
from reproduce.judging.coverage import areas, missing_or_extra, other_areas
from reproduce.judging.derived import other_values
from reproduce.runs.recorded import run_id_of
from reproduce.statistics.checking import Problem, problems
from reproduce.statistics.storage import read_statistics, run_of

if TYPE_CHECKING:
    import pyarrow as pa

    from reproduce.judging.coverage import Target

RESULT = "result.json"
STATISTICS = "statistics.parquet"
# Limits of a folder that is committed: what a pull request may bring.
MOST_FILES = 16
MOST_MIB = 64
MOST_VALUES = 50_000_000  # of the statistics, unpacked
# Statistics name their run since the second rule of run ids. Of the first rule none are made any
# more; these are all that were published, by the sha256 of their rows.
FIRST = {
    "lwnet-360c0c7b93f6d3b8": "8496f62ff4b5735a7a0e797a007ba2f0a72ea502fcace8bce6a2644c74db9283",
    "lwnet-5332feda9c21c1fc": "15901ec3ca4366526f5a05d59d628493676c64b6c2a5709db8eca6028dc58531",
    "lwnet-a3c59014a72e74cd": "4c4902cfc6319241b3a6187b1ac2b4cf72ed17e7e2e461cd6312665c4a145f12",
    "lwnet-c22efd0b0b62f2a1": "cf76f044a3f98e086f775fc782aab404feef1afb82fe991a9a5a4627c2211f87",
}
TOLD = 5  # findings of one kind and file that are told one by one


def examine(folder: Path) -> list[Finding]:
    """Everything in which the result in `folder` contradicts its inputs, prompts and statistics.

    Reads no more than a bounded number of bytes, whatever lies there.
    """
    return _Folder(folder).findings()


def examine_all(root: Path, more: Iterable[Path] = ()) -> list[Finding]:
    """`examine` of every committed result, and what two of them say differently of one case.

    more  folders of results that are to be taken in, examined like those
    """
    committed = [path for path in sorted((root / RESULTS).glob("*")) if is_result(path)]
    committed += [path for path in sorted((root / AGAIN).glob("*/*")) if is_result(path)]
    folders = [_Folder(path) for path in (*committed, *more)]
    found = {folder: folder.findings() for folder in folders}
    sound = [folder for folder, findings in found.items() if not findings]
    return [*(f for findings in found.values() for f in findings), *_disagreeing(sound)]


def is_result(path: Path) -> bool:
    """Whether a folder is there to be examined; a link in the place of one is."""
    return path.is_symlink() or (path / RESULT).exists() or (path / STATISTICS).exists()


class _Folder:
    """One result folder while it is examined; `table` None until it is known to be readable."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        again = folder.parent.parent.name == AGAIN.rpartition("/")[2]
        self.place = f"{AGAIN}/{folder.parent.name}" if again else RESULTS
        self.place += f"/{folder.name}"
        self.result: Result | None = None
        self.table: pa.Table | None = None
        self.named = True  # the statistics name a run

    def findings(self) -> list[Finding]:
        """What is wrong, in the order in which it can be known."""
        for step in (self._plain, self._inputs, self._statistics, self._content):
            if found := list(step()):
                return found
        return []

    def _finding(self, code: str, file: str, path: str, message: str) -> Finding:
        hint = (
            f"Restore it (git restore {self.place}), or run the claim again and publish that: "
            "results are never edited."
        )
        return Finding(
            f"{self.place}/{file}" if file else self.place,
            None,
            path,
            code,
            message.rstrip(".") + ".",
            hint,
        )

    def _told(self, code: str, file: str, found: Iterable[Problem]) -> Iterator[Finding]:
        listed = list(found)
        for problem in listed[:TOLD]:
            yield self._finding(code, file, problem.column, problem.message)
        if len(listed) > TOLD:
            yield self._finding(code, file, "", f"and {len(listed) - TOLD} more of this kind")

    # ------------------------------------------------------------------------------- steps

    def _plain(self) -> Iterator[Finding]:
        """The folder's own plain files, few and small; no links out of it."""
        entries = [self.folder.parent, self.folder, *sorted(self.folder.rglob("*"))]
        if links := [entry for entry in entries if entry.is_symlink()]:
            inside = links[0].is_relative_to(self.folder)
            name = links[0].relative_to(self.folder).as_posix() if inside else ""
            yield self._finding("Z007", name, "", "expected a file of the result's own, got a link")
            return
        files = [entry for entry in entries[2:] if entry.is_file()]
        size = sum(entry.stat().st_size for entry in files)
        if len(files) > MOST_FILES:
            yield self._finding(
                "Z007", "", "", f"expected at most {MOST_FILES} files, got {len(files)}"
            )
        if size > MOST_MIB << 20:
            yield self._finding(
                "Z007", "", "", f"expected at most {MOST_MIB} MiB, got {size / (1 << 20):.1f} MiB"
            )

    def _inputs(self) -> Iterator[Finding]:
        """A result of this version, whose id is the hash of what it says it was made of."""
        try:
            self.result = result = json_in.decoded((self.folder / RESULT).read_bytes(), Result)
            expected = run_id_of(result)
        except (msgspec.DecodeError, OSError) as error:
            yield self._finding("Z003", RESULT, "", f"expected a result of result/1, got: {error}")
            return
        except InputError as error:
            yield self._finding("Z003", RESULT, "", str(error))
            return
        for what, got in (("", result.run), ("of the folder ", self.folder.name)):
            if got != expected:
                yield self._finding(
                    "Z003",
                    RESULT,
                    "run",
                    f"expected the id {what}{expected}, the hash of its inputs, got {got}",
                )
        if own := result.environment.get("plugins"):
            message = f"expected no plugins of somebody's own, got {own}"
            yield self._finding("Z014", RESULT, "environment.plugins", message)
        known = {RESULT, STATISTICS, *(c.image for c in result.contours if c.image)}
        if result.inputs.get("prompt_sha256") is not None:
            known.add(PROMPTS)
        if result.rounds is not None:
            known.add(ROUNDS)
        names = {
            f.relative_to(self.folder).as_posix() for f in self.folder.rglob("*") if f.is_file()
        }
        for name in sorted(names - known):
            yield self._finding("Z007", name, "", "expected only files that the result names")
        for name in sorted(known - names - {STATISTICS}):
            yield self._finding(
                "Z007", name, "", "expected the file that the result names, got none"
            )

    def _statistics(self) -> Iterator[Finding]:
        """The Parquet file that was recorded, of its type and sound by itself."""
        assert self.result is not None
        recorded = self.result.statistics
        if recorded is None or recorded.file != STATISTICS:
            got = None if recorded is None else recorded.file
            yield self._finding("Z004", RESULT, "statistics", f"expected {STATISTICS}, got {got!r}")
            return
        path = self.folder / STATISTICS
        if not path.is_file():
            yield self._finding("Z004", STATISTICS, "", "expected the statistics, got no file")
            return
        size, digest = path.stat().st_size, sha256_of(path)
        if (size, digest) != (recorded.bytes, recorded.sha256):
            yield self._finding(
                "Z004",
                STATISTICS,
                "",
                f"expected {recorded.bytes} bytes with sha256 {recorded.sha256} as recorded, got "
                f"{size} with {digest}",
            )
            return
        try:
            table = read_statistics(path, most_values=MOST_VALUES)
        except InputError as error:
            message = str(error).removeprefix(f"{path}: ")
            yield self._finding("Z004", STATISTICS, "", message)
            return
        if table.num_rows != recorded.rows:
            yield self._finding(
                "Z004",
                STATISTICS,
                "rows",
                f"expected {recorded.rows} as recorded, got {table.num_rows}",
            )
            return
        # Every run since inputs name their rule says in its statistics that they are its own.
        said = run_of(table)
        self.named = said is not None
        if said != self.result.run and (said or "run_schema" in self.result.inputs):
            yield self._finding(
                "Z004",
                STATISTICS,
                "run",
                f"expected the statistics of {self.result.run}, got those of {said or 'no run'}",
            )
            return
        yield from self._told("Z008", STATISTICS, problems(table))
        self.table = table

    def _content(self) -> Iterator[Finding]:
        """Rows of the cases, prompts and thresholds that were asked; and what follows from them."""
        assert self.result is not None
        assert self.table is not None
        try:
            asked = asked_of(self.result, self.folder)
        except InputError as error:
            yield self._finding("Z009", RESULT, "", str(error))
            return
        rows = list(self._told("Z009", STATISTICS, missing_or_extra(self.table, asked)))
        # Every result since inputs name their rule records what its reference masks held.
        if self.result.references or "run_schema" in self.result.inputs:
            recorded = other_areas(self.table, self.result.references)
            rows += self._told("Z009", STATISTICS, recorded)
        yield from rows
        if not rows:
            yield from self._told("Z010", RESULT, other_values(self.result, self.table, asked))
        if not rows and not self.named:
            expected, got = FIRST.get(self.result.run), rows_sha256(self.table)
            if got != expected:
                message = f"names no run, and {self.result.run} published rows with sha256 "
                yield self._finding("Z004", STATISTICS, "", f"{message}{expected}, got {got}")

    # ---------------------------------------------------------------------------- together

    def references(self) -> dict[tuple[object, ...], dict[Target, tuple[int, int]]]:
        """(how references were made, case, its files) -> target -> (pixels, reference area)."""
        assert self.result is not None
        assert self.table is not None
        protocol, inputs = self.result.protocol, self.result.inputs
        # On the grid of a model its options say what a reference looks like.
        grid = protocol.get("grid")
        maker = None if grid == "original" else (inputs.get("adapter"), protocol["adapter_options"])
        how = (
            grid,
            maker,
            inputs.get("dataset", protocol.get("dataset")),
            protocol.get("dataset_options"),
            protocol.get("reference_filter"),
            protocol.get("objects"),
            protocol.get("prompt_profile"),
            inputs.get("labels"),
        )
        sizes = areas(self.table)
        return {
            (_said(how), case["id"], _said(case["files"])): {
                target: size for target, size in sizes.items() if target[0] == case["id"]
            }
            for case in inputs["cases"]
            if case["files"]
        }


def rows_sha256(table: pa.Table) -> str:
    """Of the values of a table, however its file is written."""
    return hashlib.sha256(msgspec.json.encode(table.to_pylist())).hexdigest()


def _said(value: object) -> str:
    """The same for the same facts, in whatever order a file has them."""
    return json.dumps(value, sort_keys=True, default=str)


def _disagreeing(folders: Iterable[_Folder]) -> Iterator[Finding]:
    """Runs of the same case, read the same way, whose references are not the same."""
    seen: dict[tuple[object, ...], tuple[_Folder, dict[Target, tuple[int, int]]]] = {}
    for folder in folders:
        for key, sizes in folder.references().items():
            other, expected = seen.setdefault(key, (folder, sizes))
            differing = [t for t in sizes.keys() & expected.keys() if sizes[t] != expected[t]]
            for target in sorted(differing, key=repr)[:1]:
                case, label = target[:2]
                yield folder._finding(
                    "Z011",
                    STATISTICS,
                    "tp+fn",
                    f"case {case!r}, label {label!r}: expected {expected[target][1]} of "
                    f"{expected[target][0]} pixels as in {other.place}, got {sizes[target][1]} of "
                    f"{sizes[target][0]}: one of the two is wrong",
                )
