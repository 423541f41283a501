"""How commands speak: data on standard output, talk on standard error.

On a terminal tables are drawn (`drawing`); in a pipe they are lines of tab-separated values
without a header; with `--json` they are JSON. Text from the registry is never read as markup.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer

from catalog.text import clean

JsonOption = Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")]

Row = Sequence[object]

_answered = False  # whether standard output has its JSON document


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
    """A stream that was closed before the program began leads nowhere. What is written is UTF-8,
    whatever the locale or the machine's code page is. No answer was given yet."""
    global _answered
    _answered = False
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - kept open
            setattr(sys, name, nowhere)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(
                encoding="utf-8", errors="replace" if stream.isatty() else stream.errors
            )


def write(text: str) -> None:
    """Data to standard output as it is."""
    sys.stdout.write(text)
    sys.stdout.flush()


def write_json(data: Any) -> None:
    """`data` as JSON to standard output."""
    write_document(json.dumps(data, ensure_ascii=False, indent=1))


def write_document(text: str) -> None:
    """A whole JSON document to standard output, which holds no second one."""
    global _answered
    _answered = True
    write(text + "\n")


def answered() -> bool:
    """Whether standard output has its JSON document."""
    return _answered


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

    On a terminal cells wrap, first those of the columns `wide`; nothing is cut. Where that does
    not fit, columns are left out and named on standard error.
    """
    cells = [[cell(value) for value in row] for row in rows]
    if not stdout_is_terminal():
        write("".join("\t".join(row) + "\n" for row in cells))
        return
    from catalog.cli import drawing

    head, body, left_out = drawing.table(columns, cells, terminal_width(), wide)
    write("".join(f"{typer.style(line, bold=True)}\n" for line in head))
    write("".join(f"{line}\n" for line in body))
    if left_out:
        say(f"Left out for width: {', '.join(left_out)}. A wider terminal or --json has them.")


def sheet(title: str, sections: Sequence[tuple[str, Sequence[Row]]]) -> None:
    """One record: sections of rows, `field, value ...`.

    A terminal gets the values of a row in one cell, a pipe `section, field, value ...` with tabs.
    """
    if not stdout_is_terminal():
        for name, rows in sections:
            write("".join("\t".join([name, *map(cell, row)]) + "\n" for row in rows))
        return
    from catalog.cli import drawing

    width = terminal_width()
    write(
        "".join(
            typer.style(line, bold=True) + "\n" for line in drawing.wrapped(clean(title), width)
        )
    )
    for name, rows in sections:
        if not rows:
            continue
        write(f"\n{typer.style(name, bold=True, fg='cyan')}\n")
        lines = drawing.sheet([(cell(field), _joined(values)) for field, *values in rows], width)
        write("".join(f"{line}\n" for line in lines))


def _joined(values: Sequence[object]) -> str:
    """The values of a row as a person reads them: what is not known takes no room."""
    told = ""
    for text in (text for value in values if (text := cell(value)) != "—"):
        told += text if not told else f" {text}" if told.endswith((".", ":")) else f", {text}"
    return told or "—"


def terminal_width() -> int:
    """Characters in a line of the terminal."""
    return shutil.get_terminal_size().columns


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 work`, `2 works`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
