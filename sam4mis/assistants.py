"""`sam4mis mcp`."""

from __future__ import annotations

import typer

from catalog.cli.output import can_ask, say
from catalog.installing import need

EXTRA = {"mcp": "mcp"}  # import name -> distribution
app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def mcp() -> None:
    """Answer an assistant's questions from the catalog, by the Model Context Protocol.

    A program with an assistant in it starts this command and speaks to it over standard input and
    output. The tools only read: search, find_model, project, claims, explain. Each answer says of
    which day the catalog is, and from which sources it is. Needs the extra [mcp].

    \b
    Examples:
      sam4mis mcp
      sam4mis --root CLONE mcp
    """
    need("mcp", "mcp", EXTRA)
    from sam4mis.registry import load
    from sam4mis.tools import server

    catalog = load()  # what is wrong with it is told now, not at the first question
    if can_ask():
        say(f"{catalog!r}, for an assistant on standard input. Ctrl-C ends it.")
    server().run()
