"""`sam4mis stats`."""
from __future__ import annotations

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def stats() -> None:
    """Count what is in the registry."""
    from catalog.registry import Registry, find_root

    registry = Registry.load(find_root())
    typer.echo(f"works\t{len(registry.papers)}")
