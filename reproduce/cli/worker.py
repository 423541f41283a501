"""`sam4mis reproduce worker`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def worker(
    folder: Annotated[Path, typer.Argument(help="A run folder with plan.json.")],
    device: Annotated[
        str | None, typer.Option("--device", help="Instead of the plan's, e.g. cuda:1.")
    ] = None,
    shard: Annotated[
        int | None, typer.Option("--shard", help="Only the shard of this index.")
    ] = None,
    gates: Annotated[
        bool, typer.Option("--gates", help="Who finishes the last shard tries the gates, too.")
    ] = False,
) -> None:
    """Work off shards of a run folder until none is left. `run` starts these; so does Slurm.

    \b
    Examples:
      sam4mis reproduce worker build/runs/RUN --device cuda:1
    """
    from catalog.errors import PrerequisiteError
    from reproduce.ground.extras import need_extra

    need_extra("running")
    if not (folder / "plan.json").is_file():
        raise PrerequisiteError(
            f"{folder}: no run folder on this machine (no plan.json there). One is made by:",
            "sam4mis reproduce run <project>",
        )
    from reproduce.running.engine import try_gates
    from reproduce.running.worker import Worker

    mine = Worker(folder, device)
    done = mine.work(only=shard)
    typer.echo(f"{done} shard(s) done", err=True)
    if gates and try_gates(mine, quiet=True):
        typer.echo("gates tried", err=True)
