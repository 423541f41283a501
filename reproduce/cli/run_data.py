"""The data of a run that are not on this machine yet: where they would come from, fetching them."""

from __future__ import annotations

from pathlib import Path

import typer

from catalog.errors import InputError
from reproduce.ground.places import data_goal
from reproduce.obtaining.datasets import archives_of, can_fetch, is_here, obtain, status_of
from reproduce.planning.recipes import Recipe


def fetch_data(item: Recipe) -> Path:
    """Fetch the data of a run; their folder. Raises `InputError` where they are not as expected."""
    root = data_goal(item.dataset.name)
    typer.echo(f"{item.dataset.title}. Licence: {item.dataset.licence}.", err=True)
    obtain(item.dataset, root, item.protocol.split)
    if not item.dataset.cases(root, item.protocol.split, item.protocol.dataset_options):
        raise InputError(
            f"{root}: no case in split {item.protocol.split!r} of {item.dataset.title}."
        )
    return root


def lacks_archives(item: Recipe, data: Path) -> bool:
    """Whether a folder lacks what the tool can fetch: another split of the set was fetched."""
    return can_fetch(item.dataset, item.protocol.split) and not is_here(
        item.dataset, data, item.protocol.split
    )


def data_status(item: Recipe) -> str:
    """Where data that are not here would come from, in words."""
    if not can_fetch(item.dataset, item.protocol.split):
        return f"not here yet: {item.dataset.access}"
    root = data_goal(item.dataset.name)
    return "; ".join(
        f"{archive.file} {status_of(archive, root)}"
        for archive in archives_of(item.dataset, item.protocol.split)
    )
