"""Reading a plan file, and whether it still fits the registry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from catalog import json_in
from catalog.errors import InputError, PrerequisiteError, Sam4misError
from catalog.registry import Registry
from reproduce.planning.campaign import Campaign, Planned, record_hash
from reproduce.planning.recipes import Recipe, Request, find_claims, group, recipe

AGAIN = "sam4mis reproduce plan --write FILE"
MOST_MIB = 16
TOLD = 5


def read_campaign(path: Path) -> Campaign:
    """A plan file. Raises `PrerequisiteError` where there is none, `InputError` for what is none of
    this version."""
    if not path.is_file():
        raise PrerequisiteError(f"--plan {path}: no such file. One is made by:", AGAIN)
    if path.stat().st_size > MOST_MIB << 20:
        raise InputError(f"{path}: expected a plan file of at most {MOST_MIB} MiB.")
    try:
        made = json_in.decoded(path.read_bytes(), Campaign)
    except msgspec.DecodeError as error:
        raise InputError(
            f"{path}: expected a plan file campaign/1, as {AGAIN} writes it; got: {error}."
        ) from error
    if not made.runs or not all(run.claims for run in made.runs):
        raise InputError(f"{path}: expected runs with claims, got none. Make another: {AGAIN}")
    return made


def fitted(
    registry: Registry, path: Path, made: Campaign, request: Request
) -> list[tuple[Planned, list[Recipe]]]:
    """Every run of a plan with its recipes.

    Raises `InputError` naming all claims whose records say something else than when the plan was
    made, are gone, or are no longer one run.
    """
    found: list[tuple[Planned, list[Recipe]]] = []
    problems: list[str] = []
    for run in made.runs:
        members: list[Recipe] = []
        for name, digest in run.claims.items():
            try:
                ((project, claim),) = find_claims(registry, name)
                item = recipe(project, claim, request)
                plain = item if request == Request() else recipe(project, claim, Request())
            except (Sam4misError, ValueError) as error:
                problems.append(f"{name}: {error}")
                continue
            if claim.state == "blocked":
                problems.append(f"{name}: blocked ({claim.reason})")
            elif record_hash(plain) != digest:
                problems.append(f"{name}: its claim, checkpoint or plugin has changed")
            else:
                members.append(item)
        if len(group(members)) > 1:
            problems.append(f"{run.name}: its claims are no longer one run")
        found.append((run, members))
    if problems:
        raise InputError(_misfits(path, made, problems))
    return found


def _misfits(path: Path, made: Campaign, problems: Sequence[str]) -> str:
    shown = [f"  {problem}" for problem in problems[:TOLD]]
    if len(problems) > TOLD:
        shown.append(f"  and {len(problems) - TOLD} more")
    lines = "\n".join(shown)
    return (
        f"{path}: made on {made.created[:10]}, and no longer fits the registry:\n{lines}\n"
        "Nothing was run; finished runs are kept and found again. Make another plan:\n"
        f"  {AGAIN}"
    )
