"""What is known of cases besides their masks: a table with patients and groups."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from catalog.errors import InputError
from reproduce.contracts import Case

MOST = 30  # values of one column; more is no grouping
CASE, PATIENT = "case", "patient"


@dataclass(frozen=True, slots=True)
class Groups:
    """patients: case -> patient; columns: name of a column -> its value -> cases, sorted."""

    patients: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

    def known(self, cases: Sequence[Case]) -> list[Case]:
        """The cases with their patients. Raises `InputError` where the data say another."""
        found = []
        for case in cases:
            patient = self.patients.get(case.id) or case.patient
            if case.patient not in (None, patient):
                raise InputError(
                    f"case {case.id}: the data say patient {case.patient}, the table {patient}."
                )
            found.append(replace(case, patient=patient))
        return found

    def of(self, case: str) -> dict[str, str]:
        """Column -> value of one case."""
        return {
            column: value
            for column, values in self.columns.items()
            for value, cases in values.items()
            if case in cases
        }


def read_groups(path: Path, ids: Sequence[str]) -> Groups:
    """A CSV with a column `case`, perhaps `patient`, and one column for each grouping; an empty
    cell is in no group.

    Raises `InputError` for a table without `case`, for cases twice, unknown or not in it, and for
    a column with more values than a grouping has.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = list(reader.fieldnames or [])
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as CSV in UTF-8 ({error}).") from error
    if CASE not in columns:
        raise InputError(f"{path}: expected a column 'case', got {', '.join(columns) or 'none'}.")
    listed = [row[CASE] or "" for row in rows]
    problems = [
        _named(sorted({c for c in listed if listed.count(c) > 1}), "given twice"),
        _named(sorted(set(listed) - set(ids)), "no case of the reference"),
        _named(sorted(set(ids) - set(listed)), "not in the table"),
    ]
    if told := [problem for problem in problems if problem]:
        raise InputError(f"{path}: {'; '.join(told)}. Cases are {', '.join(ids[:3])} ...")
    found: dict[str, dict[str, list[str]]] = {}
    for column in columns:
        if column in (CASE, PATIENT):
            continue
        values: dict[str, list[str]] = {}
        for row in sorted(rows, key=lambda row: row[CASE]):
            if row[column]:
                values.setdefault(row[column], []).append(row[CASE])
        if len(values) > MOST:
            raise InputError(
                f"{path}: column {column!r} has {len(values)} values; a grouping has {MOST} at "
                "most. Leave it out, or make classes of it."
            )
        found[column] = dict(sorted(values.items()))
    patients = {row[CASE]: row[PATIENT] for row in rows if row.get(PATIENT)}
    return Groups(patients, found)


def _named(cases: list[str], what: str) -> str:
    more = " ..." if cases[5:] else ""
    return f"{len(cases)} {what} ({', '.join(cases[:5])}{more})" if cases else ""
