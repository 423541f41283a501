"""The registry in memory: papers, projects, results, verdicts, read from one folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import yaml

from catalog.errors import Finding, FindingsError, PrerequisiteError
from catalog.records import Paper, Project, Result, Verdict, Verdicts

PAPERS = "papers.yaml"
PROJECTS = "projects"
RESULTS = "reproduce/results"
VERDICTS = f"{RESULTS}/verdicts.json"

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # pragma: no cover - PyYAML without libyaml
    from yaml import SafeLoader as Loader  # type: ignore[assignment]


def find_root(start: Path | None = None) -> Path:
    """The folder of the registry: $SAM4MIS_ROOT, else the nearest one upward that has papers.yaml."""
    if named := os.environ.get("SAM4MIS_ROOT"):
        return Path(named).resolve()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / PAPERS).is_file():
            return folder
    raise PrerequisiteError(
        f"no {PAPERS} in {here} or above it: sam4mis works inside a clone of the catalog.",
        "cd <your clone>   (or: sam4mis --root <your clone> ...)",
    )


@dataclass(slots=True)
class Registry:
    """Everything in one folder, in file order."""

    root: Path
    papers: list[Paper] = field(default_factory=list)
    projects: list[Project] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)

    @classmethod
    def load(cls, root: Path) -> Registry:
        """Read the whole registry. Raises `FindingsError` with everything that is wrong."""
        findings: list[Finding] = []
        registry = cls(root)
        for raw in (yaml.load((root / PAPERS).read_text("utf-8"), Loader) or {}).get("papers", []):
            try:
                registry.papers.append(msgspec.convert(raw, Paper))
            except msgspec.ValidationError as error:
                findings.append(Finding(PAPERS, None, str(raw.get("id")), "S001", str(error)))
        for path in sorted((root / PROJECTS).glob("*.yaml")):
            try:
                raw = yaml.load(path.read_text("utf-8"), Loader)
                registry.projects.append(msgspec.convert(raw, Project))
            except msgspec.ValidationError as error:
                findings.append(Finding(f"{PROJECTS}/{path.name}", None, "", "S001", str(error)))
        for path in sorted((root / RESULTS).glob("*/result.json")):
            registry.results.append(msgspec.json.decode(path.read_bytes(), type=Result))
        if (root / VERDICTS).is_file():
            document = msgspec.json.decode((root / VERDICTS).read_bytes(), type=Verdicts)
            registry.verdicts = document.verdicts
        if findings:
            raise FindingsError(findings)
        return registry
