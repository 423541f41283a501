"""`sam4mis check`."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def check(
    json: Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")] = False,
    github: Annotated[
        bool, typer.Option("--github", help="Answer as annotations for GitHub Actions.")
    ] = False,
    explain: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="Say what a code means, e.g. C003, and stop."),
    ] = None,
) -> None:
    """Check the registry; all findings at once, with file and line.

    Schema, references, identifiers, vocabularies and duplicates of papers.yaml, projects/ and the
    results. Exit status 0 without findings, 1 with. `sam4mis doctor` looks closer.
    """
    from catalog.checks import check_registry
    from catalog.cli.findings import show, show_codes, summary
    from catalog.cli.output import counted
    from catalog.errors import EXIT_FINDINGS
    from catalog.registry import find_clone

    if explain:
        show_codes(explain, as_json=json)
        return
    registry, findings = check_registry(find_clone("check"))
    show(findings, "json" if json else "github" if github else "text")
    of = ", ".join(
        (
            counted(len(registry.papers), "work"),
            counted(len(registry.projects), "project"),
            counted(len(registry.results), "result"),
            counted(len(registry.evidence), "source of released rows", "sources of released rows"),
        )
    )
    summary(findings, of)
    if findings:
        raise typer.Exit(EXIT_FINDINGS)
