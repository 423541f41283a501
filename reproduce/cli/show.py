"""`sam4mis reproduce show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from catalog.records import Claim, Project, Result, Verdict
    from catalog.registry import Registry

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def show(
    target: Annotated[str, typer.Argument(help="A project, project/claim, or run id.")],
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Show what is claimed, what was measured, and what decides between them."""
    from catalog.errors import UsageError
    from catalog.registry import Registry, find_root

    registry = Registry.load(find_root())
    result = next((r for r in registry.results if r.run == target), None)
    if result is not None:
        _run(result, json_)
        return
    slug, _, name = target.partition("/")
    project = next((p for p in registry.projects if p.slug == slug), None)
    if project is None:
        raise UsageError(f"{target!r} is neither a project, nor project/claim, nor a run.")
    claims = [c for c in project.claims if not name or c.id == name]
    if name and not claims:
        known = ", ".join(c.id for c in project.claims) or "none"
        raise UsageError(f"{slug} has no claim {name!r}; its claims: {known}")
    _project(registry, project, claims, json_)


def _project(registry: Registry, project: Project, claims: list[Claim], json_: bool) -> None:
    from catalog.records import to_builtins
    from reproduce.cli.common import as_json

    known = {v.claim: v for v in registry.verdicts}
    if json_:
        as_json(
            [
                {
                    "claim": to_builtins(claim),
                    "verdict": to_builtins(known[name])
                    if (name := f"{project.slug}/{claim.id}") in known
                    else None,
                    "runs": [r.run for r in registry.results if name in r.claims],
                }
                for claim in claims
            ]
        )
        return
    typer.echo(f"{project.name} ({project.slug}, {project.kind})")
    if project.adapter is None:
        typer.echo(f"adapter: none ({project.adapter_reason or 'nobody has written one yet'})")
    else:
        typer.echo(f"adapter: {project.adapter}")
    for checkpoint in project.checkpoints or []:
        typer.echo(f"checkpoint: {checkpoint.id}, sha256 {checkpoint.sha256 or 'not recorded'}")
    for claim in claims:
        _claim(project, claim, known.get(f"{project.slug}/{claim.id}"), registry)


def _claim(project: Project, claim: Claim, verdict: Verdict | None, registry: Registry) -> None:
    from reproduce.cli.common import percent

    name = f"{project.slug}/{claim.id}"
    typer.echo(f"\n{name}")
    unit = "%" if claim.scale == 100 else ""
    typer.echo(
        f"  printed   {claim.metric} {claim.value:.{claim.decimals}f}{unit}"
        f" ({claim.source.place or claim.source.doi or claim.source.arxiv or '?'})"
    )
    typer.echo(f"  on        {claim.dataset or '?'}, {claim.split or '?'} ({claim.split_source})")
    for field in claim.protocol.__struct_fields__:
        stated = getattr(claim.protocol, field)
        value = "unknown" if stated.value is None else stated.value
        typer.echo(f"  {field.replace('_', ' '):16s} {value} ({stated.evidence})")
    state = verdict.state if verdict else claim.state
    typer.echo(f"  state     {state}" + (f" ({claim.reason})" if claim.reason else ""))
    if verdict and verdict.measured is not None:
        typer.echo(f"  measured  {percent(verdict.measured)}%, run {verdict.run}")
    if verdict and verdict.explanation:
        typer.echo(f"  {verdict.explanation}")
    for result in registry.results:
        if name not in result.claims and result.project == project.slug:
            for m in result.measurements:
                if m.metric == claim.metric and m.value is not None:
                    at = "" if m.threshold is None else f" at {m.threshold:g}"
                    typer.echo(
                        f"  also      {percent(m.value)}% {m.metric_profile}{at}: "
                        f"{result.title} ({result.run})"
                    )


def _run(result: Result, json_: bool) -> None:
    from reproduce.cli.common import as_json, percent, table

    if json_:
        as_json(result)
        return
    typer.echo(f"{result.run}: {result.title}")
    typer.echo(
        f"{result.status}, {result.created}, serves {', '.join(result.claims) or 'no claim'}"
    )
    typer.echo(result.command)
    rows: list[tuple[Any, ...]] = [
        (
            m.metric,
            m.metric_profile,
            m.threshold,
            percent(m.value),
            percent(m.value_complete_cases),
            m.n_cases,
            m.claim,
        )
        for m in result.measurements
    ]
    table(
        "measurements",
        ("metric", "profile", "threshold", "%", "complete cases %", "n", "claim"),
        rows,
    )
    table(
        "gates", ("gate", "passed", "detail"), [(c.name, c.passed, c.detail) for c in result.checks]
    )
    table(
        "cases",
        ("case", "label", "Dice %", "missing"),
        [(c.case, c.label, percent(c.dice), c.missing or "") for c in result.cases],
    )
