"""`sam4mis screen`."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from catalog.cli.output import JsonOption, can_ask, cell, counted, say, table, write_json
from catalog.errors import InputError, UsageError

if TYPE_CHECKING:
    from catalog.sources.screening import Candidate

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def screen(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="CANDIDATE", help="Decide this one, by arXiv id, DOI ...; none: show the queue."
        ),
    ] = None,
    include: Annotated[bool, typer.Option("--include", help="Add it to papers.yaml.")] = False,
    exclude: Annotated[bool, typer.Option("--exclude", help="Leave it out, for good.")] = False,
    reason: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="in-scope, not-medical, not-segmentation, no-foundation-model, duplicate, "
            "no-paper, withdrawn or other.",
        ),
    ] = None,
    note: Annotated[str | None, typer.Option(help="A sentence that explains the reason.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show and write nothing.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the queue as Markdown, for a pull request.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Decide queued candidates one by one, each with a reason.

    On a terminal and without arguments it goes through the queue, best score first; in a pipe it
    prints the queue. Every decision is kept and counts in the PRISMA flow.

    \b
    Examples:
      sam4mis screen
      sam4mis screen 2611.01234 --include
      sam4mis screen 2611.01235 --exclude --reason not-medical --note "satellite images"
    """
    import msgspec

    from catalog.registry import find_clone
    from catalog.sources import screening

    root = find_clone("screen")
    queue = sorted(screening.load(root).queue, key=lambda c: (-c.score, c.id))
    if include or exclude:
        if include and exclude:
            raise UsageError("--include and --exclude: one of them.")
        decide(root, _chosen(name, queue), include, reason, note, dry_run=dry_run, json=json)
        return
    if name is not None:
        queue = [_chosen(name, queue)]
    if markdown:
        from catalog.cli.output import write
        from catalog.sources.reporting import queue_summary

        write(queue_summary(queue))
    elif json:
        write_json([{"id": c.id, **msgspec.to_builtins(c)} for c in queue])
    elif not can_ask():
        rows = ((c.id, c.score, c.looks_like, c.record.title) for c in queue)
        table(("candidate", "score", "looks like", "title"), rows, "title")
        say(f"{counted(len(queue), 'candidate')} waiting")
    else:
        _go_through(root, queue, dry_run=dry_run)


def _chosen(name: str | None, queue: list[Candidate]) -> Candidate:
    from catalog.identifiers import identify
    from catalog.sources.screening import names_of

    if name is None:
        raise UsageError("--include and --exclude need a candidate: sam4mis screen 2611.01234 ...")
    wanted = {name, *(identifier.value for identifier in identify(name))}
    for candidate in queue:
        if wanted & {candidate.id, *names_of(candidate.record)}:
            return candidate
    raise UsageError(f"{name} does not wait in the queue. See: sam4mis screen")


def decide(
    root: Path,
    candidate: Candidate,
    include: bool,
    reason: str | None,
    note: str | None,
    *,
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Write one decision: the record first, then the decision that names it. `json`: the decision
    is printed, else the record.

    Raises `UsageError` without a known reason, `InputError` where the work is in the catalog.
    """
    import msgspec

    from catalog.facets import unknown_value
    from catalog.sources import screening

    known = list(get_args(screening.Reason))
    if include:
        reason = reason or "in-scope"
    if reason is None:
        raise UsageError(f"--exclude needs a --reason: {', '.join(known[1:])}.")
    if reason not in known:
        raise UsageError(unknown_value("--reason", reason, known))
    if include != (reason == "in-scope"):
        raise UsageError("--reason: in-scope goes with --include, every other one with --exclude.")
    work = _add(root, candidate, dry_run=dry_run, shown=not json) if include else None
    decision = screening.Decision(
        id=candidate.id,
        title=candidate.record.title,
        decision="include" if include else "exclude",
        reason=reason,  # type: ignore[arg-type] # one of `known`, checked above
        date=_today(),
        note=note,
        work=work,
    )
    if json:
        write_json(msgspec.to_builtins(decision))
    if dry_run:
        say("Nothing was written (--dry-run).")
        return
    screening.decide(root, decision)
    say(f"{candidate.id}: {decision.decision}d ({reason})" + (f" as {work}" if work else ""))


def _add(root: Path, candidate: Candidate, *, dry_run: bool, shown: bool) -> str:
    """Append the candidate to papers.yaml; returns its id."""
    from catalog.cli.output import write
    from catalog.duplicates import find_duplicates
    from catalog.editing import append_record, dump_record
    from catalog.intake.entering import free_id
    from catalog.records import Inclusion
    from catalog.registry import Registry

    registry = Registry.load(root)
    paper = candidate.record
    taken = {name for known in registry.papers for name in (known.id, *known.aliases)}
    paper.id = free_id(paper, taken)
    paper.added = _today()
    if paper.inclusion.decision == "undecided":
        paper.inclusion = Inclusion(decision="include")
    sure = [m for m in find_duplicates(registry, paper) if m.level != "similar"]
    if sure:
        raise InputError(
            f"{candidate.id} is in the catalog: {sure[0].paper_id} ({sure[0].reason}). "
            f"Decide: sam4mis screen {candidate.id} --exclude --reason duplicate, or add the "
            f"version: sam4mis add {candidate.id} --as-version {sure[0].paper_id}"
        )
    if shown:
        write(dump_record(paper))
    if not dry_run:
        append_record(root, paper)
    return paper.id


def _go_through(root: Path, queue: list[Candidate], *, dry_run: bool) -> None:
    from catalog.provenance import own_pages
    from catalog.sources import screening

    reasons = list(get_args(screening.Reason))[1:]
    numbered = "  ".join(f"{number} {name}" for number, name in enumerate(reasons, 1))
    for number, candidate in enumerate(queue, 1):
        page = next(iter(own_pages(candidate.record)), candidate.id)
        say(f"\n{number} of {len(queue)}   {page}")
        say(f"{cell(candidate.record.title)}\n{cell(candidate.record.authors)}")
        say(f"score {candidate.score}: {', '.join(candidate.why)}")
        if candidate.looks_like:
            say(f"looks like {candidate.looks_like}: sam4mis show {candidate.looks_like}")
        say(f"\n{cell(candidate.abstract)}\n")
        choice = typer.prompt("[i]nclude, [e]xclude, [s]kip, [q]uit", default="s", err=True)
        action = choice.strip().casefold()[:1]
        try:
            if action == "i":
                decide(root, candidate, True, None, None, dry_run=dry_run)
            elif action == "e":
                which = typer.prompt(f"Why?  {numbered}\nNumber", type=int, err=True)
                if not 1 <= which <= len(reasons):
                    say("No such number: skipped.")
                    continue
                note = typer.prompt("Note (may be empty)", default="", err=True)
                decide(root, candidate, False, reasons[which - 1], note or None, dry_run=dry_run)
        except InputError as error:
            say(str(error))
        if action == "q":
            return


def _today() -> str:
    return datetime.datetime.now(tz=datetime.UTC).date().isoformat()
