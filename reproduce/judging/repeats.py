"""Published runs that somebody else computed again, and whether the two agree.

A repeat has the inputs, and so the id, of the run it repeats. It lies in `reproduce/results/again`
in a folder of who ran it, and is examined like any result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from catalog import json_in
from catalog.errors import Finding
from catalog.records import Repeat, Result
from catalog.registry import AGAIN, RESULTS
from catalog.repeats import one_name
from reproduce.statistics.parity import Difference, difference
from reproduce.statistics.storage import read_statistics

RESULT, STATISTICS = "result.json", "statistics.parquet"
ONE_NAME = "Whoever ran it has one name, in one spelling."


def compared(run: Path, again: Path) -> Difference | None:
    """What moved from a run to its repeat, by their folders; None: other rows."""
    return difference(read_statistics(run / STATISTICS), read_statistics(again / STATISTICS))


def agrees(found: Difference | None) -> bool:
    """Whether a repeat gave the same: counts exactly, floats within the rounding."""
    return found is not None and found.same


def told(found: Difference | None) -> str:
    """What moved, in words."""
    return "other rows" if found is None else str(found)


def where(result: Result) -> str | None:
    """The card that computed it, else the processor."""
    on = result.environment.get("gpu") or result.environment.get("cpu")
    return None if on is None else str(on)


def repeats(root: Path, more: Iterable[Path] = ()) -> tuple[list[Repeat], list[Finding]]:
    """Every repeat that is committed in `root`, and those in the folders `more`; why others are no
    repeats.

    more  folders that were examined before (`reproduce.judging.examining`), as those in `root` were
    """
    folders = [path.parent for path in sorted((root / AGAIN).glob(f"*/*/{RESULT}"))]
    seen = [(one, f"{RESULTS}/{one.run}") for one in _published(root)]
    found, problems = list[Repeat](), list[Finding]()
    for folder in (*folders, *more):
        result = _read(folder)
        place = f"{AGAIN}/{folder.parent.name}/{folder.name}"
        if told := _none(root, folder, result) or _copied(result, seen):
            path, message, hint = told
            problems.append(Finding(f"{place}/{RESULT}", None, path, "Z014", message, hint))
            continue
        seen.append((result, place))
        found.append(_repeat(root, folder, result))
    return found, problems


Told = tuple[str, str, str]  # path, message, hint


def _none(root: Path, folder: Path, result: Result) -> Told | None:
    """Why a folder holds no repeat of anything that is published."""
    if result.by != folder.parent.name:
        return "by", f"expected {folder.parent.name} as its folder is called, got {result.by}.", ""
    if not (root / RESULTS / result.run / RESULT).is_file():
        hint = f"The first run of something lies in {RESULTS}/<run>."
        return "run", f"repeats {result.run}, which is not published.", hint
    return None


def _copied(result: Result, seen: Sequence[tuple[Result, str]]) -> Told | None:
    """Why a repeat is none of its own: of a name that is another's, or a copy of what is there.

    seen  results, and where they lie
    """
    assert result.by is not None
    for other, place in seen:
        if other.by and other.by != result.by and one_name(other.by) == one_name(result.by):
            return "by", f"{result.by} is {other.by} of {place}, written otherwise.", ONE_NAME
        if other.run == result.run:
            # `created` counts seconds: two runs of less than one may rightly share it.
            quick = result.timing.get("wall_s", 0) < 1
            for name in ("timing",) if quick else ("created", "timing"):
                if getattr(other, name) == getattr(result, name):
                    message = f"is that of {place}: no two runs have the same."
                    return name, message, "sam4mis reproduce rerun computes it again."
    return None


def _published(root: Path) -> list[Result]:
    return [_read(path.parent) for path in sorted((root / RESULTS).glob(f"*/{RESULT}"))]


def _read(folder: Path) -> Result:
    return json_in.decoded((folder / RESULT).read_bytes(), Result)


def _repeat(root: Path, folder: Path, result: Result) -> Repeat:
    """A repeat compared with what it repeats in the registry `root`."""
    assert result.by is not None
    found = compared(root / RESULTS / result.run, folder)
    return Repeat(
        run=result.run,
        by=result.by,
        on=where(result),
        created=result.created,
        agrees=agrees(found),
        told=told(found),
    )
