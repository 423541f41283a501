"""`sam4mis reproduce rows`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from catalog.evidence import Tried
    from reproduce.rows.own_file import OwnTable

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def rows(
    file: Annotated[Path, typer.Argument(help="A CSV file with a heading, one row a case.")],
    printed: Annotated[
        str | None,
        typer.Option("--printed", help="The number as printed; what gives it is searched."),
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", help="Only this column of numbers; repeatable.")
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", help="A column that names a row; repeatable. Else all of text."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Look at your own table of scores as we look at published ones.

    Columns with their range; rows that stand twice or are missing; empty, NaN and zero apart;
    values that no mask can have. With --printed: which mean (over rows, cases, classes, with or
    without the empty ones) has the printed digits, and which have not. Nothing leaves the machine.

    \b
    Examples:
      sam4mis reproduce rows scores.csv
      sam4mis reproduce rows scores.csv --printed 87.2 --column dice
    """
    from reproduce.cli.common import as_json, need_file
    from reproduce.ground.extras import need_extra
    from reproduce.rows.own_file import describe

    need_extra("rows", ("numpy",))
    need_file("FILE", file)
    found = describe(file, printed, column or (), key or ())
    if json_:
        as_json(found)
    else:
        _tell(found)


def _tell(found: OwnTable) -> None:
    from reproduce.cli.common import table

    key = ", ".join(found.key) or "no column of text"
    typer.echo(f"{found.file}: {found.rows} rows, named by {key}.", err=True)
    lines = [
        (
            c.name,
            f"{c.metric or 'number'}{' in percent' if c.scale == 100 else ''}",
            f"{c.least:g} to {c.most:g}",
            f"{c.mean * c.scale:.10g}" if c.mean is not None else "-",
            c.n,
            c.empty,
            c.nan,
            c.zero,
        )
        for c in found.columns
        if c.kind == "number"
    ]
    head = ("column", "kind", "range", "mean over rows", "n", "empty", "NaN", "zero")
    table("Columns of numbers", head, lines, "column")
    for said in (c.name for c in found.columns if c.kind == "text"):
        typer.echo(f"text: {said}", err=True)
    for described in found.columns:
        for refused in described.refused:
            typer.echo(f"impossible: {described.name}: {refused}", err=True)
    for what, names in (("double", found.double), ("missing", found.missing)):
        for name in names:
            typer.echo(f"{what}: {name}", err=True)
    if found.printed is None:
        return
    for name, met in found.met.items():
        for one in met:
            typer.echo(_line(f"{name}: gives {found.printed}", one))
        if not met:
            typer.echo(f"{name}: nothing that was tried gives {found.printed}")
        for one in found.tried[name]:
            typer.echo(_line(f"{name}: does not", one), err=True)


def _line(said: str, one: Tried) -> str:
    return f"{said}: {one.how}: {one.value:.10g} (n {one.n})"
