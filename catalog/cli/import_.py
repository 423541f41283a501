"""`sam4mis import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def import_(
    folder: Annotated[Path, typer.Argument(help="Folder with rows.md and facts.yaml.")],
    facts: Annotated[
        Path | None,
        typer.Option(help="Folder with projects.yaml, methods2d.yaml, methods3d.yaml."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if anything would change.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")] = False,
) -> None:
    """Import the SAM4MIS list; every row accounted for.

    Works go to papers.yaml, code repositories to projects/. Running it again changes nothing.
    A record that a person has edited stays as it is, and the differences are listed.

    \b
    Examples:
      sam4mis import ../shared/data/sam4mis
      sam4mis import ../shared/data/sam4mis --check
    """
    from collections import Counter

    from catalog.cli.output import say, write, write_json
    from catalog.errors import EXIT_FINDINGS, PrerequisiteError
    from catalog.importer.papers import import_papers
    from catalog.importer.report import REPORT
    from catalog.registry import find_root

    if not folder.is_dir():
        raise PrerequisiteError(f"{folder}: there is no such folder.", "sam4mis import <folder>")
    root = find_root()
    writing = not (dry_run or check)
    report = import_papers(root, folder, write=writing)
    facts_folder = facts or _facts_beside(folder)
    projects = None
    if facts_folder is not None:
        from catalog.importer.projects import import_projects

        projects = import_projects(root, folder, facts_folder, write=writing)
    if json:
        answer = report.as_dict()
        if projects is not None:
            answer["projects"] = projects.lines()
        write_json(answer)
    else:
        outcomes = Counter(fate.outcome for fate in report.rows)
        codes = Counter(finding.code for finding in report.findings)
        parts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(outcomes.items()))
        write(f"rows: {len(report.rows)} accounted for: {parts}\n")
        write(
            f"works: {len(report.added)} added, {len(report.updated)} updated, "
            f"{len(report.unchanged)} unchanged\n"
        )
        write(f"irregularities: {sum(codes.values())} of {len(codes)} kinds, see {REPORT}\n")
        for line in report.kept:
            write(f"kept {line}\n")
        if projects is not None:
            for line in projects.lines():
                write(f"{line}\n")
        else:
            say("projects: not imported; name the folder with projects.yaml by --facts.")
        for name in report.stale:
            write(f"{'would write' if not writing else 'wrote'} {name}\n")
    if check and (report.stale or (projects and (projects.created or projects.completed))):
        raise typer.Exit(EXIT_FINDINGS)


def _facts_beside(folder: Path) -> Path | None:
    """`facts/` near the list: in it, beside it, or two levels up as in the original material."""
    for place in (folder, folder.parent, folder.parent.parent):
        if (place / "facts" / "projects.yaml").is_file():
            return place / "facts"
    return None
