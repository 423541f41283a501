"""`sam4mis import`."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.cli.entries import AsVersion, Because, Different, InScope, WithoutAuthors
from catalog.cli.output import JsonOption, say, write, write_json
from catalog.errors import EXIT_FINDINGS, PrerequisiteError

if TYPE_CHECKING:
    from catalog.intake import Draft

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="List of works (YAML), or a list in Markdown.")
    ],
    place: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="OWNER/NAME@COMMIT:PATH",
            help="Where a list is from; entries that do not say so keep it with their line.",
        ),
    ] = None,
    section: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="Markdown: only below headings with this (repeatable)."),
    ] = None,
    different: Different = None,
    as_version: AsVersion = None,
    without_authors: WithoutAuthors = None,
    in_scope: InScope = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(metavar="ENTRY=REASON", help="Leave this one out, for good (as in screen)."),
    ] = None,
    because: Because = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report and write nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Take in a list that somebody else keeps; each work is marked second hand.

    Works in scope go to papers.yaml, borderline ones to the queue (sam4mis screen), excluded
    ones are remembered. Entries of a Markdown list go to the queue: nobody has looked at them.
    One that looks like a work that is there, or names no author, holds up no other: it waits and
    is listed with the options that decide it. The same command again goes on where it was.
    Exit status 1 while an entry waits. The form of the YAML stands in CONTRIBUTING.md.

    \b
    Examples:
      sam4mis import works.yaml --dry-run
      sam4mis import works.yaml --as-version 10.1117/12.3006837=skinsam
      sam4mis import README.md --from owner/name@<commit>:README.md --section Medical
    """
    from catalog.cli.entries import as_data, choices, summary, tell, versions_of
    from catalog.intake.storing import Origin, preview, store
    from catalog.registry import find_clone, find_root

    if not file.is_file():
        raise PrerequisiteError(f"{file}: there is no such file.", "sam4mis import FILE")
    root = find_root() if dry_run else find_clone("import")
    drafts = _drafts(file, place, section)
    made = choices(
        drafts, different, versions_of(drafts, as_version), without_authors, in_scope, leave_out
    )
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    if dry_run:
        entries = preview(root, drafts, made, today)
    else:
        origin = Origin(place or file.name, listed=True, because=because)
        entries = store(root, drafts, made, origin, today)
    if json:
        write_json({"written": not dry_run, "entries": [as_data(entry) for entry in entries]})
    else:
        for entry in entries:
            if entry.state in ("new", "queued", "joined"):
                into = f" {entry.paper.id}" if entry.paper and entry.state != "queued" else ""
                write(f"{entry.state}{into}: {entry.draft.title}\n")
        tell((e for e in entries if e.state == "waits"), f"sam4mis import {file}")
        for draft in drafts:
            for name, text in draft.left_out.items():
                say(f"Not taken from {draft.place}:{draft.line}: {name} = {text[:120]!r}")
        say(summary(entries) + ("; nothing was written (--dry-run)" if dry_run else ""))
    if any(entry.state == "waits" for entry in entries):
        raise typer.Exit(EXIT_FINDINGS)


def _drafts(file: Path, place: str | None, section: list[str] | None) -> list[Draft]:
    from catalog.decided import decisions
    from catalog.errors import UsageError
    from catalog.intake import decode
    from catalog.intake.markdown_list import read_markdown_list
    from catalog.intake.works_list import origin_of, read_works_list

    text = decode(file.read_bytes(), str(file))
    if file.suffix.lower() in (".md", ".markdown"):
        if place is None:
            raise UsageError(
                f"{file}: where is it from? Add --from owner/name@<commit>:<path>; every entry "
                "keeps its place."
            )
        return read_markdown_list(text, place, section or [])
    if section:
        raise UsageError("--section is for lists in Markdown, which have headings.")
    origin = origin_of(place)[:2] if place else None
    return read_works_list(text, str(file), decisions().venues, origin)
