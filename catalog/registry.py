"""The registry in memory: papers, projects, results, verdicts, read from one folder.

The YAML files are the truth. What was read from them is kept as JSON in `.sam4mis/cache`, named by
the hash of the files' content and of the definition of the records, so that reading again takes
milliseconds; a cache that is stale, damaged or not writable is ignored.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from catalog.errors import Finding, FindingsError, PrerequisiteError
from catalog.evidence import Recomputed, Source, load_recomputed, load_sources
from catalog.files import whole
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

if TYPE_CHECKING:
    from catalog.converting import StandIn

PAPERS = "papers.yaml"
PROJECTS = "projects"
RESULTS = "reproduce/results"
VERDICTS = f"{RESULTS}/verdicts.json"
VERDICT_LOG = f"{RESULTS}/verdict-log.json"
AGAIN = f"{RESULTS}/again"  # <by>/<run>: published runs that others computed again
RESULT_MIB = 16  # of one result.json
CACHE = ".sam4mis/cache"
Record = TypeVar("Record")


def find_root(start: Path | None = None) -> Path:
    """The folder of the registry: $SAM4MIS_ROOT, else the nearest upward with a papers.yaml."""
    if named := os.environ.get("SAM4MIS_ROOT"):
        root = Path(named).resolve()
        if not root.is_dir():
            raise PrerequisiteError(f"{named}: there is no such folder (SAM4MIS_ROOT or --root).")
        return root
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / PAPERS).is_file():
            return folder
    raise PrerequisiteError(
        f"no {PAPERS} in {here} or above it: sam4mis works inside a clone of the catalog.",
        "cd <your clone>   (or: sam4mis --root <your clone> ...)",
    )


class IncompleteError(FindingsError):
    """Some records could not be read; `records` are the others, `stand_ins` what they may say."""

    def __init__(
        self, findings: list[Finding], records: list[Any], stand_ins: list[StandIn[Any]]
    ) -> None:
        super().__init__(findings)
        self.records = records
        self.stand_ins = stand_ins


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

        Raises `FindingsError` where anything else is wrong.
        """
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
        readers: dict[str, Callable[[], Any]] = {
            "papers": lambda: load_papers(root, registry.keys),
            "projects": lambda: load_projects(root, registry.keys),
            "results": lambda: load_results(root),
            "verdicts": lambda: load_verdicts(root),
            "evidence": lambda: load_sources(root),
            "recomputed": lambda: load_recomputed(root),
            "repeats": lambda: load_repeats(root),
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
    key = cache_key(content)
    papers = read_cache(root, "papers", key, list[Paper])
    if papers is None:
        papers = parse_papers(path)
        write_cache(root, "papers", key, papers)
    if keys is not None:
        keys["papers"] = key
    return papers


def parse_papers(path: Path) -> list[Paper]:
    """The works of one YAML file, without the cache; all findings at once."""
    from catalog import reading
    from catalog.converting import convert_or_stand_in

    text = reading.read_text(path, PAPERS)
    document = reading.parse(text, PAPERS)
    raw = _items(document)
    with reading.collector_off():
        try:
            papers = msgspec.convert(raw, list[Paper])
        except msgspec.ValidationError:
            papers = []
    findings: list[Finding] = []
    stand_ins: list[StandIn[Any]] = []
    if raw and not papers:
        for index, record in enumerate(raw):
            name = str(record.get("id") or f"papers[{index}]") if isinstance(record, dict) else ""
            paper, own, stand_in = convert_or_stand_in(
                document, ("papers", index), record, Paper, name or f"papers[{index}]"
            )
            findings += own
            if paper:
                papers.append(paper)
            if stand_in:
                stand_ins.append(stand_in)
    findings += _repeated_ids(raw, document)
    if findings:
        raise IncompleteError(findings, papers, stand_ins)
    return papers


def _items(document: Any) -> list[Any]:
    """The list under `papers:`; a file of another shape is a finding."""
    data = document.data
    if data is None:
        return []
    if (
        isinstance(data, dict)
        and set(data) == {"papers"}
        and isinstance(data["papers"] or [], list)
    ):
        return data["papers"] or []
    got = f"the keys {', '.join(data)}" if isinstance(data, dict) else f"a {type(data).__name__}"
    hint = "Records stand under `papers:`, each beginning with `  - id: ...`."
    if isinstance(data, dict) and set(data) == {"papers"}:
        got = f"`papers:` with {type(data['papers']).__name__} below"
    message = f"expected one list `papers:`, got {got}"
    raise FindingsError([Finding(document.place, 1, "", "Y005", message, hint)])


def _repeated_ids(raw: list[Any], document: Any) -> list[Finding]:
    first: dict[str, int] = {}
    findings = []
    for index, record in enumerate(raw):
        if not isinstance(record, dict) or not isinstance(record.get("id"), str):
            continue
        name = record["id"]
        if name in first:
            line = document.line(("papers", index, "id"))
            before = document.line(("papers", first[name], "id"))
            message = f"the id {name!r} is used twice, first in line {before}"
            findings.append(
                Finding(PAPERS, line, f"{name}.id", "D001", message, "Ids are never used twice.")
            )
        first.setdefault(name, index)
    return findings


# --------------------------------------------------------------------- projects and results


def load_projects(root: Path, keys: dict[str, str] | None = None) -> list[Project]:
    """The code releases of `projects/*.yaml`, by file name; `keys` as in `load_papers`."""
    from catalog import reading
    from catalog.converting import convert_or_stand_in

    paths = sorted((root / PROJECTS).glob("*.yaml"))
    findings: list[Finding] = []
    contents: list[bytes] = []
    for path in paths:
        try:
            contents.append(path.read_bytes())
        except OSError as error:
            place = f"{PROJECTS}/{path.name}"
            findings.append(Finding(place, None, "", "Y006", f"cannot be read: {error.strerror}"))
    if findings:
        raise FindingsError(findings)
    names = "\n".join(path.name for path in paths).encode()
    key = cache_key(names, *contents)
    kept = read_cache(root, "projects", key, list[Project])
    if kept is not None:
        if keys is not None:
            keys["projects"] = key
        return kept
    projects: list[Project] = []
    stand_ins: list[StandIn[Any]] = []
    for path in paths:
        place = f"{PROJECTS}/{path.name}"
        try:
            document = reading.parse(reading.read_text(path, place), place)
        except FindingsError as error:
            findings += error.findings
            continue
        project, own, stand_in = convert_or_stand_in(
            document, (), document.data, Project, path.stem
        )
        findings += own
        if stand_in and stand_in.record.slug == path.stem:
            stand_ins.append(stand_in)
        if project:
            projects.append(project)
            if project.slug != path.stem:
                line = document.line(("slug",))
                message = f"the slug {project.slug!r} is not the file's name"
                findings.append(Finding(place, line, "slug", "R004", message, "They must agree."))
    if findings:
        raise IncompleteError(findings, projects, stand_ins)
    write_cache(root, "projects", key, projects)
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
            results.append(msgspec.json.decode(path.read_bytes(), type=Result))
        except (ValueError, OSError) as error:  # msgspec's and Unicode's are ValueErrors
            findings.append(json_finding(place, error))
    if findings:
        raise FindingsError(findings)
    return results


def load_verdicts(root: Path) -> list[Verdict]:
    """The verdicts that were computed last; [] where there are none."""
    return _verdicts_file(root).verdicts


def load_repeats(root: Path) -> list[Repeat]:
    """Runs that others computed again, as `verify` compared them; [] where there are none."""
    return _verdicts_file(root).repeats


def _verdicts_file(root: Path) -> Verdicts:
    path = root / VERDICTS
    if not path.is_file():
        return Verdicts(schema="verdicts/1", verdicts=[])
    try:
        return msgspec.json.decode(path.read_bytes(), type=Verdicts)
    except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
        raise FindingsError([json_finding(VERDICTS, error)]) from error


def load_verdict_log(root: Path) -> list[VerdictChange]:
    """Every change of a verdict, oldest first; [] where none was written."""
    path = root / VERDICT_LOG
    if not path.is_file():
        return []
    try:
        return msgspec.json.decode(path.read_bytes(), type=VerdictLog).changes
    except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
        raise FindingsError([json_finding(VERDICT_LOG, error)]) from error


def json_finding(place: str, error: Exception) -> Finding:
    """A machine-written file that is not what it should be."""
    hint = "Restore the file from git; results are never edited."
    return Finding(place, None, "", "S001", str(error), hint)


# ----------------------------------------------------------------------------------- cache


def cache_key(*contents: bytes) -> str:
    """Hash of files' content and of the definition of the records they become."""
    digest = hashlib.sha256(_definition())
    for content in contents:
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()


def _definition() -> bytes:
    """What changes when records or their reading change."""
    folder = Path(__file__).parent
    names = ("records.py", "evidence.py", "reading.py", "converting.py")
    return b"".join((folder / name).read_bytes() for name in names)


def read_cache(root: Path, name: str, key: str, shape: type[Record]) -> Record | None:
    """What was parsed from the same content before, or None."""
    from catalog.reading import collector_off

    try:
        content = (root / CACHE / f"{name}.json").read_bytes()
        if content[:64] != key.encode():
            return None
        with collector_off():
            return msgspec.json.decode(content[65:], type=shape)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def write_cache(root: Path, name: str, key: str, records: Any) -> None:
    """Keep what was parsed. Failing to is no error: the next reading parses again."""
    path = root / CACHE / f"{name}.json"
    with contextlib.suppress(OSError), whole(path, durable=False) as temporary:
        temporary.write_bytes(key.encode() + b"\n" + msgspec.json.encode(records))
