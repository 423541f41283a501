"""What `sam4mis reproduce run --dry-run` says: the run that the command would make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from catalog.cli.output import sheet
from catalog.registry import Registry, find_root
from reproduce.cli import telling
from reproduce.cli.arguments import Arguments
from reproduce.cli.common import place_of
from reproduce.cli.run_data import data_status
from reproduce.cli.slurm_asking import script_of
from reproduce.ground import wording
from reproduce.ground.quantities import duration
from reproduce.ground.reading import sha256_of
from reproduce.obtaining.weights import located, status_of
from reproduce.planning.planned import comparison_of
from reproduce.planning.rates import expected_time
from reproduce.planning.recipes import Recipe, Request


@dataclass(frozen=True, slots=True)
class Told:
    """A run that would be made.

    `cases` is None where that is not known before the data are here, `script` without --slurm.
    """

    cases: int | None
    run: Mapping[str, str]
    claims: Mapping[str, Mapping[str, list[str]]]
    script: str | None


def tell_plan(
    members: Sequence[Recipe], data: Path | None, request: Request, arguments: Arguments
) -> Told:
    """What the run of these recipes would do: downloads, data, how long, and for each claim the
    best class that it can reach, and why no better one.

    data  folder of the data set; None: not on this machine yet

    With --json nothing is printed: what is returned is.
    """
    item = members[0]
    n_cases = None
    if data is not None:
        n_cases = len(item.dataset.cases(data, item.protocol.split, item.protocol.dataset_options))
        n_cases = n_cases if request.limit is None else min(n_cases, request.limit)
    prompts = "none"
    if item.profile is not None:
        prompts = f"{item.profile.name}, seeds {wording.value(item.protocol.seeds)}"
    slug = item.project.slug
    rows = [
        ("data set", item.dataset.title),
        ("data", place_of(data) if data else data_status(item)),
    ]
    rows += [
        (f"checkpoint {record.id}", status_of(slug, record, request.checkpoints))
        for record in item.checkpoints
    ]
    rows += [
        ("cases", "unknown" if n_cases is None else str(n_cases)),
        ("prompts", prompts),
        ("time", _expected_time(members, n_cases)),
    ]
    here = request.checkpoints or [located(slug, record) for record in item.checkpoints]
    hashes = [None if path is None else sha256_of(path) for path in here]
    claims = [
        (member.claim_id, telling.plan(comparison_of(member, hashes, n_cases)))
        for member in members
    ]
    script = script_of(arguments, members, n_cases) if arguments.slurm else None
    if not arguments.json:
        title = "Nothing was done (--dry-run). The command would make this run:"
        sheet(title, [("run", rows), *claims])
        if script:
            typer.echo(script, nl=False)
    told: dict[str, dict[str, list[str]]] = {}
    for claim, lines in claims:
        for name, text in lines:
            told.setdefault(claim, {}).setdefault(name, []).append(text)
    return Told(n_cases, dict(rows), told, script)


def _expected_time(members: Sequence[Recipe], number: int | None) -> str:
    """How long, on what, and by which run or rate."""
    time = expected_time(members, Registry.load(find_root()).results, number)
    if time.hours is None:
        return f"unknown: {time.how}"
    return f"about {duration(time.hours)} on {time.on}, {time.basis}: {time.how}"
