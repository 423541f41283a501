"""`sam4mis reproduce profiles`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)

FILE = "profiles.json"


@app.command()
def profiles(
    json_: Annotated[bool, typer.Option("--json", help="Everything, for machines.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help=f"Write reproduce/results/{FILE} for the site.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Fail if it is out of date.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Would it change?")] = False,
) -> None:
    """Metric profiles: how each evaluator scores the cases on which they disagree.

    \b
    Examples:
      sam4mis reproduce profiles
      sam4mis reproduce profiles --json
    """
    from catalog.registry import RESULTS, find_clone
    from reproduce.cli.common import as_json, table
    from reproduce.ground.extras import need_extra

    need_extra("metric profiles")
    from reproduce.cli.generated import keep
    from reproduce.scoring.corners import profiles_document

    document = profiles_document()
    if write or check or dry_run:
        path: Path = find_clone("reproduce profiles") / RESULTS / FILE
        keep(
            path,
            document,
            "sam4mis reproduce profiles --write",
            check=check,
            dry_run=dry_run,
            json=json_,
        )
        return
    if json_:
        as_json(document)
        return
    shown = ("both-empty", "false-positive", "missed", "half", "good-and-false-positive")
    rows = []
    for profile in document["profiles"]:
        for metric, values in profile["values"].items():
            cells = [values[name] for name in shown]
            rows.append((profile["id"], metric, *(_cell(cell) for cell in cells)))
    table(
        "Metric profiles", ("profile", "metric", *(name.replace("-", " ") for name in shown)), rows
    )


def _cell(cell: dict[str, float | str | None]) -> str:
    if "error" in cell:
        return "error"
    value = cell["value"]
    return "undefined" if value is None else f"{value:.4g}"
