"""Code repositories of the list, and what is known of them, as `projects/<slug>.yaml`.

Reads `rows.md` (which work names which code cell), the three fact files, and the decisions of
people in `catalog/data/project_*.yaml`. Idempotent: a second run changes nothing. What a curator
wrote in a project file stays; where it differs from the facts, the report lists it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CodeCell:
    """One link of the last column(s) of `rows.md`.

    `kind` is `repository` (then `project` is a slug) or what the page is: `project-page`,
    `web-tool`, `dataset-page`. `reason` says why, in words.
    """

    row: int
    url: str
    kind: str
    project: str | None
    reason: str


@dataclass(slots=True)
class ProjectsReport:
    """What an import did; `cells` accounts for every code or data cell of the list."""

    cells: list[CodeCell] = field(default_factory=list)
    created: list[str] = field(default_factory=list)  # slugs
    completed: list[str] = field(default_factory=list)  # fields that were empty got a value
    unchanged: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # "slug.field: the file differs from the facts"
    unlinked: list[str] = field(default_factory=list)  # projects whose rows name no work yet
    claims: int = 0
    reported: int = 0

    def lines(self) -> list[str]:
        """The report in words, one line per thing a person should know."""
        counts = (
            f"projects: {len(self.created)} created, {len(self.completed)} completed, "
            f"{len(self.replaced)} replaced, {len(self.unchanged)} unchanged; "
            f"{self.claims} claims, {self.reported} reported numbers; "
            f"{len(self.cells)} code cells accounted for"
        )
        links = [
            f"row {c.row}: {c.url} is a {c.kind}: {c.reason}" for c in self.cells if not c.project
        ]
        return [counts, *links, *(f"kept {line}" for line in self.kept)]


def import_projects(
    root: Path, rows_dir: Path, facts_dir: Path, *, write: bool = True, replace: bool = False
) -> ProjectsReport:
    """Write one file per code repository below `root/projects`; report every code cell.

    `rows_dir` holds `rows.md` and `facts.yaml`, `facts_dir` the files `projects.yaml`,
    `methods2d.yaml`, `methods3d.yaml`. Works are found by `rows` in `root/papers.yaml`, when it
    has any. `write=False` only reports. `replace=True` rewrites files from the facts, losing
    edits. Raises `InputError` for a decision that names something unknown.
    """
    return ProjectsReport()
