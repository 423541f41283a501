"""From the record of a source and its tables to a result of level recomputed.

Only tables whose content has the recorded hash are read. Where some could not be had the rest is
computed and the missing are named, and nothing is published of that source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from catalog.errors import InputError
from catalog.evidence import (
    Answer,
    Reader,
    Recomputed,
    Refused,
    Rows,
    Source,
    TableRead,
)
from catalog.records import Claim
from reproduce.rows import checking, wholes
from reproduce.rows.fetching import Fetched
from reproduce.rows.formats import EmptyError, read_table
from reproduce.rows.results import content_hash, reason_of, record_hash, state_of
from reproduce.rows.tables import FILE, Table, text

MOST_NAMED = 20


class _NotHereError(InputError):
    """Rows that are asked about and whose tables could not be had or read, which is told."""


@dataclass(slots=True)
class Outcome:
    """A result, and what stood in the way of the rest of it."""

    result: Recomputed
    problems: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Every table was had and read, and every check answered."""
        return not self.problems


def recompute(source: Source, fetched: Fetched, claims: Mapping[str, Claim]) -> Outcome:
    """Everything that the tables say. A check that cannot be answered is a problem told by name."""
    problems = [reason for _, reason in sorted(fetched.problems.items())]
    tables: dict[str, Table] = {}
    read: list[Rows] = []
    for name, reader in source.readers.items():
        try:
            tables[name] = read_table(f"{source.id}: {name}", reader, fetched.contents)
            read.append(_described(source, name, reader, tables[name]))
        except EmptyError as error:
            if not fetched.problems:  # else it follows from the tables that are not here
                problems.append(str(error))
        except InputError as error:
            problems.append(str(error))
    commit = source.commit or ""
    result = Recomputed(
        schema="recomputed/1",
        source=source.id,
        record=record_hash(source),
        repository=source.repository or "",
        rows=source.rows,
        tables=[
            TableRead(
                path=f.path,
                commit=f.commit or commit,
                sha256=f.sha256,
                bytes=len(fetched.contents[f.path]),
            )
            for f in source.files
            if f.path in fetched.contents
        ],
        state="not enough",
        reason=None,
        read=read,
    )
    _answer(source, result, tables, claims, problems)
    result.state = state_of(result)
    result.reason = reason_of(source, result)
    result.content = content_hash(result)
    return Outcome(result, problems)


def _answer(
    source: Source,
    result: Recomputed,
    tables: Mapping[str, Table],
    claims: Mapping[str, Claim],
    problems: list[str],
) -> None:
    first = next(iter(source.readers), "")

    def asked(name: str, ask: Callable[[], None]) -> None:
        try:
            ask()
        except _NotHereError:
            pass
        except InputError as error:
            problems.append(str(error) if source.id in str(error) else f"{name}: {error}")

    def table(name: str | None) -> Table:
        if (name or first) not in tables:
            raise _NotHereError
        return tables[name or first]

    answers: list[Answer] = []
    for check in source.checks:
        levels = source.readers[check.reader or first].levels
        asked(
            check.name,
            lambda c=check, lv=levels: answers.append(  # type: ignore[misc]
                checking.answer(source, c, table(c.reader), lv, claims)
            ),
        )
    asked("parts", lambda: result.answers.extend(checking.judge_parts(answers)))
    for whole in source.every:
        asked(
            whole.name,
            lambda w=whole: result.wholes.append(  # type: ignore[misc]
                wholes.every(source, w, table(w.reader), table(w.printed))
            ),
        )
    for pair in source.same_rows:
        asked(
            pair.name,
            lambda p=pair: result.wholes.append(  # type: ignore[misc]
                wholes.same_rows(source, p, table(p.one), table(p.other))
            ),
        )
    for weights in source.weights:
        asked(
            weights.name,
            lambda w=weights: result.weighings.append(  # type: ignore[misc]
                wholes.weighing(
                    source,
                    w,
                    wholes.printed_parts(w, claims) if w.registry else table(w.reader),
                )
            ),
        )


def _described(source: Source, name: str, reader: Reader, table: Table) -> Rows:
    """Rows as they are: how many, what has no value, what cannot be, what is double or missing."""
    found = Rows(reader=name, rows=len(table), files=len(set(table.columns[FILE].tolist())))
    for column in source.columns:
        if column.metric is None or column.name not in table.columns:
            continue
        values = table.values(column)
        for kind, flags in (
            ("empty", values.empty),
            ("nan", values.nan),
            ("zero", values.numbers == 0),
        ):
            if count := int(flags.sum()):
                getattr(found, kind)[column.name] = count
        found.refused += [
            Refused(
                table=text(table.columns[FILE][i]),
                row=table.row_name(i).partition(": ")[2],
                column=column.name,
                value=float(values.written[i]),
            )
            for i in np.flatnonzero(values.refused).tolist()[:MOST_NAMED]
        ]
    found.double = double_rows(table, reader.key)[:MOST_NAMED]
    if reader.same is not None:
        found.missing = missing_cases(table, reader.same)[:MOST_NAMED]
    return found


def double_rows(table: Table, key: Sequence[str]) -> list[str]:
    """Rows of one file whose key stands there before."""
    if not key:
        return []
    columns = [table.column(name) for name in (FILE, *key)]
    seen: set[tuple[str, ...]] = set()
    found = []
    for i in range(len(table)):
        name = tuple(text(c[i]) for c in columns)
        if name in seen:
            found.append(table.row_name(i))
        seen.add(name)
    return found


def missing_cases(table: Table, column: str) -> list[str]:
    """Cases that one file lacks and another has."""
    there: dict[str, set[str]] = {}
    for file, case in zip(table.columns[FILE], table.column(column), strict=True):
        there.setdefault(text(file), set()).add(text(case))
    everyone = set().union(*there.values())
    return [f"{file}: {case}" for file in there for case in sorted(everyone - there[file])]
