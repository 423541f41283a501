"""The import report: every row accounted for, every irregularity with its line."""

from __future__ import annotations

from collections import Counter

from catalog.checks.codes import CODES
from catalog.errors import Finding
from catalog.importer.account import RowFate
from catalog.importer.decisions import Decisions

REPORT = "catalog/data/import-report.md"
# Findings that most rows have: their lines are listed instead of one sentence each.
_BRIEF = frozenset({"L014", "L015", "L016", "L020"})


def report_text(fates: list[RowFate], findings: list[Finding], decisions: Decisions) -> str:
    """The report as Markdown. Same rows, facts and decisions give the same text."""
    outcomes = Counter(fate.outcome for fate in fates)
    works = {fate.paper_id for fate in fates}
    lines = [
        "# Import of the SAM4MIS list",
        "",
        "Written by `sam4mis import`; do not edit. Decisions stand in `catalog/decisions/`.",
        "",
        f"{len(fates)} rows, {len(works)} works: "
        f"{outcomes['imported']} imported, {outcomes['merged']} merged into another row's work, "
        f"{outcomes['excluded']} excluded with a reason, {outcomes['undecided']} undecided.",
        "",
        "## What became of every row",
        "",
    ]
    for fate in fates:
        reason = f" ({fate.reason})" if fate.reason else ""
        lines.append(f"- {fate.line} {fate.outcome}: {fate.paper_id}{reason}")
    lines += ["", "## What is irregular", ""]
    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    for code in sorted(by_code):
        found = sorted(by_code[code], key=lambda f: (f.line or 0, f.message))
        lines += [f"### {code} {CODES[code].title} ({len(found)})", ""]
        if code in _BRIEF:
            lines.append("Rows " + _ranges([f.line or 0 for f in found]) + ".")
        else:
            for finding in found:
                hint = f". {finding.hint}" if finding.hint else ""
                text = _plain(finding.message + hint)
                lines.append(f"- {finding.line or finding.path}: {text}")
        lines.append("")
    lines += ["## Decisions on facts", ""]
    for correction in decisions.corrections:
        rows = ", ".join(map(str, correction.rows))
        lines.append(f"- {rows}: {_plain(correction.reason)} ({_plain(correction.source)})")
    for merge in decisions.merges:
        for name, resolution in merge.resolve.items():
            rows = " and ".join(map(str, merge.rows))
            lines.append(
                f"- {rows}: {name} is {', '.join(resolution.value)}. {_plain(resolution.reason)}"
            )
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text of the list inside Markdown: no links, tables or markup come out of it."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")


def _ranges(numbers: list[int]) -> str:
    """`7-9, 12` for 7, 8, 9, 12."""
    parts: list[str] = []
    start = previous = None
    for number in [*sorted(set(numbers)), None]:
        if start is not None and (number is None or number != (previous or 0) + 1):
            parts.append(str(start) if start == previous else f"{start}-{previous}")
            start = None
        if start is None:
            start = number
        previous = number
    return ", ".join(parts)
