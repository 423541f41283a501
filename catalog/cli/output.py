"""How commands speak: data on standard output, talk on standard error.

On a terminal tables are drawn with rich; in a pipe they are lines of tab-separated values without a
header; with `--json` they are JSON. Text from the registry is never read as markup.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer

from catalog.text import clean

JsonOption = Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")]

Row = Sequence[object]
TITLE_WIDTH = 24


def stdout_is_terminal() -> bool:
    """Whether a person reads standard output."""
    return sys.stdout.isatty()


def can_ask() -> bool:
    """Whether somebody is there to answer: questions are asked on a terminal, never in a pipe."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def say(message: str) -> None:
    """Talk to the person: standard error, so that a pipe carries data only."""
    print(message, file=sys.stderr)  # noqa: T201 - this module is how the program speaks


def settle_streams() -> None:
    """A stream that was closed before the program began leads nowhere. A file or a pipe gets UTF-8
    whatever the machine's code page is; on a terminal, letters that it cannot show become `?`."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - kept open
            setattr(sys, name, nowhere)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8")


def write(text: str) -> None:
    """Data to standard output as it is."""
    sys.stdout.write(text)
    sys.stdout.flush()


def write_json(data: Any) -> None:
    """`data` as JSON to standard output."""
    write(json.dumps(data, ensure_ascii=False, indent=1) + "\n")


def cell(value: object) -> str:
    """A value as one cell: None is a dash, lists are joined, control characters are gone."""
    if value is None or value == "":
        return "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(cell(item) for item in value) if value else "none"
    return clean(str(value))


def table(columns: Sequence[str], rows: Iterable[Row], *wide: str) -> None:
    """Rows as a table on a terminal, as tab-separated lines in a pipe.

    On a terminal the first column and the columns `wide` may wrap, and a title keeps room to read.
    """
    cells = [[cell(value) for value in row] for row in rows]
    if not stdout_is_terminal():
        write("".join("\t".join(row) + "\n" for row in cells))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        drawn.add_column(
            column,
            no_wrap=column not in (columns[0], *wide),
            overflow="fold",
            min_width=TITLE_WIDTH if column == "title" else None,
        )
    for row in cells:
        drawn.add_row(*(Text(text) for text in row))
    Console().print(drawn)


def sheet(title: str, sections: Sequence[tuple[str, Sequence[Row]]]) -> None:
    """One record: sections of rows, `field, value ...`.

    A terminal gets the values of a row in one cell, a pipe `section, field, value ...` with tabs.
    """
    if not stdout_is_terminal():
        for name, rows in sections:
            write("".join("\t".join([name, *map(cell, row)]) + "\n" for row in rows))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    console.print(Text(clean(title), style="bold"))
    for name, rows in sections:
        if not rows:
            continue
        console.print(Text(f"\n{name}", style="bold cyan"))
        drawn = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 2))
        drawn.add_column(no_wrap=True)
        drawn.add_column(overflow="fold")
        for field, *values in rows:
            # what is not known takes no room where a person reads
            known = [text for value in values if (text := cell(value)) != "—"]
            drawn.add_row(Text(cell(field)), Text(", ".join(known) or "—"))
        console.print(drawn)


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 work`, `2 works`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
