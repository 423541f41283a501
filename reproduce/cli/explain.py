"""`sam4mis reproduce explain`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from catalog.records import Claim, Project
    from reproduce.judging.explain import Explanation, Space, Stored

app = typer.Typer(add_completion=False, rich_markup_mode=None)

EXAMPLES = "examples.json"


@app.command()
def explain(
    claim: Annotated[str | None, typer.Argument(metavar="PROJECT/CLAIM")] = None,
    target: Annotated[
        float | None,
        typer.Option("--target", help="Another number than the printed one: 0.8162 or 81.62."),
    ] = None,
    depth: Annotated[
        int, typer.Option("--depth", min=0, max=3, help="Conventions changed at once.")
    ] = 2,
    all_: Annotated[
        bool, typer.Option("--all", help="Every convention changed alone, every match.")
    ] = False,
    examples: Annotated[
        bool, typer.Option("--examples", help="The worked examples of the site.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help=f"With --examples: write reproduce/results/{EXAMPLES}.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Fail if it is out of date.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Would it change?")] = False,
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Search the conventions that give a printed number, over stored statistics.

    Nothing is predicted again. What is found by search is labelled so: it makes a claim
    comparable in class C at best.

    \b
    Examples:
      sam4mis reproduce explain lwnet/validation-dice
      sam4mis reproduce explain lwnet/validation-dice --target 0.8162
    """
    from catalog.errors import UsageError
    from catalog.registry import RESULTS, find_root
    from reproduce.cli.common import as_json, need_extra

    need_extra("explain")
    root = find_root()
    if examples or write or check:
        from reproduce.cli.generated import keep
        from reproduce.judging.examples import APART, examples_document

        document = examples_document(root)
        if write or check or dry_run:
            path = root / RESULTS / EXAMPLES
            command = "sam4mis reproduce explain --examples --write"
            keep(path, document, command, check=check, dry_run=dry_run, absolute=APART)
        elif json_:
            as_json(document)
        else:
            _tell_examples(document)
        return
    if claim is None:
        raise UsageError("explain: name a claim (lwnet/validation-dice), or ask for --examples.")
    record, space, found = _search(root, claim, target, depth)
    if json_:
        as_json(asdict(found))
    else:
        from reproduce.cli.explaining import tell

        tell(claim, record, space, found, given=target is not None, everything=all_)


def _target(claim: Claim, given: float | None) -> float:
    """The number to explain as a fraction; of a share it may be given in percent."""
    from reproduce.judging.verdict import FRACTIONS

    if given is None:
        return claim.fraction
    share = claim.metric.lower() in FRACTIONS
    return given / 100 if share and 1 < given <= 100 else given


def _search(
    root: Path, name: str, target: float | None, depth: int
) -> tuple[Claim, Space, Explanation]:
    from reproduce.cli.common import sound_registry
    from reproduce.judging.equivalence import rounding
    from reproduce.judging.explain import Space, explain

    registry = sound_registry(root)
    project, claim = _claim(registry.projects, name)
    runs = _runs(root, registry.results, project, claim)
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
    return claim, space, explain(space, base, _target(claim, target), half, depth=depth)


def _claim(projects: list[Project], name: str) -> tuple[Project, Claim]:
    from catalog.errors import UsageError

    slug, _, identifier = name.partition("/")
    project = next((p for p in projects if p.slug == slug), None)
    if project is None:
        raise UsageError(f"explain: no project {slug!r}; `sam4mis reproduce list` shows them.")
    claim = next((c for c in project.claims if c.id == identifier), None)
    if claim is None:
        known = ", ".join(c.id for c in project.claims) or "none"
        raise UsageError(f"explain: {slug} has no claim {identifier!r}; its claims: {known}")
    return project, claim


def _runs(root: Path, results: list[Any], project: Project, claim: Claim) -> list[Stored]:
    """Stored statistics of the claim's checkpoint and cases: published runs, else the examples."""
    from catalog.errors import PrerequisiteError
    from catalog.registry import RESULTS
    from reproduce.judging.examples import stored_runs
    from reproduce.judging.explain import Stored
    from reproduce.statistics import read_statistics

    kept = [
        r
        for r in results
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
            read_statistics(root / RESULTS / r.run / r.statistics.file),
        )
        for r, conventions in described
    ]
    # Published example statistics may hold more variants of the protocol than there are runs.
    extra = stored_runs(root, project.slug)
    if len(extra) > len(found) and claim.metric != "auc":
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


def _tell_examples(document: dict[str, Any]) -> None:
    from reproduce.cli.common import table

    for example in document["examples"]:
        rows = example.get("rows") or example.get("shares") or []
        columns = list(rows[0]) if rows else []
        table(example["title"], columns, [[row[c] for c in columns] for row in rows])
