"""`sam4mis config`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from catalog.cli.output import JsonOption, say, table, write, write_json

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def config(
    example: Annotated[
        bool, typer.Option("--example", help="Print a file with every setting, none in force.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show the settings in force, where each comes from, and which file is read.

    A setting is an environment variable or a line of the file; the environment goes first. Tokens
    are never shown.

    \b
    Examples:
      sam4mis config
      sam4mis config --example
    """
    from catalog import configuration

    if example:
        write(configuration.example())
        return
    path = configuration.file()
    said = configuration.read(path) if path else {}
    rows = []
    for setting in configuration.SETTINGS:
        value = os.environ.get(setting.variable)
        origin = None
        if value is not None:
            origin = "the file" if said.get(setting.variable) == value else "the environment"
        shown = "set" if value and setting.kind == "secret" else value
        rows.append((setting.name, shown, origin, setting.variable, setting.otherwise))
    if json:
        names = ("setting", "value", "from", "variable", "otherwise")
        write_json(
            {
                "file": str(path or configuration.usual_file() or "") or None,
                "file_exists": path is not None,
                "settings": [dict(zip(names, row, strict=True)) for row in rows],
            }
        )
        return
    table(("setting", "value", "from", "variable", "otherwise"), rows, "value", "otherwise")
    if path is None:
        place = configuration.usual_file() or f"what {configuration.VARIABLE} names"
        say(f"There is no file. It would be {place}; `sam4mis config --example` prints one.")
        return
    say(f"The file: {path}")
    secrets = {s.variable for s in configuration.SETTINGS if s.kind == "secret"}
    if secrets & set(said) and configuration.open_to_others(path):
        say(f"It holds tokens and others can read it: chmod 600 {path}")
