"""Scores of every case as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from catalog.exports.table import harmless
from catalog.records import Result
from reproduce.predictions.groups import Groups
from reproduce.scoring import score

if TYPE_CHECKING:
    import pyarrow as pa


def cases_csv(result: Result, table: pa.Table, groups: Groups) -> str:
    """One row per case and class: patient, groups, and each measure as it is averaged (fractions,
    distances in mm); empty where undefined."""
    measured = [m for m in result.measurements if not m.subgroup]
    values = {
        m.metric: score(
            table,
            m.metric_profile,
            m.metric,
            threshold=m.threshold,
            label_order=result.protocol["classes"],
        ).per_case
        for m in measured
    }
    patients = {case.case: case.patient for case in result.cases}
    columns = list(groups.columns)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["case", "class", "patient", *columns, "missing", *values])
    for case in sorted(result.cases, key=lambda c: (c.case, c.label)):
        known = groups.of(case.case)
        scores = [per_case.get((case.case, case.label)) for per_case in values.values()]
        row = [case.case, case.label, patients[case.case], *(known.get(c) for c in columns)]
        missing = "yes" if case.missing else "no"
        cells = [harmless(str(cell)) if cell is not None else "" for cell in row]
        writer.writerow([*cells, missing, *("" if v is None else v for v in scores)])
    return out.getvalue()
