"""Published runs that somebody else computed again, and whether the two agree.

A repeat has the inputs, and so the id, of the run it repeats. It lies in `reproduce/results/again`
in a folder of who ran it, and is examined like any result.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from catalog.errors import Finding
from catalog.records import Repeat, Result
from catalog.registry import AGAIN, RESULTS
from reproduce.statistics.parity import Difference, difference
from reproduce.statistics.storage import read_statistics

RESULT, STATISTICS = "result.json", "statistics.parquet"


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


def repeat_of(root: Path, folder: Path) -> tuple[Repeat | None, Finding | None]:
    """A repeat compared with what it repeats in the registry `root`; or why it repeats nothing.

    folder  examined before (`reproduce.judging.examining`)
    """
    result = msgspec.json.decode((folder / RESULT).read_bytes(), type=Result)
    place = f"{AGAIN}/{folder.parent.name}/{folder.name}/{RESULT}"
    first = root / RESULTS / result.run
    if result.by != folder.parent.name:
        message = f"expected {folder.parent.name} as its folder is called, got {result.by}."
        return None, Finding(place, None, "by", "Z014", message)
    if not (first / RESULT).is_file():
        message = f"repeats {result.run}, which is not published."
        hint = f"The first run of something lies in {RESULTS}/<run>."
        return None, Finding(place, None, "run", "Z014", message, hint)
    found = compared(first, folder)
    return (
        Repeat(
            run=result.run,
            by=result.by,
            on=where(result),
            created=result.created,
            agrees=agrees(found),
            told=told(found),
        ),
        None,
    )


def repeats(root: Path, more: Iterable[Path] = ()) -> tuple[list[Repeat], list[Finding]]:
    """Every repeat that is committed in `root`, and those in the folders `more`."""
    folders = [path.parent for path in sorted((root / AGAIN).glob(f"*/*/{RESULT}"))]
    pairs = [repeat_of(root, folder) for folder in (*folders, *more)]
    return [one for one, _ in pairs if one], [problem for _, problem in pairs if problem]
