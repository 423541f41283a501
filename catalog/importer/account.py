"""Findings about the list as a whole, and what became of each row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from catalog import identifiers
from catalog.errors import Finding
from catalog.importer.decisions import Decisions
from catalog.importer.rows import Row
from catalog.importer.works import Works
from catalog.records import Paper
from catalog.slugs import slugify
from catalog.titles import normal_title


@dataclass(frozen=True, slots=True)
class RowFate:
    """What became of one row: the work it is in, and why it is not a work of its own."""

    line: int
    outcome: Literal["imported", "merged", "excluded", "undecided"]
    paper_id: str
    reason: str = ""


def fates(rows: list[Row], works: Works) -> list[RowFate]:
    """One fate for every row, in file order. Raises RuntimeError if a row were lost."""
    owner = {line: paper for paper in works.papers for line in paper.rows}
    found = []
    for row in rows:
        paper = owner.get(row.line)
        if paper is None:
            raise RuntimeError(f"row {row.line} belongs to no work: a bug of the importer")
        merge = works.merges.get(row.line)
        if merge and merge.rows[0] != row.line:
            reason = f"{merge.kind.replace('-', ' ')} of row {merge.rows[0]}: {merge.reason}"
            found.append(RowFate(row.line, "merged", paper.id, reason))
        elif paper.inclusion.decision == "exclude":
            found.append(RowFate(row.line, "excluded", paper.id, paper.inclusion.reason or ""))
        elif paper.inclusion.decision == "undecided":
            found.append(RowFate(row.line, "undecided", paper.id, paper.inclusion.reason or ""))
        else:
            found.append(RowFate(row.line, "imported", paper.id))
    return found


def findings(rows: list[Row], works: Works, decisions: Decisions) -> list[Finding]:
    """What can only be seen by looking at several rows together."""
    return [
        *_merged(rows, works),
        *_shared_ids(rows, works, decisions),
        *_shared_names(works.papers, decisions),
        *_repositories(rows, works, decisions),
        *_scope(works.papers),
    ]


def _finding(line: int, code: str, message: str, hint: str = "", path: str = "") -> Finding:
    return Finding("rows.md", line, path, code, message, hint, "warning")


def _merged(rows: list[Row], works: Works) -> Iterator[Finding]:
    by_line = {row.line: row for row in rows}
    for row in rows:
        merge = works.merges.get(row.line)
        if not merge or merge.rows[0] == row.line:
            continue
        lead = by_line[merge.rows[0]]
        if merge.kind == "exact-duplicate":
            yield _finding(row.line, "L060", f"the same row as {lead.line}", "Merged.")
        elif normal_title(row.title) == normal_title(lead.title):
            yield _finding(
                row.line, "L061", f"the same work as row {lead.line}, same title", "Merged."
            )
        else:
            message = f"the same work as row {lead.line} under another title"
            yield _finding(row.line, "L062", message, "Merged.")


def _shared_ids(rows: list[Row], works: Works, decisions: Decisions) -> Iterator[Finding]:
    owner = {line: paper.id for paper in works.papers for line in paper.rows}
    seen: dict[tuple[str, str], Row] = {}
    wrong = {line for c in decisions.corrections if c.drop_link_ids for line in c.rows}
    for row in rows:
        for identifier in row.ids:
            key = (identifier.kind, identifier.value)
            first = seen.setdefault(key, row)
            if first is row or owner[first.line] == owner[row.line]:
                continue
            decided = wrong & {first.line, row.line}
            hint = f"Decided: the link of row {min(decided)} is wrong." if decided else "Undecided."
            message = f"{identifier} also stands in row {first.line}, another work"
            yield _finding(row.line, "L063", message, hint, "url")


def _shared_names(papers: list[Paper], decisions: Decisions) -> Iterator[Finding]:
    decided = {id for d in decisions.not_duplicates for id in d.papers}
    names: dict[str, Paper] = {}
    for paper in papers:
        if not paper.short_name:
            continue
        key = slugify(paper.short_name).replace("-", "")
        first = names.setdefault(key, paper)
        if first is not paper:
            both = {first.id, paper.id} <= decided
            yield _finding(
                paper.rows[0],
                "L064",
                f"short name {paper.short_name!r} is also that of row {first.rows[0]}",
                "Decided: different works." if both else "Undecided.",
                "short_name",
            )


def _repositories(rows: list[Row], works: Works, decisions: Decisions) -> Iterator[Finding]:
    """Repositories on several works, and those named after another work."""
    owner = {line: paper for paper in works.papers for line in paper.rows}
    names: dict[str, Paper] = {}
    for paper in works.papers:
        for name in (paper.short_name, paper.title, *paper.title_aliases):
            if name:
                names.setdefault(slugify(name).replace("-", ""), paper)
    decided = {(d.row, d.url): d for d in decisions.code_links}
    first_row: dict[str, Row] = {}
    for row in rows:
        for url in row.codes:
            repository = identifiers.github(url)
            if not repository:
                continue
            first = first_row.setdefault(repository.lower(), row)
            if owner[first.line] is not owner[row.line]:
                message = f"{url} also stands in row {first.line}, another work"
                yield _finding(row.line, "L041", message, "Both keep it.", "code")
            namesake = names.get(slugify(repository.split("/")[1]).replace("-", ""))
            own = owner[row.line]
            if namesake and namesake is not own and not _known_as(own, repository):
                message = f"{url} is named after {namesake.id} (row {namesake.rows[0]})"
                decision = decided.get((row.line, url))
                hint = f"Decided: {decision.reason}" if decision else "Undecided."
                if decision and decision.belongs_to:
                    hint += f" Row {decision.belongs_to} gets the link."
                yield _finding(row.line, "L044", message, hint, "code")


def _known_as(paper: Paper, repository: str) -> bool:
    name = slugify(repository.split("/")[1]).replace("-", "")
    return bool(paper.short_name) and slugify(paper.short_name or "").replace("-", "") == name


def _scope(papers: list[Paper]) -> Iterator[Finding]:
    for paper in papers:
        if paper.inclusion.decision != "include" or paper.inclusion.reason:
            yield _finding(
                paper.rows[0],
                "L070",
                f"out-of-scope candidate: {paper.inclusion.decision}",
                paper.inclusion.reason or "",
                "inclusion",
            )
