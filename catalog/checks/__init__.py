"""Living checks of a registry: `check` for what makes it unusable, `doctor` for everything.

findings = run(registry)                # what `sam4mis check` says
findings = run(registry, thorough=True) # what `sam4mis doctor` says
changed = fixed(registry)               # works with every safe fix applied
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from catalog import own
from catalog.checks import (
    agreement,
    audits,
    evidence,
    licensing,
    links,
    people_and_titles,
    places,
    projects,
    references,
    tags,
    texts,
    versions,
    works_findings,
)
from catalog.checks.codes import CODES, severity_of
from catalog.checks.locating import Locator
from catalog.checks.problem import Problem
from catalog.checks.references import Crossing
from catalog.checks.seen import Seen, Told
from catalog.converting import dotted
from catalog.errors import Finding, FindingsError
from catalog.records import Paper, Project
from catalog.registry import PAPERS, PROJECTS, Registry
from catalog.results import unexamined

CHECKS: tuple[Callable[[Paper], Iterator[Problem]], ...] = (
    versions.check,
    links.check,
    people_and_titles.check,
    tags.check,
    texts.check,
)


def problems(paper: Paper) -> Iterator[Problem]:
    """Everything that can be seen in one work by itself. `add` shows it before writing."""
    for check in CHECKS:
        yield from check(paper)


def _told(paper: Paper) -> Iterator[Told]:
    return ((p.code, p.path, p.message, p.hint) for p in problems(paper))


def run(registry: Registry, *, thorough: bool = False) -> list[Finding]:
    """All findings of a registry, by file and line. `thorough` includes what only doctor says."""
    with own.of(registry.root):
        return _findings(registry.root, _crossings(registry, thorough), thorough)


def _crossings(registry: Registry, thorough: bool) -> list[Crossing]:
    seen = Seen(registry.root)
    crossings = [
        Crossing(code, PAPERS, paper.id, path, message, hint)
        for paper in registry.papers
        for code, path, message, hint in seen.of(paper, partial(_told, paper))
    ]
    crossings += references.check(registry, seen)
    crossings += references.stale_decisions(registry)
    crossings += projects.check(registry, seen)
    crossings += places.check(registry, seen)
    seen.keep()
    crossings += evidence.check(registry)
    crossings += licensing.check(registry)
    crossings += agreement.check(registry)
    crossings += audits.check(registry)
    crossings += works_findings.check(registry)
    if thorough:
        crossings += references.shared_repositories(registry)
        crossings += references.second_hand(registry)
    return crossings


def _findings(root: Path, crossings: list[Crossing], thorough: bool) -> list[Finding]:
    locator = Locator(root)
    findings = [
        Finding(
            c.place,
            locator.line(c.place, c.record, c.path),
            dotted((c.record, *c.path)),
            c.code,
            c.message,
            c.hint,
            severity_of(c.code),
        )
        for c in crossings
        if thorough or CODES[c.code].check
    ]
    return sorted(findings, key=lambda f: (f.place, f.line or 0, f.path, f.code))


def check_registry(root: Path, *, thorough: bool = False) -> tuple[Registry, list[Finding]]:
    """Read a registry as far as it can be read and check it; all findings at once.

    A record with a wrong field is judged by its other fields. Where works could not be read at
    all, references to works are not judged: they may be among them.
    """
    registry, findings = Registry.read(root)
    findings += _lost(registry, findings)
    try:
        with own.of(root):
            seen = _findings(root, _with_stand_ins(registry, thorough), thorough)
        seen += unexamined(root)
    except FindingsError as error:  # a file of decisions or words that cannot be read
        seen = error.findings
    whole = {_place_and_name(stand_in.record) for stand_in in registry.stand_ins}
    lost = [
        f for f in findings if (f.place, f.path.partition(".")[0].partition("[")[0]) not in whole
    ]
    if any(f.place == PAPERS for f in lost):
        seen = [f for f in seen if f.code not in ("R001", "R007", "C017")]
    if any(f.place.startswith(PROJECTS) for f in lost):
        seen = [f for f in seen if f.code not in ("R002", "R003", "C017")]
    known = {(f.place, f.line, f.code) for f in findings}
    findings += [f for f in seen if (f.place, f.line, f.code) not in known]
    return registry, sorted(findings, key=lambda f: (f.place, f.line or 0, f.path, f.code))


def _with_stand_ins(registry: Registry, thorough: bool) -> list[Crossing]:
    """What is wrong with the records that were read, and with the rest of those that were not.

    What stands in for a wrong field is not judged, nor what others make of it.
    """
    crossings = _crossings(registry, thorough)
    if not registry.stand_ins:
        return crossings
    everything = Registry(
        registry.root,
        registry.papers + [s.record for s in registry.stand_ins if isinstance(s.record, Paper)],
        registry.projects + [s.record for s in registry.stand_ins if isinstance(s.record, Project)],
        registry.results,
        registry.verdicts,
        registry.evidence,
        registry.recomputed,
    )
    halves = {_place_and_name(stand_in.record): stand_in for stand_in in registry.stand_ins}
    found = []
    for crossing in _crossings(everything, thorough):
        half = halves.get((crossing.place, crossing.record))
        if not half.stands_at(crossing.path) if half else crossing in crossings:
            found.append(crossing)
    return found


def _place_and_name(record: Paper | Project) -> tuple[str, str]:
    """Where a record stands and what findings call it."""
    if isinstance(record, Project):
        return f"{PROJECTS}/{record.slug}.yaml", record.slug
    return PAPERS, record.id


def _lost(registry: Registry, known: list[Finding]) -> list[Finding]:
    """Works or projects that are all gone while others name them: one finding, not hundreds."""
    findings = []
    known_places = {finding.place.split("/")[0] for finding in known}
    named = any(project.papers for project in registry.projects)
    if not registry.papers and named and PAPERS not in known_places:
        message = "there are no works, but projects name some"
        findings.append(Finding(PAPERS, None, "", "Y005", message, f"git restore {PAPERS}"))
    if not registry.projects and registry.results and PROJECTS not in known_places:
        message = "there are no projects, but results name some"
        findings.append(Finding(PROJECTS, None, "", "Y005", message, f"git restore {PROJECTS}"))
    return findings


def fixed(registry: Registry) -> dict[str, tuple[Paper, list[str]]]:
    """Works with every safe fix applied, by id, and what was fixed, as `code path: message`.

    A fix may uncover another problem (an address without a scheme may be a `.git` one), so fixes
    are applied until none is left.
    """
    changed: dict[str, tuple[Paper, list[str]]] = {}
    for paper in registry.papers:
        work, done = paper, []
        for _ in range(10):
            problem = next((p for p in problems(work) if p.fix), None)
            if problem is None or problem.fix is None:
                break
            if work is paper:
                work = copy.deepcopy(paper)
            problem.fix(work)
            done.append(f"{problem.code} {dotted((paper.id, *problem.path))}: {problem.message}")
        if done and work != paper:
            changed[paper.id] = (work, done)
    return changed
