"""`sam4mis build`."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("build")
def main(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if README tables are stale.")
    ] = False,
    readme_only: Annotated[
        bool, typer.Option("--readme-only", help="Write the README tables and stop.")
    ] = False,
    no_site: Annotated[
        bool, typer.Option("--no-site", help="Write build/docs but do not run MkDocs.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Make everything in memory, write nothing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Write README tables and the website.

    \b
    Examples:
      sam4mis build
      sam4mis build --check        # for CI
      sam4mis build --readme-only
    """
    from catalog.registry import find_clone
    from catalog.render.build import build

    root = find_clone("build")
    if not (check or json):
        typer.echo("reading the registry, writing tables and pages ...", err=True)
    report = build(root, check=check, readme_only=readme_only, site=not no_site, dry_run=dry_run)
    if json:
        import msgspec

        from catalog.cli.output import write_document

        write_document(
            msgspec.json.format(msgspec.json.encode(report.as_dict()), indent=2).decode()
        )
        return
    typer.echo(f"README tables\t{report.readme}, {report.readme_bytes} bytes")
    if not (check or readme_only):
        typer.echo(f"pages\t{report.pages}, other files {report.files}")
        typer.echo(f"changed\t{len(report.changed)}")
        typer.echo(
            f"site\t{report.site}" + ("" if no_site or dry_run else ", build/site/index.html")
        )
