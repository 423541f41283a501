"""What works found: each finding against the record that it was read from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from catalog.checks.references import Crossing
from catalog.records import Bearing, FindingSource, Paper, Project, to_builtins
from catalog.registry import PAPERS, Registry

LONGEST_WORDS = 30
#: Fields of a bearing that belong to one question.
_BELONGS = {
    "about": 2,
    "better": 3,
    "worse": 3,
    "prompts": 3,
    "saving": 4,
    "obstacle": 5,
    "detail": 5,
}
_NUMBER = re.compile(r"(?<![\w.-])\d[\d,]*(?:\.\d+)?(?![\w-]|,\d)")  # not the 2 of SAM2 or 2D


def check(registry: Registry) -> Iterator[Crossing]:
    """Sources that the record lacks, bearings that answer nothing, numbers from elsewhere."""
    names = {name: paper.id for paper in registry.papers for name in (paper.id, *paper.aliases)}
    projects: dict[str, list[Project]] = {}
    for project in registry.projects:
        for id in {names[name] for name in project.papers if name in names}:
            projects.setdefault(id, []).append(project)
    for paper in registry.papers:
        if paper.finding is not None:
            for code, path, message, hint in _all(paper, projects.get(paper.id, [])):
                yield Crossing(code, PAPERS, paper.id, ("finding", *path), message, hint)


def _all(
    paper: Paper, projects: list[Project]
) -> Iterator[tuple[str, tuple[str | int, ...], str, str]]:
    finding = paper.finding
    assert finding is not None
    if not finding.provenance:
        yield "W001", ("from",), "it names no source", "title, note, reported, project or page"
    for number, source in enumerate(finding.provenance):
        if wrong := _missing(source, paper, projects):
            yield "W001", ("from", number), *wrong
    seen: set[int] = set()
    for number, bearing in enumerate(finding.bears_on):
        if bearing.question in seen and bearing.question in (1, 3, 4):
            message = f"question {bearing.question} twice"
            yield "W002", ("bears_on", number), message, "One direction for each question."
        seen.add(bearing.question)
        for name in _out_of_place(bearing):
            message = f"{name} belongs to question {_BELONGS[name]}, not to {bearing.question}"
            yield "W002", ("bears_on", number, name), message, ""
        if bearing.question == 5 and bearing.obstacle is None:
            yield "W002", ("bears_on", number), "question 5 without an obstacle", ""
    if (words := len(finding.text.split())) > LONGEST_WORDS:
        yield "W003", ("text",), f"{words} words, at most {LONGEST_WORDS} are read", ""
    for text in _beyond(paper, projects):
        message = f"{text} stands in nothing that the finding names as its source"
        yield "W004", ("text",), message, "Name the page that it was read on."


def _missing(
    source: FindingSource, paper: Paper, projects: list[Project]
) -> tuple[str, str] | None:
    """What is wrong with a source and the way out; None where the record has it."""
    if source.kind == "note" and not paper.note:
        return "the record has no note", "Write the note, or name another source."
    if source.kind == "reported" and not (
        source.number is not None and 0 <= source.number < len(paper.reported)
    ):
        known = f"0 to {len(paper.reported) - 1}" if paper.reported else "none are recorded"
        return f"reported number {source.number}", f"Numbers of `reported`: {known}."
    if source.kind == "project" and source.place not in {p.slug for p in projects}:
        slugs = ", ".join(p.slug for p in projects) or "it has none"
        return f"{source.place!r} is no project of this work", f"Its projects: {slugs}."
    if source.kind == "page" and source.place not in paper.sources:
        return f"{source.place!r} is not among its sources", "Add the page to `sources`."
    return None


def _out_of_place(bearing: Bearing) -> list[str]:
    return [n for n, q in _BELONGS.items() if getattr(bearing, n) and bearing.question != q]


def _beyond(paper: Paper, projects: list[Project]) -> list[str]:
    """Numbers of a finding that its record does not have. A page that was read may have any."""
    finding = paper.finding
    if finding is None or any(source.kind == "page" for source in finding.provenance):
        return []
    named = {s.place for s in finding.provenance if s.kind == "project"}
    held = [paper.title, *paper.title_aliases, paper.note or ""]
    held += [json.dumps(to_builtins(number)) for number in paper.reported]
    held += [json.dumps(to_builtins(p)) for p in projects if p.slug in named]
    known = {
        round(value, digits)
        for text in re.findall(r"\d[\d,]*(?:\.\d+)?", " ".join(held))
        for value in _scales(text)
        for digits in range(6)
    }
    return [text for text in _NUMBER.findall(finding.text) if _plain(text) not in known]


def _plain(text: str) -> float:
    return float(text.replace(",", ""))


def _scales(text: str) -> tuple[float, float, float]:
    """A number as it stands, as a percentage and as a fraction."""
    value = _plain(text)
    return value, 100 * value, value / 100
