"""Options by which a person decides single entries, and what is said of those that wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from catalog.cli.output import counted, say
from catalog.errors import UsageError

if TYPE_CHECKING:
    from catalog.intake.draft import Draft
    from catalog.intake.entering import Choices, Entry

_ENTRY = "ENTRY"
Different = Annotated[
    list[str] | None,
    typer.Option(metavar=_ENTRY, help="This one only looks like a work that is there."),
]
AsVersion = Annotated[
    list[str] | None,
    typer.Option(metavar="[ENTRY=]ID", help="This one is another version of the work ID."),
]
WithoutAuthors = Annotated[
    list[str] | None,
    typer.Option(metavar=_ENTRY, help="The authors of this one are not known."),
]
InScope = Annotated[
    list[str] | None,
    typer.Option(metavar=_ENTRY, help="This one belongs in, whatever was decided or listed."),
]
Because = Annotated[str | None, typer.Option(help="Why; kept with the decisions of this call.")]


def choices(
    drafts: Sequence[Draft],
    different: list[str] | None = None,
    versions: dict[str, str] | None = None,
    without_authors: list[str] | None = None,
    in_scope: list[str] | None = None,
    left_out: list[str] | None = None,
) -> Choices:
    """The options of one call as choices. Raises `UsageError` for an entry that is not there."""
    from catalog.facets import unknown_value
    from catalog.intake.entering import Choices
    from catalog.sources.screening import Reason

    reasons: dict[str, Reason] = {}
    for text in left_out or []:
        entry, _, reason = text.rpartition("=")
        if reason not in get_args(Reason)[1:]:
            raise UsageError(unknown_value("--leave-out", reason, list(get_args(Reason)[1:])))
        reasons[entry] = reason  # type: ignore[assignment] # one of the words, checked above
    made = Choices(
        different=frozenset(different or []),
        versions=versions or {},
        without_authors=frozenset(without_authors or []),
        in_scope=frozenset(in_scope or []),
        left_out=reasons,
    )
    if unknown := made.unknown(drafts):
        known = [draft.names[0] for draft in drafts if draft.names]
        raise UsageError(unknown_value("the entry", unknown[0], known))
    return made


def versions_of(drafts: Sequence[Draft], as_version: list[str] | None) -> dict[str, str]:
    """`[ENTRY=]ID` as entry -> id. Raises `UsageError` where the entry is left out of several."""
    found = {}
    for text in as_version or []:
        entry, separator, id = text.rpartition("=")
        if not separator:
            if len(drafts) != 1:
                got = counted(len(drafts), "work")
                raise UsageError(f"--as-version {id}: which of {got}? Expected ENTRY={id}.")
            entry = drafts[0].names[0]
        found[entry] = id
    return found


def tell(entries: Iterable[Entry], typed: str) -> None:
    """Every entry that did not go in: why, and what decides it."""
    for entry in entries:
        if entry.state not in ("waits", "known", "decided before"):
            continue
        end = "" if entry.because.endswith(".") else "."
        say(f"{entry.draft.title!r}: {entry.because}{end}{_see(entry)}")
        for what, option in entry.ways:
            say(f"  If it is {what}: {typed} {option}")


def _see(entry: Entry) -> str:
    if entry.state != "known" or entry.paper is None:
        return ""
    return f" This version is there too. See: sam4mis show {entry.paper.id}"


def summary(entries: Sequence[Entry]) -> str:
    """How many entries went where."""
    counts = Counter(entry.state for entry in entries)
    words = ("new", "queued", "joined", "known", "queued before", "decided before", "excluded")
    parts = [f"{counts[state]} {state}" for state in words if counts[state]]  # type: ignore[index]
    parts.append(f"{counts['waits']} waiting for a decision")
    return f"{len(entries)} entries: " + ", ".join(parts)


def as_data(entry: Entry) -> dict[str, object]:
    """What became, or would become, of one entry, for programs."""
    return {
        "entry": entry.name,
        "title": entry.draft.title,
        "state": entry.state,
        "work": entry.paper.id if entry.paper else None,
        "because": entry.because,
        "decide": [option for _, option in entry.ways],
    }
