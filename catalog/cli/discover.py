"""`sam4mis discover`."""

from __future__ import annotations

import datetime
import re
from typing import Annotated

import typer

from catalog.cli.output import JsonOption, counted, say, table, write_json

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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show and queue nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Search arXiv for works that are not listed yet, and queue them for `sam4mis screen`.

    The query and the scores are in catalog/data/discovery_query.yaml; what is known, queued or
    was decided before is left out. The counts of every search are kept for the PRISMA flow.

    \b
    Examples:
      sam4mis discover --since 2026-10-01
      sam4mis discover --since 2026-10-01 --dry-run --json
    """
    import msgspec

    from catalog.editing import edit_lock
    from catalog.errors import PrerequisiteError, UsageError
    from catalog.registry import Registry, find_root
    from catalog.sources import discovering, screening
    from catalog.sources.cache import Cache
    from catalog.sources.http import Client, SourceError
    from catalog.sources.settings import from_environment

    root = find_root()
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    kept = screening.load(root)
    if since is None and kept.searches:
        since = max(search.until for search in kept.searches)
    if since is None:
        raise UsageError("--since: there was no search yet; give a date, e.g. --since 2026-10-01.")
    first, last = _day("--since", since), _day("--until", until or today)
    if first > last:
        raise UsageError(f"--since {first} is after --until {last}.")
    client = Client(
        # an hour: a search that was stopped goes on, one of tomorrow asks again
        from_environment(fresh_s=3600.0),
        Cache(root / ".sam4mis" / "cache" / "http"),
    )
    say(f"Asking arXiv for works of {first} to {last} ...")
    query = discovering.load_query(root)
    registry = Registry.load(root)
    try:
        fresh, search = discovering.discover(client, registry, kept, query, first, last, today)
    except SourceError as error:
        raise PrerequisiteError(
            f"arXiv could not be asked. {error}. Nothing was queued.",
            f"sam4mis discover --since {first}",
        ) from None
    if not dry_run:
        with edit_lock(root):
            kept = screening.load(root)
            there = screening.Remembered.of(kept)
            kept.queue += [
                c for c in fresh if not (there.waits(c.record) or there.decision_on(c.record))
            ]
            kept.searches.append(search)
            screening.save(root, kept)
    if json:
        candidates = [{"id": c.id, **msgspec.to_builtins(c)} for c in fresh]
        write_json({"search": msgspec.to_builtins(search), "candidates": candidates})
        return
    rows = ((c.id, c.score, c.looks_like, c.record.title) for c in fresh)
    table(("arXiv", "score", "looks like", "title"), rows, "title")
    say(
        f"{search.found} found: {search.known} known, {search.decided_before} decided before, "
        f"{search.queued_before} waiting already, {search.below_threshold} scored too low, "
        f"{counted(search.queued, 'new candidate')}."
    )
    say("Nothing was queued (--dry-run)." if dry_run else "Next: sam4mis screen")


def _day(option: str, text: str) -> str:
    """`text` as a date, checked. Raises `UsageError`."""
    from catalog.errors import UsageError

    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            raise ValueError
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(f"{option}: {text!r} is no date; expected e.g. 2026-10-01.") from None
