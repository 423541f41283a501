"""`sam4mis add`."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.cli.output import can_ask, counted, say, write
from catalog.errors import FindingsError, InputError, UsageError

if TYPE_CHECKING:
    from catalog.duplicates import Match
    from catalog.intake import Draft
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
    as_version: Annotated[
        str | None,
        typer.Option(metavar="ID", help="It is another version of this work, not a new one."),
    ] = None,
    different: Annotated[
        bool, typer.Option("--different", help="It only looks like one that is there: add it.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show and write nothing.")] = False,
) -> None:
    """Add a work to papers.yaml.

    Shows the record first and asks before writing; in a pipe it never asks, and writes
    only with --yes. Tags that it suggests are marked so (`from: suggested`): look at them.

    \b
    Examples:
      sam4mis add 2304.12306
      sam4mis add https://doi.org/10.1038/s41467-024-44824-z
      sam4mis add entry.bib                     BibTeX, RIS or CSL-JSON: needs no network
      sam4mis add -                             paste, then Ctrl-D
      sam4mis add 10.1038/s41467-024-44824-z --as-version medsam
    """
    from catalog.registry import Registry, find_root, load_papers

    root = find_root()
    registry = Registry(root, papers=load_papers(root))  # what projects say is no concern of a work
    there = None if as_version else registry
    drafts = [draft for item in _inputs(what) for draft in drafts_of(item, root, there)]
    if as_version is not None:
        _add_version(root, registry.papers, as_version, drafts, yes=yes, dry_run=dry_run)
        return

    from catalog.duplicates import find_duplicates
    from catalog.editing import append_new, dump_record

    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    before = {name for paper in registry.papers for name in (paper.id, *paper.aliases)}
    taken = set(before)
    ready: list[Paper] = []
    refused: list[str] = []
    for draft in drafts:
        paper = draft.to_paper(taken, today)
        matches = find_duplicates(registry, paper)
        known = {other.id: other for other in registry.papers}
        sure = [m for m in matches if m.level == "identifier" or not different]
        if sure:
            refused.append(_duplicate(paper, sure, known, as_typed(what), draft))
            continue
        write(dump_record(paper))
        taken.add(paper.id)
        ready.append(paper)
        registry.papers.append(paper)  # a second entry of the same paste is a duplicate too
    if refused:
        raise InputError("\n".join([*refused, "Nothing was written."]))
    suggested = sum(_suggested(paper) for paper in ready)
    if suggested:
        say(f"{counted(suggested, 'tag')} suggested from title and abstract: check them.")
    if named := [link for paper in ready for link in paper.links.code or []]:
        say(f"Code as the source names it: {', '.join(named)}. Check that it is this work's.")
    for draft in drafts:
        for name, text in draft.left_out.items():
            say(f"Not taken from {draft.place}: {name} = {_short(text)}")
    if agreed(f"Add {counted(len(ready), 'work')} to papers.yaml?", yes=yes, dry_run=dry_run):
        added = append_new(root, lambda now: _still_new(root, now, ready, before, different))
        say(f"Added {', '.join(paper.id for paper in added)}. Next: sam4mis check")


def _still_new(
    root: Path, now: list[Paper], ready: list[Paper], before: set[str], different: bool
) -> list[Paper]:
    """`ready` after another look at what is there now: somebody may have added works meanwhile.

    An id that was taken meanwhile is replaced by a free one. Raises `InputError` where a work
    itself was added.
    """
    from catalog.duplicates import find_duplicates
    from catalog.registry import Registry
    from catalog.slugs import work_slug

    taken = {name for paper in now for name in (paper.id, *paper.aliases)}
    if taken <= before:
        return ready
    registry = Registry(root, papers=now)
    known = {other.id: other for other in now}
    for paper in ready:
        # before looking: a work with the same id would pass for the work itself
        if paper.id in taken:
            first = paper.authors[0] if paper.authors else None
            year = (paper.versions[0].date or "")[:4]
            paper.id = work_slug(paper.title, paper.short_name, first, year, taken)
        matches = find_duplicates(registry, paper)
        if sure := [m for m in matches if m.level == "identifier" or not different]:
            other = known[sure[0].paper_id]
            raise InputError(
                f"{paper.title!r} was added by somebody else meanwhile: {other.id} "
                f"({sure[0].reason}). Nothing was written. See: sam4mis show {other.id}"
            )
        taken.add(paper.id)
    return ready


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
    draft = look_up(Client(settings, Cache(root / ".sam4mis" / "cache" / "http")), item).draft
    if found := draft.problems():
        raise FindingsError(found)
    return draft


def _duplicate(
    paper: Paper, matches: list[Match], known: dict[str, Paper], typed: str, draft: Draft
) -> str:
    """One message for a work that is there: which one, since when, and the ways out."""
    from catalog.intake.joining import unknown_versions

    match = matches[0]
    other = known.get(match.paper_id)
    since = _since(other) if other else ""
    title = f" ({other.title})" if other else ""
    there = f"{paper.title!r} is in the catalog{since}: {match.paper_id}{title}; {match.reason}"
    if other and match.level == "identifier" and not unknown_versions(other, draft):
        return (
            f"{there}, and this version of it too. See: sam4mis show {match.paper_id}\n"
            "  If yours is a different work, its identifier is wrong: correct it and add it again."
        )
    ways = [f"another version of it: sam4mis add {typed} --as-version {match.paper_id}"]
    if match.level != "identifier":
        ways.append(f"a different work: sam4mis add {typed} --different")
    return "\n".join([f"{there}.", *(f"  If yours is {way}" for way in ways)])


def _since(paper: Paper) -> str:
    from catalog.duplicates import since

    found = since(paper)
    return f", since {found}" if found else ""


def _suggested(paper: Paper) -> int:
    from catalog.records import TAG_FIELDS

    tags = (getattr(paper, name) for name in TAG_FIELDS)
    return sum(tag is not None and tag.provenance == "suggested" for tag in tags)


def _add_version(
    root: Path,
    papers: list[Paper],
    name: str,
    drafts: list[Draft],
    *,
    yes: bool,
    dry_run: bool,
) -> None:
    from catalog.editing import dump_record, update_record
    from catalog.facets import Work
    from catalog.intake.joining import with_version
    from catalog.lookup import find

    if len(drafts) != 1:
        got = counted(len(drafts), "work")
        raise UsageError(f"--as-version takes one work at a time, got {got}.")
    work, _ = find(name, [Work(paper) for paper in papers], [])
    assert work is not None  # find raises where there is none
    draft = drafts[0]
    write(dump_record(with_version(work.paper, draft)))
    if agreed(f"Change {work.paper.id} in papers.yaml?", yes=yes, dry_run=dry_run):
        update_record(root, work.paper.id, lambda paper: with_version(paper, draft))
        say(f"{work.paper.id} has one more version. Next: sam4mis check")


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
