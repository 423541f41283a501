"""What a check says about one record, before it has a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from catalog.records import Paper

Step = str | int
Fix = Callable[[Paper], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one work. `path` is where in the record, without the record's id.

    `fix` changes a copy of the work so that the problem is gone, None where a person must decide.
    """

    code: str
    path: tuple[Step, ...]
    message: str
    hint: str = ""
    fix: Fix | None = None
