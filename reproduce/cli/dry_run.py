"""What `sam4mis reproduce run --dry-run` says: the run that the command would make."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from catalog.cli.output import sheet
from catalog.registry import Registry, find_root
from reproduce.cli import telling
from reproduce.cli.common import place_of
from reproduce.cli.run_data import data_status
from reproduce.ground import wording
from reproduce.ground.quantities import duration
from reproduce.ground.reading import sha256_of
from reproduce.obtaining.weights import located, status_of
from reproduce.planning.planned import comparison_of
from reproduce.planning.rates import expected_time
from reproduce.planning.recipes import Recipe, Request


def tell_plan(members: Sequence[Recipe], data: Path | None, request: Request) -> int | None:
    """What the run of these recipes would do: downloads, data, how long, and for each claim the
    best class that it can reach, and why no better one.

    data  folder of the data set; None: not on this machine yet

    Returns how many cases it would have; None: not known before the data are here.
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
    sheet(
        "Nothing was done (--dry-run). The command would make this run:",
        [
            ("run", rows),
            *(
                (member.claim_id, telling.plan(comparison_of(member, hashes, n_cases)))
                for member in members
            ),
        ],
    )
    return n_cases


def _expected_time(members: Sequence[Recipe], number: int | None) -> str:
    """How long, on what, and by which run or rate."""
    time = expected_time(members, Registry.load(find_root()).results, number)
    if time.hours is None:
        return f"unknown: {time.how}"
    return f"about {duration(time.hours)} on {time.on}, {time.basis}: {time.how}"
