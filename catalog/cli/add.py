"""`sam4mis add`."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.cli.entries import AsVersion, Because, Different, InScope, WithoutAuthors
from catalog.cli.output import JsonOption, can_ask, counted, say, write, write_json
from catalog.errors import EXIT_FINDINGS, FindingsError, InputError, UsageError

if TYPE_CHECKING:
    from catalog.intake import Draft
    from catalog.intake.entering import Entry
    from catalog.records import Paper
    from catalog.registry import Registry

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def add(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WHAT",
            help="arXiv id, DOI, PubMed id, OpenReview or landing page, a file, or - (pasted).",
        ),
    ] = None,
    different: Different = None,
    as_version: AsVersion = None,
    without_authors: WithoutAuthors = None,
    in_scope: InScope = None,
    because: Because = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show and write nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Add a work to papers.yaml.

    Shows the record first and asks before writing; in a pipe it never asks, and writes
    only with --yes. Tags that it suggests are marked so (`from: suggested`): look at them.
    An entry that looks like a work that is there, or names no author, holds up no other: it
    waits and is told with the option that decides it. Exit status 1 while one waits.

    \b
    Examples:
      sam4mis add 2304.12306
      sam4mis add https://doi.org/10.1038/s41467-024-44824-z
      sam4mis add entry.bib                     BibTeX, RIS, CSL-JSON, .nbib: needs no network
      sam4mis add -                             paste, then Ctrl-D
      sam4mis add 10.1038/s41467-024-44824-z --as-version medsam
    """
    from catalog.cli.entries import as_data, choices, tell, versions_of
    from catalog.editing import dump_record
    from catalog.intake.storing import Origin, preview, store
    from catalog.records import to_builtins
    from catalog.registry import Registry, find_clone, find_root, load_papers

    root = find_root() if dry_run else find_clone("add")
    registry = Registry(root, papers=load_papers(root))  # what projects say is no concern of a work
    there = None if as_version else registry
    drafts = [draft for item in _inputs(what) for draft in drafts_of(item, root, there)]
    versions = {
        entry: _work(registry.papers, id) for entry, id in versions_of(drafts, as_version).items()
    }
    made = choices(drafts, different, versions, without_authors, in_scope)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    entries = preview(root, drafts, made, today)
    going = [entry for entry in entries if entry.state in ("new", "joined") and entry.paper]
    records = {entry.paper.id: entry.paper for entry in going if entry.paper}
    if not json:
        write("".join(dump_record(paper) for paper in records.values()))
    typed = f"sam4mis add {as_typed(what)}"
    if not going:
        tell(entries, typed)
        raise InputError("Nothing was written.")
    _tell_of(going)
    if written := agreed(_question(going), yes=yes, dry_run=dry_run):
        origin = Origin("given to sam4mis add", because=because)
        entries = store(root, drafts, made, origin, today)
        added = [e.paper.id for e in entries if e.state == "new" and e.paper]
        joined = [e.paper.id for e in entries if e.state == "joined" and e.paper]
        if added:
            say(f"Added {', '.join(added)}. Next: sam4mis check")
        for id in joined:
            say(f"{id} has one more version. Next: sam4mis check")
    if json:
        write_json(
            {
                "written": written,
                "entries": [as_data(entry) for entry in entries],
                "records": [to_builtins(paper) for paper in records.values()],
            }
        )
    tell(entries, typed)
    missing = [e for e in entries if e.state in ("waits", "decided before")]
    lost = not any(entry.state in ("new", "joined") for entry in entries)
    if missing or lost:
        raise typer.Exit(EXIT_FINDINGS)


def _tell_of(going: list[Entry]) -> None:
    """What a person should look at before agreeing."""
    from catalog.standing import taken_back

    papers = [entry.paper for entry in going if entry.state == "new" and entry.paper]
    if suggested := sum(_suggested(paper) for paper in papers):
        say(f"{counted(suggested, 'tag')} suggested from title and abstract: check them.")
    if named := [link for paper in papers for link in paper.links.code or []]:
        say(f"Code as the source names it: {', '.join(named)}. Check that it is this work's.")
    for paper in (entry.paper for entry in going if entry.paper):
        if notice := taken_back(paper):
            say(f"{paper.id} was {notice.kind}, says {notice.source}; that is recorded with it.")
    for entry in going:
        for name, text in entry.draft.left_out.items():
            say(f"Not taken from {entry.draft.place}: {name} = {_short(text)}")


def _question(going: list[Entry]) -> str:
    new = sum(entry.state == "new" for entry in going)
    changed = sorted({e.paper.id for e in going if e.state == "joined" and e.paper})
    parts = [f"Add {counted(new, 'work')} to papers.yaml"] if new else []
    parts += [f"Change {', '.join(changed)} in papers.yaml"] if changed else []
    return f"{' and '.join(parts)}?"


def _short(text: str) -> str:
    return repr(text if len(text) <= 120 else f"{text[:117]}...")


def _inputs(what: list[str] | None) -> list[str]:
    if what:
        return what
    if not sys.stdin.isatty():
        return ["-"]
    raise UsageError(
        "sam4mis add: what? Give an arXiv id, DOI, address or file, or - to paste. "
        "Examples: sam4mis add --help"
    )


def as_typed(what: list[str] | None) -> str:
    """What the person typed, to be repeated in a way out."""
    return " ".join(what or ["-"])


def drafts_of(item: str, root: Path, registry: Registry | None = None) -> list[Draft]:
    """Drafts of one argument: standard input, a file, or an identifier that is looked up.

    An identifier that `registry` has is refused before anybody is asked.
    """
    from catalog.intake import decode, read, sniff

    if item == "-":
        if sys.stdin.isatty():
            say("Paste BibTeX, RIS, CSL-JSON or identifiers, then press Ctrl-D on an empty line.")
        raw, place = sys.stdin.buffer.read(), "standard input"
    elif (path := Path(item)).is_file():
        raw, place = path.read_bytes(), item
    elif _looks_like_a_file(item):
        raise UsageError(f"there is no file {item!r}. Give its path, or paste it: sam4mis add -")
    else:
        return [looked_up(item, root, registry)]
    text = decode(raw, place)
    if sniff(text) != "identifiers":
        return read(text, place)
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if not found or any(" " in line for line in found):
        return read(text, place)  # says what was expected
    return [looked_up(line, root, registry) for line in found]


def _looks_like_a_file(item: str) -> bool:
    return item.endswith((".bib", ".ris", ".json", ".txt", ".nbib")) and "://" not in item


def looked_up(item: str, root: Path, registry: Registry | None) -> Draft:
    """The draft of an identifier; refused before anybody is asked where `registry` has it."""
    from catalog.kept import folder_of
    from catalog.sources.cache import Cache
    from catalog.sources.http import Client
    from catalog.sources.looking_up import look_up, work_identifier
    from catalog.sources.settings import from_environment

    identifier = work_identifier(item)
    if registry:
        from catalog.duplicates import DuplicateIndex

        key = (identifier.kind, identifier.value)
        for paper in DuplicateIndex(registry.papers).by_identifier.get(key, []):
            raise InputError(
                f"{identifier} is in the catalog{_since(paper)}: {paper.id} ({paper.title}). "
                f"See: sam4mis show {paper.id}"
            )
    # somebody waits: one more attempt, short limits, and no long Retry-After
    settings = from_environment(retries=1, longest_wait_s=5.0, fresh_s=3600.0)
    say(f"Asking for {item} ...")
    draft = look_up(Client(settings, Cache(folder_of(root) / "http")), item).draft
    if found := draft.problems():
        raise FindingsError(found)
    return draft


def _since(paper: Paper) -> str:
    from catalog.duplicates import since

    found = since(paper)
    return f", since {found}" if found else ""


def _suggested(paper: Paper) -> int:
    from catalog.records import TAG_FIELDS

    tags = (getattr(paper, name) for name in TAG_FIELDS)
    return sum(tag is not None and tag.provenance == "suggested" for tag in tags)


def _work(papers: list[Paper], name: str) -> str:
    """The id of a work that a person named. Raises `UsageError` where there is none."""
    from catalog.facets import Work
    from catalog.lookup import find

    work, _ = find(name, [Work(paper) for paper in papers], [])
    assert work is not None  # find raises where there is none
    return work.paper.id


def agreed(question: str, *, yes: bool, dry_run: bool) -> bool:
    """Whether to write. Asks on a terminal, never in a pipe.

    Raises `UsageError` in a pipe without `--yes`: silence is no agreement.
    """
    if dry_run:
        say("Nothing was written (--dry-run).")
        return False
    if yes:
        return True
    if not can_ask():
        raise UsageError("Nothing was written: there is no terminal to ask on. Add --yes to write.")
    if typer.confirm(question, default=False, err=True):
        return True
    say("Nothing was written.")
    return False
