"""What the commands share: the extra, paths, tables on a terminal and in a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import typer

from catalog.errors import PrerequisiteError

NEEDED = {  # import name -> distribution, what the extra [reproduce] brings
    "torch": "torch",
    "torchvision": "torchvision",
    "numpy": "numpy",
    "pyarrow": "pyarrow",
    "PIL": "pillow",
    "safetensors": "safetensors",
    "scipy": "scipy",
    "skimage": "scikit-image",
    "segment_anything": "segment-anything",
}


def missing_extra() -> list[str]:
    """Distributions of the extra [reproduce] that are not installed."""
    return [name for module, name in NEEDED.items() if find_spec(module) is None]


def install_command() -> str:
    """The exact command that installs the extra: from this clone where there is one."""
    clone = Path(__file__).resolve().parents[2] / "pyproject.toml"
    return (
        'pip install -e ".[reproduce]"' if clone.is_file() else 'pip install "sam4mis[reproduce]"'
    )


def need_extra(what: str, modules: Iterable[str] | None = None) -> None:
    """Raise `PrerequisiteError` with the install command unless the extra is there."""
    wanted = NEEDED if modules is None else {m: NEEDED[m] for m in modules}
    gone = [name for module, name in wanted.items() if find_spec(module) is None]
    if gone:
        raise PrerequisiteError(
            f"{what} needs the extra [reproduce]; not installed: {', '.join(gone)}. Install it:",
            install_command(),
        )


def data_folder(name: str, given: Path | None) -> Path | None:
    """Where a data set lies: --data, else $SAM4MIS_DATA/<name>, else the cache's data/<name>."""
    if given is not None:
        return given
    from reproduce.checkpoints.cache import cache_folder

    places = [cache_folder() / "data" / name]
    if named := os.environ.get("SAM4MIS_DATA"):
        places.insert(0, Path(named) / name)
    return next((place for place in places if place.is_dir()), None)


def as_json(document: Any) -> None:
    """Print data for machines."""
    typer.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table on a terminal; tab-separated values in a pipe."""
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            typer.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in cells:
        shown.add_row(*(Text(cell) for cell in row))
    Console().print(shown)


def percent(value: float | None, decimals: int = 2) -> str:
    """A fraction as percent; a dash where it is unknown."""
    return "-" if value is None else f"{100 * value:.{decimals}f}"
