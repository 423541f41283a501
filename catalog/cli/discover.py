"""`sam4mis discover`."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.cli.output import JsonOption, counted, say, table, write_json

if TYPE_CHECKING:
    from catalog.sources.discovering import Query
    from catalog.sources.http import Client
    from catalog.sources.screening import Candidate, ListRead, Search

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def discover(
    since: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Submitted since, YYYY-MM-DD; default: last search."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Submitted until; default: today.")
    ] = None,
    lists: Annotated[
        bool, typer.Option("--lists", help="Read the other lists of the query file as well.")
    ] = False,
    evaluate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Measure the scores on a judged list (as import takes it)."
        ),
    ] = None,
    abstracts: Annotated[
        bool, typer.Option("--abstracts", help="With --evaluate: ask arXiv for the abstracts.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show and queue nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Search arXiv for works that are not listed yet, and queue them for `sam4mis screen`.

    The query, the scores and the other lists are in catalog/data/discovery_query.yaml; what is
    known, queued or was decided before is left out. The counts of every search are kept for the
    PRISMA flow. With --evaluate nothing is searched: how many works in scope would be queued
    (recall), and how many of those queued are in scope (precision), on titles or abstracts.

    \b
    Examples:
      sam4mis discover --since 2026-10-01
      sam4mis discover --since 2026-10-01 --lists --dry-run --json
      sam4mis discover --evaluate works.yaml
    """
    from catalog.errors import UsageError
    from catalog.registry import find_clone
    from catalog.sources import discovering
    from catalog.sources.cache import Cache
    from catalog.sources.http import Client
    from catalog.sources.settings import from_environment

    root = find_clone("discover")
    client = Client(
        # an hour: a search that was stopped goes on, one of tomorrow asks again
        from_environment(fresh_s=3600.0),
        Cache(root / ".sam4mis" / "cache" / "http"),
    )
    query = discovering.load_query(root)
    if evaluate is not None:
        _evaluate(client, query, evaluate, abstracts, json)
        return
    if abstracts:
        raise UsageError("--abstracts is for --evaluate FILE.")
    fresh, search, reads = _search(root, client, query, since, until, lists)
    if not dry_run:
        _keep(root, fresh, search, reads)
    _tell(fresh, search, reads, dry_run, json)


def _search(
    root: Path, client: Client, query: Query, since: str | None, until: str | None, lists: bool
) -> tuple[list[Candidate], Search, list[ListRead]]:
    """New candidates, and the counts of the search and of each list that was read."""
    from catalog.errors import FindingsError, PrerequisiteError, UsageError
    from catalog.registry import Registry
    from catalog.sources import arxiv_, screening
    from catalog.sources.discovering import Sieve, entries_of
    from catalog.sources.http import SourceError

    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    kept = screening.load(root)
    if since is None and kept.searches:
        since = max(search.until for search in kept.searches)
    if since is None:
        raise UsageError("--since: there was no search yet; give a date, e.g. --since 2026-10-01.")
    first, last = _day("--since", since), _day("--until", until or today)
    if first > last:
        raise UsageError(f"--since {first} is after --until {last}.")
    say(f"Asking arXiv for works of {first} to {last} ...")
    sieve = Sieve(Registry.load(root), kept, query, today)
    try:
        sightings = arxiv_.by_query(client, query.between(first, last), None)
        fresh, counts = sieve.sift(sighting.draft for sighting in sightings)
    except SourceError as error:
        raise PrerequisiteError(
            f"arXiv could not be asked. {error}. Nothing was queued.",
            f"sam4mis discover --since {first}",
        ) from None
    search = screening.Search(
        date=today, since=first, until=last, query=query.digest, **_counts(counts)
    )
    reads = []
    for other in query.file.lists if lists else ():
        say(f"Reading {other.repository} ...")
        try:
            place, drafts = entries_of(client, other)
        except (SourceError, FindingsError) as error:
            say(f"Left out: {error}")
            continue
        more, counts = sieve.sift(drafts)
        fresh += more
        reads.append(screening.ListRead(date=today, source=place, **_counts(counts)))
    return fresh, search, reads


def _counts(counts: Counter[str]) -> dict[str, int]:
    names = ("found", "known", "decided_before", "queued_before", "below_threshold", "queued")
    return {name: counts[name] for name in names}


def _keep(root: Path, fresh: list[Candidate], search: Search, reads: list[ListRead]) -> None:
    """Queue what is still new, under the lock, with the counts."""
    from catalog.editing import edit_lock
    from catalog.sources import screening

    with edit_lock(root):
        kept = screening.load(root)
        there = screening.Remembered.of(kept)
        kept.queue += [
            c for c in fresh if not (there.waits(c.record) or there.decision_on(c.record))
        ]
        kept.searches.append(search)
        kept.lists += reads
        screening.save(root, kept)


def _tell(
    fresh: list[Candidate], search: Search, reads: list[ListRead], dry_run: bool, json: bool
) -> None:
    import msgspec

    if json:
        candidates = [{"id": c.id, **msgspec.to_builtins(c)} for c in fresh]
        found = {"search": search, "lists": reads}
        write_json({**msgspec.to_builtins(found), "candidates": candidates})
        return
    rows = ((c.id, c.score, c.looks_like, c.record.title) for c in fresh)
    table(("work", "score", "looks like", "title"), rows, "title")
    everywhere: list[tuple[str, Search | ListRead]] = [("arXiv", search)]
    for source, read in [*everywhere, *((read.source, read) for read in reads)]:
        say(
            f"{source}: {read.found} found: {read.known} known, {read.decided_before} decided "
            f"before, {read.queued_before} waiting already, {read.below_threshold} scored too "
            f"low, {counted(read.queued, 'new candidate')}."
        )
    say("Nothing was queued (--dry-run)." if dry_run else "Next: sam4mis screen")


def _evaluate(client: Client, query: Query, file: Path, abstracts: bool, json: bool) -> None:
    from dataclasses import asdict

    from catalog.errors import PrerequisiteError
    from catalog.sources import arxiv_
    from catalog.sources.evaluating import evaluate, read_judged, with_abstracts
    from catalog.sources.http import SourceError

    if not file.is_file():
        raise PrerequisiteError(
            f"{file}: there is no such file.", "sam4mis discover --evaluate FILE"
        )
    works = read_judged(file)
    if abstracts:
        try:
            seen = arxiv_.by_ids(client, [work.arxiv for work in works if work.arxiv])
        except SourceError as error:
            raise PrerequisiteError(
                f"arXiv could not be asked. {error}.", f"sam4mis discover --evaluate {file}"
            ) from None
        works = with_abstracts(
            works, {id: sighting.draft.abstract for id, sighting in seen.items()}
        )
    outcome = evaluate(query, works)
    figures = {"recall": outcome.recall, "precision": outcome.precision}
    if json:
        write_json(asdict(outcome) | figures)
        return
    table(
        ("judged", "works", "queued", "found by the search"),
        [
            (judged, outcome.works[judged], outcome.queued[judged],
             outcome.found[judged] if outcome.with_abstract else "no abstract")
            for judged in outcome.works
        ],
    )  # fmt: skip
    for kind, titles in (("missed", outcome.missed), ("wrong", outcome.wrong)):
        for score, title in titles:
            say(f"{kind} ({score}): {title}")
    on = f"titles and {counted(outcome.with_abstract, 'abstract')}" if abstracts else "titles only"
    precision = "-" if outcome.precision is None else f"{outcome.precision:.3f}"
    say(
        f"On {on}, threshold {outcome.threshold}: recall {outcome.recall:.3f}, precision "
        f"{precision} (borderline works left aside)."
    )


def _day(option: str, text: str) -> str:
    """`text` as a date, checked. Raises `UsageError`."""
    from catalog.errors import UsageError

    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            raise ValueError
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(f"{option}: {text!r} is no date; expected e.g. 2026-10-01.") from None
