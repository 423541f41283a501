"""The log of verdict changes: what `verify` appends when a claim's state or reason changes.

Append-only and derived: each line follows from the log so far and the verdicts of the day, so the
last line of every claim is its verdict. `verify --check` compares just that.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence

import msgspec

from catalog.records import Verdict, VerdictChange


def changes(
    log: Sequence[VerdictChange], verdicts: Iterable[Verdict], date: str
) -> list[VerdictChange]:
    """What to append to `log` (oldest first) so that it ends in `verdicts`; [] where it does.

    A claim whose state and reason are those of its last line adds nothing, whichever run it rests
    on. date: YYYY-MM-DD of today, in the lines that are new.
    """
    last = {change.claim: change for change in log}
    found = []
    for verdict in verdicts:
        before = last.pop(verdict.claim, None)
        if before and (before.after, before.reason) == (verdict.state, verdict.reason):
            continue
        found.append(
            VerdictChange(
                claim=verdict.claim,
                date=date,
                before=before.after if before else None,
                after=verdict.state,
                run=verdict.run,
                reason=verdict.reason,
                rule=verdict.rule,
            )
        )
    found += [
        VerdictChange(claim=claim, date=date, before=change.after, after=None)
        for claim, change in sorted(last.items())
        if change.after is not None
    ]
    return found


def broken(log: Sequence[VerdictChange]) -> list[str]:
    """Lines that no `verify` has appended: they don't go on from the one before of their claim.

    Each is told as `changes[number]: expected ..., got ...`.
    """
    last: dict[str, VerdictChange] = {}
    found, date = [], ""
    for number, change in enumerate(log):
        before = last.get(change.claim)
        after = before.after if before else None
        place = f"changes[{number}]"
        if change.before != after:
            found.append(f"{place}.before: expected {after}, got {change.before}")
        same = before is not None and (before.after, before.reason) == (change.after, change.reason)
        if same or (change.before is None and change.after is None):
            found.append(f"{place}.after: expected a change of {change.claim}, got none")
        if not _is_date(change.date) or change.date < date:
            found.append(
                f"{place}.date: expected a day, {date or 'any'} or later, got {change.date!r}"
            )
        else:
            date = change.date
        last[change.claim] = change
    return found


def _is_date(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def document(log: Iterable[VerdictChange]) -> bytes:
    """The file's content: one change a line, so that a difference shows what was appended."""
    lines = [msgspec.json.encode(change).decode() for change in log]
    return ('{"schema": "verdict-log/1", "changes": [\n' + ",\n".join(lines) + "\n]}\n").encode()
