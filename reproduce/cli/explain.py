"""`sam4mis reproduce explain`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from catalog.cli import completing

if TYPE_CHECKING:
    from catalog.records import Project
    from catalog.registry import Registry

app = typer.Typer(add_completion=False, rich_markup_mode=None)

EXAMPLES = "examples.json"


@app.command()
def explain(
    claim: Annotated[
        str | None,
        typer.Argument(
            metavar="PROJECT[/CLAIM]",
            autocompletion=completing.claims,
        ),
    ] = None,
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
    comparable in class C at best. Of a project it tells its claims in groups: by what explains
    them, and by what stands against a search.

    \b
    Examples:
      sam4mis reproduce explain lwnet/validation-dice
      sam4mis reproduce explain lwnet/validation-dice --target 0.8162
      sam4mis reproduce explain lwnet
    """
    from catalog.errors import UsageError
    from catalog.lookup import named_claims
    from catalog.registry import RESULTS, find_clone, find_root
    from reproduce.cli.common import as_json, sound_registry
    from reproduce.ground.extras import need_extra

    need_extra("explain")
    root = find_root()
    if examples or write or check:
        from reproduce.cli.generated import keep
        from reproduce.judging.examples import APART
        from reproduce.running import pictures

        document = pictures.document(root)
        if write or check or dry_run:
            path = find_clone("reproduce explain") / RESULTS / EXAMPLES
            command = "sam4mis reproduce explain --examples --write"
            keep(path, document, command, check=check, dry_run=dry_run, json=json_, absolute=APART)
        elif json_:
            as_json(document)
        else:
            _tell_examples(document)
        return
    from reproduce.judging.searching import search

    if claim is None:
        raise UsageError("explain: name a claim (lwnet/validation-dice), or ask for --examples.")
    registry = sound_registry(root)
    project, claims = named_claims(claim, registry.projects)
    if "/" not in claim.removeprefix(f"projects/{project.slug}") or not claims:
        _tell_groups(registry, project, target, depth, json_=json_)
        return
    (record,) = claims
    claim = f"{project.slug}/{record.id}"
    space, found = search(registry, project, record, target, depth)
    if json_:
        as_json(asdict(found))
    else:
        from reproduce.cli.explaining import tell

        tell(claim, record, space, found, given=target is not None, everything=all_)


def _tell_groups(
    registry: Registry, project: Project, target: float | None, depth: int, *, json_: bool
) -> None:
    """The claims of a project, those with the same explanation together."""
    from catalog.cli.output import sheet
    from reproduce.cli.common import as_json
    from reproduce.cli.explaining import groups

    found = groups(registry, project, target, depth)
    if json_:
        as_json([{"group": name, "claims": dict(rows)} for name, rows in found])
        return
    sheet(f"{project.name}: {len(project.claims)} claims", found)


def _tell_examples(document: dict[str, Any]) -> None:
    from reproduce.cli.common import table

    for example in document["examples"]:
        rows = example.get("rows") or example.get("shares") or []
        columns = list(rows[0]) if rows else []
        table(example["title"], columns, [[row[c] for c in columns] for row in rows])
