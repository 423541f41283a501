"""What a finished run says to a person: claimed beside measured, the verdict, where it lies.

The verdict is the one `verdict/2` would give; only a published run gives a claim its verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.cli.rows import in_percent
from catalog.metrics import counted_over, is_length
from catalog.registry import RESULTS, Registry
from reproduce.ground import wording
from reproduce.judging.verdict import (
    MARGIN,
    RULE,
    judge,
    measurement_of,
    reservation,
    stored_values,
)

if TYPE_CHECKING:
    from catalog.records import Claim, Measurement, Project, Result, Verdict
    from reproduce.judging.comparability import Comparison

Rows = list[tuple[str, str]]
Section = tuple[str, Rows]

CLASSES: Mapping[str, str] = {
    "A": "same checkpoint, same cases, every decisive convention stated or in released code",
    "B": "as A, but the split is only described and was drawn again",
    "C": "a decisive convention is inferred, or which weights or data they were is not shown; at "
    "best reproduced under an inferred protocol, never lower or higher",
    "D": "something that decides is unknown or different, so the two cannot be compared",
}


def by_reason(skipped: Sequence[tuple[str, str]]) -> str:
    """Claims that were not run, by reason: how many, the first ones, why."""
    reasons: dict[str, list[str]] = {}
    for name, reason in skipped:
        reasons.setdefault(reason, []).append(name)
    lines = []
    for reason, names in reasons.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        lines.append(f"  {len(names)}: {reason}\n     {', '.join(names[:3])}{more}")
    return "\n".join(lines)


def published(root: Path, run: str) -> bool:
    """Whether a run is among the committed results."""
    return (root / RESULTS / run / "result.json").is_file()


def sections(
    registry: Registry,
    claims: Sequence[tuple[Project, Claim]],
    result: Result,
    folder: Path,
    differs: Mapping[str, Sequence[str]],
) -> list[Section]:
    """One section for each claim that was asked about.

    folder   the run's, whose statistics are read where the spread needs the cases' values
    differs  claim -> why this run does not answer it (overrides); claims that it serves are absent
    """
    return [
        (
            f"{project.slug}/{claim.id}",
            _claim(registry, project, claim, result, folder, differs),
        )
        for project, claim in claims
    ]


def _claim(
    registry: Registry,
    project: Project,
    claim: Claim,
    result: Result,
    folder: Path,
    differs: Mapping[str, Sequence[str]],
) -> Rows:
    name = f"{project.slug}/{claim.id}"
    measured = measured_for(claim, result, name)
    profile = claim.protocol.metric_profile.value
    place = claim.source.place or claim.source.doi or claim.source.arxiv
    rows: Rows = [
        (
            "claimed",
            f"{in_percent(claim, claim.fraction)} ({claim.metric}{f'; {place}' if place else ''})",
        ),
        ("measured", _measured(claim, measured)),
    ]
    if measured is not None and measured.value is not None:
        rows.append(("difference", _difference(claim, measured.value - claim.fraction)))
    reasons = list(differs.get(name, ()))
    if not reasons and name not in result.claims:
        reasons = [result.reason or "the run was made for other claims"]
    if reasons:
        limited = any("--limit" in reason for reason in reasons)
        rows.append(("verdict", "no verdict is possible" if limited else "no verdict"))
        rows.append(("because", f"the run does not answer the claim: {'; '.join(reasons)}"))
        return rows
    if profile is None:
        rows.append(("verdict", "none: which metric was printed is unknown"))
        return rows
    values = stored_values(registry, claim, result, folder)
    verdict = judge(claim, result, project=project, values=values)
    return rows + _verdict(claim, verdict, published(registry.root, result.run))


def plan(comparison: Comparison) -> Rows:
    """The best class a planned run can reach for a claim, and what keeps it from a better one."""
    rows: Rows = [("class at best", f"{comparison.group}: {CLASSES[comparison.group]}")]
    rows += [("because", reason) for reason in comparison.reasons]
    if later := [item.field for item in comparison.fields if item.answer == "open"]:
        rows.append(("only the run tells", ", ".join(wording.name(field) for field in later)))
    if comparison.differences:
        rows.append(("verdict", "none: the run would not answer the claim"))
    return rows


def measured_for(claim: Claim, result: Result, name: str) -> Measurement | None:
    """What a run measured for a claim; of one that does not serve it, what it measured under the
    claim's own metric, profile and threshold."""
    if (own := measurement_of(claim, result, name)) is not None:
        return own
    threshold = claim.protocol.threshold.value
    for measurement in result.measurements:
        same = (
            measurement.metric == claim.metric
            and measurement.metric_profile == claim.protocol.metric_profile.value
            and measurement.label == claim.label
        )
        if same and (
            measurement.threshold is None
            or not isinstance(threshold, int | float)
            or math.isclose(measurement.threshold, threshold)
        ):
            return measurement
    return None


def _measured(claim: Claim, measurement: Measurement | None) -> str:
    if measurement is None:
        return f"nothing under {wording.value(claim.protocol.metric_profile.value)}"
    how = [measurement.metric_profile, counted_over(measurement)]
    if measurement.threshold is not None:
        how.insert(1, f"threshold {measurement.threshold:g}")
    if measurement.value_complete_cases != measurement.value:
        how.append(f"without missing cases {in_percent(claim, measurement.value_complete_cases)}")
    return f"{in_percent(claim, measurement.value) or 'undefined'} ({', '.join(how)})"


def _difference(claim: Claim, difference: float) -> str:
    if (in_percent(claim, claim.fraction) or "").endswith("%"):
        return f"{signed(100 * difference)} percentage points"
    return signed(difference, claim.decimals)


def signed(number: float, decimals: int = 2) -> str:
    """A number with its sign; what rounds to nothing has none: `+0.42`, `0.00`."""
    text = f"{number:+.{decimals}f}"
    return text[1:] if float(text) == 0 else text


def _verdict(claim: Claim, verdict: Verdict, is_published: bool) -> Rows:
    label = "published" if is_published else "not published; it would be the verdict"
    rows: Rows = [("verdict", f"{verdict.state} ({RULE}, {label})")]
    if verdict.interval is not None:
        low, high = (100 * end for end in verdict.interval)
        rows.append(
            (
                "90 % interval",
                f"{signed(low)} to {signed(high)} points of difference; reproduced means within"
                f" {100 * MARGIN:g}",
            )
        )
    if verdict.comparability is not None:
        rows.append(("class", f"{verdict.comparability}: {CLASSES[verdict.comparability]}"))
    if verdict.reason:
        rows.append(("because", verdict.reason))
    if verdict.would_decide:
        rows.append(("would decide", verdict.would_decide))
    if how := reservation(verdict):
        rows.append(("note", how))
    if claim.training_overlap == "yes":
        rows.append(("note", "the test cases were seen in training"))
    return rows


def others(result: Result, claims: Sequence[tuple[Project, Claim]]) -> Rows:
    """What was measured besides what is told for `claims`: metric, value, profile, threshold."""
    rows: Rows = []
    told = [measured_for(claim, result, f"{project.slug}/{claim.id}") for project, claim in claims]
    for m in result.measurements:
        if any(m is one for one in told):
            continue
        how = ", ".join(
            [
                m.metric_profile,
                *([f"threshold {m.threshold:g}"] if m.threshold is not None else []),
                *([m.label] if m.label else []),
                *(f"{column} {value}" for column, value in m.subgroup.items()),
                counted_over(m),
            ]
        )
        shown = "undefined" if m.value is None else f"{m.value:.2f}"
        if m.value is not None and not is_length(m.metric):
            shown = f"{100 * m.value:.2f} %"
        rows.append((m.metric, f"{shown} ({how})"))
    return rows


def gates(result: Result) -> Rows:
    """The gates of a run: one row each, `passed` or `FAILED` with what was seen."""
    return [
        (check.name, f"{'passed' if check.passed else 'FAILED'}: {check.detail or 'no detail'}")
        for check in result.checks
    ]
