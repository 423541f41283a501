"""Progress on stderr: a bar on a terminal, a line now and then in a pipe or a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

LINE_EVERY_S = 10.0


class Progress(Protocol):
    """What a long step reports to."""

    def advance(self, count: int = 1) -> None:
        """So many more are done."""


class _Lines:
    def __init__(self, what: str, unit: str, total: int | None, done: int) -> None:
        self.what, self.unit, self.total, self.done = what, unit, total, done
        self.begun = self.told = time.monotonic()
        self.start = done

    def advance(self, count: int = 1) -> None:
        if count == 0:
            return
        self.done += count
        now = time.monotonic()
        if now - self.told >= LINE_EVERY_S or self.done == self.total:
            self.told = now
            self.tell(now)

    def tell(self, now: float) -> None:
        rate = (self.done - self.start) / max(now - self.begun, 1e-9)
        of = left = ""
        if self.total is not None:
            of = f"/{self.total}"
            left = f", {_clock((self.total - self.done) / rate if rate else 0.0)} left"
        sys.stderr.write(
            f"{self.what}: {self.done}{of} {self.unit}, {rate:.2f} {self.unit}/s{left}\n"
        )
        sys.stderr.flush()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def progress(
    what: str, total: int | None, unit: str = "cases", done: int = 0, quiet: bool = False
) -> Iterator[Progress]:
    """Report `total` things (None: how many is not known); `done` of them were finished before
    (they don't count in the rate)."""
    if quiet:
        yield _Silent()
        return
    if not sys.stderr.isatty():
        yield _Lines(what, unit, total, done)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    begun = time.monotonic()
    with Bars(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(what, total=total, completed=done, rate="")

        class Bar:
            count = 0

            def advance(self, count: int = 1) -> None:
                self.count += count
                rate = self.count / max(time.monotonic() - begun, 1e-9)
                bars.update(task, advance=count, rate=f"{rate:.2f} {unit}/s")

        yield Bar()


class _Silent:
    def advance(self, count: int = 1) -> None:
        return
