"""What `sam4mis reproduce fetch --plan FILE` does: everything that a campaign needs, beforehand."""

from __future__ import annotations

from pathlib import Path

from catalog.errors import InputError, Sam4misError
from catalog.registry import Registry, find_root
from reproduce.cli import telling
from reproduce.cli.common import as_json, table
from reproduce.cli.run_data import data_status, fetch_data
from reproduce.ground.places import data_folder
from reproduce.obtaining.datasets import can_fetch, is_here
from reproduce.obtaining.weights import obtain_all, status_of
from reproduce.planning.fitting import fitted, read_campaign
from reproduce.planning.recipes import Recipe, Request


def prefetch(path: Path, *, dry_run: bool, json: bool) -> None:
    """Put weights and data of a plan file where `run --plan` finds them, so that it needs no
    network.

    Raises `InputError` at the end where something could not be had; the rest is here then.
    """
    registry = Registry.load(find_root())
    rows: list[tuple[str, str, str]] = []
    lacking: list[tuple[str, str]] = []
    for run, members in fitted(registry, path, read_campaign(path), Request()):
        item = members[0]
        try:
            if not dry_run:
                obtain_all(item.project.slug, item.checkpoints)
            rows += [(run.name, r.id, status_of(item.project.slug, r)) for r in item.checkpoints]
            rows.append((run.name, item.dataset.name, _data(item, dry_run)))
        except Sam4misError as error:
            lacking.append((run.name, str(error)))
    if json:
        as_json([dict(zip(("run", "what", "status"), row, strict=True)) for row in rows])
    else:
        table("Weights and data", ("run", "what", "status"), rows, "status")
    if lacking:
        raise InputError(
            f"{len(lacking)} runs of {path} lack something here:\n{telling.by_reason(lacking)}"
        )


def _data(item: Recipe, dry_run: bool) -> str:
    """Where the data of a run are. Raises `InputError` where only a person can get them."""
    folder = data_folder(item.dataset.name, None)
    fetchable = can_fetch(item.dataset, item.protocol.split)
    if item.dataset.generated:
        return "made here"
    if folder is not None and (not fetchable or is_here(item.dataset, folder, item.protocol.split)):
        item.dataset.cases(folder, item.protocol.split, item.protocol.dataset_options)
        return "here"
    if dry_run:
        return data_status(item)
    if not fetchable:
        raise InputError(f"the data set {item.dataset.title} is not here. {item.dataset.access}")
    fetch_data(item)
    return "here"
