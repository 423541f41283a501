"""Models on the same cases: scores with intervals, by groups, and how far apart they are."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from catalog.errors import InputError
from catalog.exports.table import harmless
from catalog.records import Interval, Measurement
from reproduce.predictions.groups import Groups
from reproduce.predictions.page import Difference
from reproduce.scoring import MetricProfile, score
from reproduce.scoring.engine import Scores
from reproduce.scoring.interval import RESAMPLES, percentiles

if TYPE_CHECKING:
    import pyarrow as pa

NO_CLAIM = (
    "No claim: these numbers are about these images alone. They are never published as a verdict, "
    "and say nothing of what a paper prints. Research software, not for clinical use."
)
Subgroup = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Compared:
    """What was measured.

    measured     model -> its measures, all cases first, then groups
    differences  of the first model to each other one, all cases first
    left_out     measure -> why no model has it
    cases        model -> measure -> (case, class) -> value
    """

    measured: dict[str, list[Measurement]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    cases: dict[str, dict[str, dict[tuple[str, str], float | None]]] = field(default_factory=dict)


def compare(
    tables: Mapping[str, pa.Table],
    profile: MetricProfile,
    metrics: Sequence[str],
    groups: Groups,
    threshold: float | None,
    labels: Sequence[str],
) -> Compared:
    """Score the statistics of each model under a profile, on the same cases.

    metrics    of the profile
    threshold  None: the profile's own
    labels     classes by their number
    """
    found = Compared({name: [] for name in tables}, cases={name: {} for name in tables})
    parts: list[tuple[Subgroup, Sequence[str] | None]] = [((), None)]
    for column, values in groups.columns.items():
        parts += [(((column, value),), cases) for value, cases in values.items()]
    for subgroup, cases in parts:
        for metric in metrics:
            scores: dict[str, Scores] = {}
            for name, table in tables.items():
                try:
                    scores[name] = score(
                        _of(table, cases),
                        profile,
                        metric,
                        threshold=threshold,
                        label_order=labels,
                        interval=True,
                    )
                except InputError as error:
                    if not subgroup:
                        found.left_out[metric] = str(error)
            for name, one in scores.items():
                found.measured[name].append(one.measurement(subgroup=dict(subgroup)))
                if not subgroup:
                    found.cases[name][metric] = one.per_case
            found.differences += _apart(metric, subgroup, scores)
    return found


def _of(table: pa.Table, cases: Sequence[str] | None) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    if cases is None:
        return table
    return table.filter(pc.is_in(table["case"], pa.array(cases, pa.string())))


def _apart(metric: str, subgroup: Subgroup, scores: Mapping[str, Scores]) -> list[Difference]:
    """The first model less each other one; both are drawn together, so that a hard case that is
    drawn twice is so for both."""
    if len(scores) < 2:
        return []
    found = []
    first, *others = scores
    for other in others:
        one, two = scores[first], scores[other]
        value: float | None = None
        interval: Interval | None = None
        with contextlib.suppress(TypeError):  # one of them is undefined
            value = one.value - two.value  # type: ignore[operator]
        if one.drawn is not None and two.drawn is not None and one.interval is not None:
            of = one.interval.method.rpartition("draws of ")[2]
            method = f"paired percentile bootstrap, {RESAMPLES} draws of {of}"
            interval = percentiles(one.drawn - two.drawn, method)
        found.append(
            Difference(
                metric=metric,
                first=first,
                second=other,
                value=value,
                subgroup=dict(subgroup),
                interval=interval,
            )
        )
    return found


def cases_csv(compared: Compared, groups: Groups) -> str:
    """One row a model, case and class: patient, groups, each measure as it is averaged (fractions,
    distances in mm); empty where it is undefined."""
    metrics = list(dict.fromkeys(m for one in compared.cases.values() for m in one))
    columns = list(groups.columns)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["model", "case", "class", "patient", *columns, *metrics, "notice"])
    for model, values in compared.cases.items():
        for case, label in sorted({key for one in values.values() for key in one}):
            known = groups.of(case)
            about = [
                model,
                case,
                label,
                groups.patients.get(case),
                *(known.get(c) for c in columns),
            ]
            numbers = [values.get(metric, {}).get((case, label)) for metric in metrics]
            cells = [harmless(str(cell)) if cell is not None else "" for cell in about]
            writer.writerow([*cells, *("" if v is None else v for v in numbers), NO_CLAIM])
    return out.getvalue()
