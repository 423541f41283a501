"""The registry in memory: papers, projects, results, verdicts, read from one folder.

The YAML files are the truth; `kept.py` keeps what was read from them, so that reading again takes
milliseconds, and after a change only what changed is read.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from catalog import __version__, json_in, kept, loading, reading
from catalog.errors import Finding, FindingsError, PrerequisiteError
from catalog.evidence import Recomputed, Source, load_recomputed, load_sources
from catalog.loading import IncompleteError, load_files, papers_of
from catalog.records import (
    Paper,
    Project,
    Repeat,
    Result,
    Verdict,
    VerdictChange,
    VerdictLog,
    Verdicts,
)
from catalog.shipped import is_snapshot, shipped, stamp

if TYPE_CHECKING:
    from catalog.converting import StandIn

PAPERS = loading.PAPERS
PROJECTS = "projects"
RESULTS = "reproduce/results"
VERDICTS = f"{RESULTS}/verdicts.json"
VERDICT_LOG = f"{RESULTS}/verdict-log.json"
AGAIN = f"{RESULTS}/again"  # <by>/<run>: published runs that others computed again
RESULT_MIB = 16  # of one result.json
Shape = TypeVar("Shape")


def find_root(start: Path | None = None) -> Path:
    """The folder of the registry to read: $SAM4MIS_ROOT, else the nearest upward with a
    papers.yaml, else what this installation brought along."""
    here = (start or Path.cwd()).resolve()
    if root := _named_or_above(here) or shipped():
        return root
    raise PrerequisiteError(
        f"no {PAPERS} in {here} or above it, and this installation brought no registry along.",
        "cd <your clone>   (or: sam4mis --root <your clone> ...)",
    )


def find_clone(command: str) -> Path:
    """The folder of a registry that can be written, for `sam4mis <command>`.

    Raises `PrerequisiteError` outside a clone.
    """
    root = _named_or_above(Path.cwd().resolve())
    if root is None or is_snapshot(root):
        here = f"; {stamp()} that came with sam4mis is read and never written" if stamp() else ""
        raise PrerequisiteError(
            f"`sam4mis {command}` needs a clone of the catalog{here}.",
            f"cd <your clone>   (or: sam4mis --root <your clone> {command} ...)",
        )
    return root


def workplace(root: Path) -> Path:
    """Below which `build/` lies: the clone, or the working folder for the installed snapshot."""
    return Path.cwd() if is_snapshot(root) else root


def _named_or_above(here: Path) -> Path | None:
    """The registry that the user points at, by name or by where he is. A named one has to be."""
    if named := os.environ.get("SAM4MIS_ROOT"):
        root = Path(named).resolve()
        if not root.is_dir():
            raise PrerequisiteError(f"{named}: there is no such folder (SAM4MIS_ROOT or --root).")
        return root
    return next((f for f in (here, *here.parents) if (f / PAPERS).is_file()), None)


@dataclass(slots=True)
class Registry:
    """Everything in one folder, in file order."""

    root: Path
    papers: list[Paper] = field(default_factory=list)
    projects: list[Project] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    evidence: list[Source] = field(default_factory=list)
    recomputed: list[Recomputed] = field(default_factory=list)
    repeats: list[Repeat] = field(default_factory=list)
    # "papers", "projects" -> hash of the files' content; absent where some could not be read
    keys: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    # for `check` only: records that are wrong, read as far as they can be
    stand_ins: list[StandIn[Any]] = field(default_factory=list)

    @classmethod
    def load(cls, root: Path) -> Registry:
        """Read the whole registry. Raises `FindingsError` with everything that is wrong."""
        registry, findings = cls.read(root)
        if findings:
            raise FindingsError(findings)
        return registry

    @classmethod
    def load_around(cls, root: Path, tell: Callable[[str], None]) -> Registry:
        """Read the registry for who only looks: a broken project file is told and left out.

        The day of an installed snapshot is told too. Raises `FindingsError` where anything else is
        wrong.
        """
        if is_snapshot(root):
            tell(f"From {stamp()} that came with sam4mis {__version__}.")
        registry, findings = cls.read(root)
        if any(not finding.place.startswith(f"{PROJECTS}/") for finding in findings):
            raise FindingsError(findings)
        for finding in {finding.place: finding for finding in reversed(findings)}.values():
            tell(f"Left out: {finding}")
        return registry

    @classmethod
    def read(cls, root: Path) -> tuple[Registry, list[Finding]]:
        """What can be read of the registry, and everything that is wrong with the rest."""
        findings: list[Finding] = []
        registry = cls(root)
        judged = cache(lambda: _verdicts_file(root))
        readers: dict[str, Callable[[], Any]] = {
            "papers": lambda: load_papers(root, registry.keys),
            "projects": lambda: load_projects(root, registry.keys),
            "results": lambda: load_results(root),
            "verdicts": lambda: judged().verdicts,
            "evidence": lambda: load_sources(root),
            "recomputed": lambda: load_recomputed(root),
            "repeats": lambda: judged().repeats,
        }
        for name, read in readers.items():
            try:
                setattr(registry, name, read())
            except IncompleteError as error:
                setattr(registry, name, error.records)
                registry.stand_ins += error.stand_ins
                findings += error.findings
            except FindingsError as error:
                findings += error.findings
        return registry, findings


# ---------------------------------------------------------------------------------- papers


def load_papers(root: Path, keys: dict[str, str] | None = None) -> list[Paper]:
    """The works of `papers.yaml`. Raises `FindingsError` with everything that is wrong in it.

    keys: gets the hash of the content under "papers", for what else is kept of the same content.
    """
    path = root / PAPERS
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise PrerequisiteError(
            f"no {PAPERS} in {root}: this folder is no registry.",
            "sam4mis --root <your clone> ...",
        ) from error
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise FindingsError([Finding(PAPERS, None, "", "Y006", message)]) from error
    key = kept.key_of(content)
    papers = papers_of(root, content, key)
    if keys is not None:
        keys["papers"] = key
    return papers


def parse_papers(path: Path) -> list[Paper]:
    """The works of one YAML file, without the cache; all findings at once."""
    return loading.parse(reading.read_text(path, PAPERS))


# --------------------------------------------------------------------- projects and results


def load_projects(root: Path, keys: dict[str, str] | None = None) -> list[Project]:
    """The code releases of `projects/*.yaml`, by file name; `keys` as in `load_papers`."""
    key, projects = load_files(root, PROJECTS, Project, lambda project: project.slug)
    if keys is not None:
        keys["projects"] = key
    return projects


def load_results(root: Path) -> list[Result]:
    """The results of runs, by folder name."""
    results, findings = [], []
    for path in sorted((root / RESULTS).glob("*/result.json")):
        place = path.relative_to(root).as_posix()
        try:
            if path.is_symlink() or path.parent.is_symlink():
                raise ValueError("expected a file of the result's own, got a link")
            if path.stat().st_size > RESULT_MIB << 20:
                raise ValueError(f"expected at most {RESULT_MIB} MiB, got more")
            results.append(json_in.decoded(path.read_bytes(), Result))
        except (ValueError, OSError) as error:  # msgspec's and Unicode's are ValueErrors
            findings.append(json_finding(place, error))
    if findings:
        raise FindingsError(findings)
    return results


def _verdicts_file(root: Path) -> Verdicts:
    """The verdicts that were computed last, and runs that others computed again."""
    path = root / VERDICTS
    if not path.is_file():
        return Verdicts(schema="verdicts/1", verdicts=[])
    try:
        return json_in.decoded(path.read_bytes(), Verdicts)
    except (msgspec.DecodeError, OSError) as error:
        raise FindingsError([json_finding(VERDICTS, error)]) from error


def load_verdict_log(root: Path) -> list[VerdictChange]:
    """Every change of a verdict, oldest first; [] where none was written."""
    path = root / VERDICT_LOG
    if not path.is_file():
        return []
    try:
        return json_in.decoded(path.read_bytes(), VerdictLog).changes
    except (msgspec.DecodeError, OSError) as error:
        raise FindingsError([json_finding(VERDICT_LOG, error)]) from error


class DataSets(msgspec.Struct):
    """`datasets.json`: what `reproduce` knows of the data sets that it reads."""

    datasets: list[dict[str, Any]] = msgspec.field(default_factory=list)


def generated(path: Path, shape: type[Shape]) -> Shape | None:
    """What `reproduce` left in a file for the site; None where there is none.

    Raises `FindingsError` where it is something else.
    """
    if not path.is_file():
        return None
    try:
        return json_in.decoded(path.read_bytes(), shape)
    except (msgspec.DecodeError, OSError) as error:
        raise FindingsError([json_finding(str(path), error)]) from error


def json_finding(place: str, error: Exception) -> Finding:
    """A machine-written file that is not what it should be."""
    hint = "Restore the file from git; results are never edited."
    return Finding(place, None, "", "S001", str(error), hint)
