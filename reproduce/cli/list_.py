"""`sam4mis reproduce list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from catalog.cli import completing

if TYPE_CHECKING:
    from catalog.records import Claim, Project

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("list")
def list_(
    what: Annotated[
        str,
        typer.Argument(
            metavar="[WHAT]",
            help="claims, releases, adapters, datasets, prompts, metrics or runs",
        ),
    ] = "claims",
    project: Annotated[
        str | None,
        typer.Option(
            "--project",
            help="Only this project.",
            autocompletion=completing.projects,
        ),
    ] = None,
    state: Annotated[str | None, typer.Option("--state", help="Only claims in this state.")] = None,
    runnable: Annotated[
        bool,
        typer.Option("--runnable", help="Only claims that the harness can run."),
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """List claims with their state, released weights that run here, or plugins and runs.

    \b
    Examples:
      sam4mis reproduce list --runnable
      sam4mis reproduce list releases
      sam4mis reproduce list runs
    """
    from catalog.errors import UsageError

    if what == "claims":
        _claims(project, state, runnable, json_)
    elif what in ("adapters", "datasets", "prompts", "metrics"):
        _plugins(what, json_)
    elif what == "releases":
        _releases(project, json_)
    elif what == "runs":
        _runs(project, json_)
    else:
        raise UsageError(
            f"list {what!r}: expected claims, releases, adapters, datasets, prompts, metrics or "
            "runs."
        )


def _claims(project: str | None, state: str | None, runnable: bool, json_: bool) -> None:
    from typing import get_args

    from catalog.cli.output import counted
    from catalog.cli.rows import in_percent
    from catalog.errors import UsageError
    from catalog.evidence import claim_answers
    from catalog.lookup import named_project
    from catalog.records import ClaimState
    from catalog.registry import find_root
    from reproduce.cli.common import as_json, sound_registry, table

    states = get_args(ClaimState)
    if state is not None and state not in states:
        raise UsageError(f"--state {state}: expected one of {', '.join(states)}.")
    registry = sound_registry(find_root())
    if project is not None:
        project = named_project(project, registry.projects).slug
    known = {v.claim: v for v in registry.verdicts}
    released = claim_answers(registry.recomputed)
    rows: list[dict[str, Any]] = []
    shown: list[tuple[Any, ...]] = []
    for item in registry.projects:
        if project is not None and item.slug != project:
            continue
        for claim in item.claims:
            name = f"{item.slug}/{claim.id}"
            verdict = known.get(name)
            now = verdict.state if verdict else claim.state
            if state is not None and now != state:
                continue
            if runnable and (now == "blocked" or not _can_run(item, claim)):
                continue
            rows.append(
                {
                    "claim": name,
                    "metric": claim.metric,
                    "reported": claim.fraction,
                    "dataset": claim.dataset,
                    "printed_by": claim.printed_by,
                    "state": now,
                    "measured": verdict.measured if verdict else None,
                    "recomputed": released[name][1].state if name in released else None,
                    "reason": claim.reason if now == "blocked" else (verdict and verdict.reason),
                }
            )
            shown.append(
                (
                    name,
                    now if now != "blocked" else f"{now} ({claim.reason})",
                    claim.metric,
                    in_percent(claim, claim.fraction),
                    in_percent(claim, verdict.measured if verdict else None),
                    released[name][1].state if name in released else None,
                    claim.dataset,
                    claim.printed_by,
                )
            )
    if json_:
        as_json(rows)
        return
    columns = (
        "claim",
        "state",
        "metric",
        "claimed",
        "measured",
        "released rows",
        "data set",
        "printed by",
    )
    table(counted(len(rows), "claim"), columns, shown, "state", "data set")


def _releases(project: str | None, json_: bool) -> None:
    """Every project with released weights: whether it runs, why not, what would lift that."""
    from catalog.registry import find_root
    from catalog.runnable import releases
    from catalog.vocabulary import label
    from reproduce.cli.common import as_json, sound_registry, table

    registry = sound_registry(find_root())
    lines = [x for x in releases(registry.projects) if project in (None, x.project.slug)]
    if json_:
        as_json([line.data for line in lines])
        return
    table(
        f"{sum(line.runs for line in lines)} of {len(lines)} releases of weights run here",
        ("project", "family", "runs", "why not", "what would lift it", "look first"),
        [
            (
                line.project.slug,
                label("family", line.project.family or ""),
                "yes" if line.runs else "no",
                line.why,
                line.lifts,
                "; ".join(line.remarks) or None,
            )
            for line in lines
        ],
        "why not",
        "look first",
    )


def _can_run(project: Project, claim: Claim) -> bool:
    from reproduce.ground.plugins import plugins
    from reproduce.judging.comparability import reader_of

    return project.adapter in plugins("adapters") and reader_of(claim) in plugins("datasets")


def _plugins(kind: str, json_: bool) -> None:
    from typing import cast

    from reproduce.cli.common import as_json, table
    from reproduce.ground.plugins import plugins

    rows: list[dict[str, Any]] = []
    for name, item in plugins(cast("Any", kind)).items():
        row = {"name": name, "version": item.version}
        if kind == "adapters":
            row |= {
                "title": item.title,
                "prompts": list(item.prompts),
                "layouts": list(item.layouts),
                "options": {key: option.default for key, option in item.options.items()},
                "source": item.source,
            }
        elif kind == "datasets":
            row |= {
                "title": item.title,
                "licence": item.licence,
                "splits": dict(item.splits),
                "access": item.access,
            }
        else:
            title = item.description if kind == "prompts" else item.title
            row |= {"title": title, "source": item.source}
        rows.append(row)
    if json_:
        as_json(rows)
        return
    table(
        kind,
        ("name", "version", "what"),
        [(r["name"], r["version"], r["title"]) for r in rows],
        "what",
    )


def _runs(project: str | None, json_: bool) -> None:
    from catalog.cli.output import counted
    from catalog.registry import find_root
    from reproduce.cli.common import as_json, table
    from reproduce.cli.runs import stored_runs
    from reproduce.ground import wording

    found = [r for r in stored_runs(find_root()) if project in (None, r.result.project)]
    if json_:
        rows = [
            {
                "run": run.result.run,
                "status": run.result.status,
                "claims": run.result.claims,
                "place": run.place,
            }
            for run in found
        ]
        as_json(rows)
        return
    table(
        counted(len(found), "run"),
        ("run", "what", "status", "answers", "in"),
        [
            (
                wording.short_id(run.result.run),
                wording.short_title(run.result),
                run.result.status,
                [name.partition("/")[2] or name for name in run.result.claims],
                run.kept_in,
            )
            for run in found
        ],
        "what",
        "answers",
        "in",
    )
