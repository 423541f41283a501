"""What is known of cases besides their masks: a table with patients and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from catalog.errors import InputError
from reproduce.contracts import Case
from reproduce.ground.tables import cases_named, plain, read_table

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
    """A CSV with a column `case` (or `image`), perhaps `patient`, and one column for each grouping;
    an empty cell is in no group.

    Raises `InputError` for a table without `case`, for cases twice, unknown or not in it, and for
    a column with more values than a grouping has.
    """
    written = read_table(path)
    of = written.column(CASE, "image")
    if of is None:
        told = ", ".join(written.columns) or "none"
        raise InputError(f"{path}: expected a column 'case', got {told}.")
    by_patient = written.column(PATIENT)
    names, _ = cases_named((row.get(of, "") for _, row in written.rows), {plain(i): i for i in ids})
    listed = [names.get(row.get(of, ""), row.get(of, "")) for _, row in written.rows]
    rows = sorted(
        zip(listed, (row for _, row in written.rows), strict=True), key=lambda one: one[0]
    )
    problems = [
        _named(sorted({c for c in listed if listed.count(c) > 1}), "given twice"),
        _named(sorted(set(listed) - set(ids)), "no case of the reference"),
        _named(sorted(set(ids) - set(listed)), "not in the table"),
    ]
    if wrong := [problem for problem in problems if problem]:
        raise InputError(f"{path}: {'; '.join(wrong)}. Cases are {', '.join(ids[:3])} ...")
    found: dict[str, dict[str, list[str]]] = {}
    for column in written.columns:
        if column in (of, by_patient):
            continue
        values: dict[str, list[str]] = {}
        for case, row in rows:
            if row.get(column):
                values.setdefault(row[column], []).append(case)
        if len(values) > MOST:
            raise InputError(
                f"{path}: column {column!r} has {len(values)} values; a grouping has {MOST} at "
                "most. Leave it out, or make classes of it."
            )
        found[column] = dict(sorted(values.items()))
    patients = {case: row[by_patient] for case, row in rows if by_patient and row.get(by_patient)}
    return Groups(patients, found)


def _named(cases: list[str], what: str) -> str:
    more = " ..." if cases[5:] else ""
    return f"{len(cases)} {what} ({', '.join(cases[:5])}{more})" if cases else ""
