"""Code repositories of the list, and what is known of them, as `projects/<slug>.yaml`.

Reads `rows.md` (which work names which code cell), the three fact files, and the decisions of
people in `catalog/data/project_*.yaml`. Idempotent: a second run changes nothing. What a curator
wrote in a project file stays; where it differs from the facts, the report lists it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from catalog.editing.atomic import write_whole
from catalog.importer import project_files
from catalog.importer.project_cells import CodeCell, code_cells
from catalog.importer.project_facts import load_facts
from catalog.importer.project_merge import build
from catalog.records import Project
from catalog.registry import PAPERS, PROJECTS, load_papers


@dataclass(slots=True)
class ProjectsReport:
    """What an import did; `cells` accounts for every code or data cell of the list."""

    cells: list[CodeCell] = field(default_factory=list)
    created: list[str] = field(default_factory=list)  # slugs
    completed: list[str] = field(default_factory=list)  # fields that were empty got a value
    unchanged: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # "slug.field: the file differs from the facts"
    by_hand: list[str] = field(default_factory=list)  # files that no fact stands behind
    unlinked: list[str] = field(default_factory=list)  # projects whose rows name no work yet
    uncovered: list[str] = field(default_factory=list)  # printed numbers without a decision
    claims: int = 0
    reported: int = 0

    def lines(self) -> list[str]:
        """The report in words, one line per thing a person should know."""
        repositories = sum(1 for cell in self.cells if cell.project)
        counts = (
            f"projects: {len(self.created)} created, {len(self.completed)} completed, "
            f"{len(self.replaced)} replaced, {len(self.unchanged)} unchanged; "
            f"{self.claims} claims, {self.reported} reported numbers; "
            f"{len(self.cells)} code cells, {repositories} of them repositories"
        )
        links = [
            f"row {cell.row}: {cell.url} is a {cell.kind}: {cell.reason}"
            for cell in self.cells
            if not cell.project
        ]
        return [
            counts,
            *links,
            *(f"kept {line}" for line in self.kept),
            *(f"no decision for the number at {place}" for place in self.uncovered),
        ]


def import_projects(
    root: Path, rows_dir: Path, facts_dir: Path, *, write: bool = True, replace: bool = False
) -> ProjectsReport:
    """Write one file per code repository below `root/projects`; report every code cell.

    `rows_dir` holds `rows.md`, `facts_dir` the files `projects.yaml`, `methods2d.yaml`,
    `methods3d.yaml`; the table of BiomedParse is read from `facts_dir/../real/biomedparse` where
    it is. Works are found by `rows` in `root/papers.yaml`, when it has any. `write=False` only
    reports. `replace=True` rewrites files from the facts, losing edits. Raises `InputError` for a
    file that cannot be read or a decision that names something unknown.
    """
    facts = load_facts(facts_dir)
    report = ProjectsReport(cells=code_cells(rows_dir / "rows.md", facts))
    projects, report.uncovered = build(facts, report.cells, works_by_row(root))
    folder = root / PROJECTS
    if write:
        folder.mkdir(exist_ok=True)
    for project in projects:
        _store(folder / f"{project.slug}.yaml", project, report, write, replace)
        report.claims += len(project.claims)
        report.reported += len(project.reported)
        if not project.papers and _rows(project):
            report.unlinked.append(project.slug)
    known = {project.slug for project in projects}
    report.by_hand = sorted(p.stem for p in folder.glob("*.yaml") if p.stem not in known)
    return report


def works_by_row(root: Path) -> dict[int, str]:
    """Line of `rows.md` -> id of the work in `root/papers.yaml`; empty while there is none."""
    if not (root / PAPERS).is_file():
        return {}
    return {row: paper.id for paper in load_papers(root) for row in paper.rows}


def _rows(project: Project) -> bool:
    return any(source.startswith("SAM4MIS list, row") for source in project.sources)


def _store(
    path: Path, project: Project, report: ProjectsReport, write: bool, replace: bool
) -> None:
    text = project_files.text_of(project)
    if not path.is_file():
        report.created.append(project.slug)
        if write:
            write_whole(path, text.encode())
        return
    old = path.read_text("utf-8")
    if old == text:
        report.unchanged.append(project.slug)
        return
    if replace:
        report.replaced.append(project.slug)
        if write:
            write_whole(path, text.encode())
        return
    _complete(path, old, project, report, write)


def _complete(path: Path, old: str, project: Project, report: ProjectsReport, write: bool) -> None:
    """Add what the file lacks; what it says otherwise stays and is listed."""
    have = project_files.read(path)
    plain = project_files.plain_of(project)
    missing = {}
    for key, block in project_files.blocks(project).items():
        if have.get(key) in (None, [], {}, ""):
            missing[key] = block
        elif have[key] != plain[key]:
            report.kept.append(f"{project.slug}.{key}: the file differs from the facts")
    report.kept += [
        f"{project.slug}.{key}: only in the file" for key in have if key not in plain and have[key]
    ]
    if not missing:
        report.unchanged.append(project.slug)
        return
    report.completed.append(project.slug)
    if write:
        write_whole(path, project_files.completed(old, missing).encode())


__all__ = ["CodeCell", "ProjectsReport", "import_projects", "works_by_row"]
