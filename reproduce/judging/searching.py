"""The search of conventions for one claim: which stored runs it goes through, and from where."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catalog.errors import PrerequisiteError
from catalog.metrics import FRACTIONS
from catalog.records import Claim, Project, Result
from catalog.registry import RESULTS, Registry
from reproduce.judging.equivalence import rounding
from reproduce.judging.examples import stored_runs
from reproduce.judging.explain import Explanation, Space, Stored, explain
from reproduce.statistics import read_statistics

STATISTICS = "statistics.parquet"


def search(
    registry: Registry,
    project: Project,
    claim: Claim,
    target: float | None = None,
    depth: int = 2,
    beside: Sequence[tuple[Result, Path]] = (),
) -> tuple[Space, Explanation]:
    """The space of a claim's stored runs, and what in it gives a number.

    target  another number than the printed one, as a fraction or in percent
    depth   conventions changed at once
    beside  runs that are not published, with their folders; they come first

    Raises `PrerequisiteError` where no run is stored.
    """
    runs = _runs(registry, project, claim, beside)
    metric = claim.metric.lower()
    threshold = claim.protocol.threshold.value
    base: dict[str, Any] = dict(_base_conventions(runs, claim))
    base["metric_profile"] = claim.protocol.metric_profile.value or "house/1"
    base["metric"] = metric
    if metric != "auc":
        base["threshold"] = float(threshold) if isinstance(threshold, int | float) else 0.5
    selection = claim.protocol.mask_selection.value
    if isinstance(selection, str) and selection not in ("single", "n/a", "none"):
        base["mask_selection"] = selection
    half = rounding(claim.decimals, claim.scale)
    space = Space(runs, claim.label)
    return space, explain(space, base, _target(claim, target), half, depth=depth)


def _target(claim: Claim, given: float | None) -> float:
    """The number to explain as a fraction; of a share it may be given in percent."""
    if given is None:
        return claim.fraction
    share = claim.metric in FRACTIONS
    return given / 100 if share and 1 < given <= 100 else given


def _runs(
    registry: Registry, project: Project, claim: Claim, beside: Sequence[tuple[Result, Path]]
) -> list[Stored]:
    """Stored statistics of the claim's checkpoint and cases: runs, else the examples."""
    folders = {r.run: registry.root / RESULTS / r.run for r in registry.results}
    folders |= {result.run: folder for result, folder in beside}
    kept = [
        r
        for r in (*(result for result, _ in beside), *registry.results)
        if r.project == project.slug
        and r.statistics is not None
        and r.status == "complete"
        and r.protocol.get("split") == claim.split
    ]
    # The run that serves the claim comes first: it is what "as claimed" means.
    kept.sort(key=lambda r: f"{project.slug}/{claim.id}" not in r.claims)
    described = [(r, _conventions(r.protocol)) for r in kept]
    names = sorted({name for _, conventions in described for name in conventions})
    differing = [n for n in names if len({repr(c.get(n)) for _, c in described}) > 1]
    found = [
        Stored(
            {name: conventions.get(name) for name in ["grid", *differing] if name in names},
            read_statistics(folders[r.run] / STATISTICS),
        )
        for r, conventions in described
    ]
    # Published example statistics may hold more variants of the protocol than there are runs.
    extra = stored_runs(registry.root, project.slug)
    if not beside and len(extra) > len(found) and claim.metric != "auc":
        return extra
    if not found:
        raise PrerequisiteError(
            f"explain: no run of {project.slug}/{claim.id} is stored: there is nothing to search.",
            f"sam4mis reproduce run {project.slug}/{claim.id} --data FOLDER --publish",
        )
    return found


def _conventions(protocol: dict[str, Any]) -> dict[str, Any]:
    options = {str(k): v for k, v in (protocol.get("adapter_options") or {}).items()}
    return {
        "grid": protocol.get("grid"),
        "prompt_profile": protocol.get("prompt_profile"),
        **options,
    }


def _base_conventions(runs: list[Stored], claim: Claim) -> dict[str, Any]:
    """The conventions of the run that is nearest to the claim: its grid, else the first."""
    grid = claim.protocol.grid.value
    same = [run for run in runs if run.conventions.get("grid") == grid]
    return dict((same or runs)[0].conventions)
