"""`rows.md` and `facts.yaml` into `papers.yaml`: idempotent, and never over a person's edit.

`catalog/data/imported.json` keeps a hash of each record as it was imported. A record that still
has that hash follows the list; one that a person changed stays, and the differences are listed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from catalog.editing.atomic import edit_lock, write_whole
from catalog.errors import Finding, InputError
from catalog.importer.account import RowFate, fates
from catalog.importer.account import findings as list_findings
from catalog.importer.decisions import Decisions
from catalog.importer.facts import read_facts
from catalog.importer.report import REPORT, report_text
from catalog.importer.rows import read_rows
from catalog.importer.works import build_works
from catalog.records import Paper, to_builtins
from catalog.registry import PAPERS, cache_key, load_papers, write_cache

IMPORTED = "catalog/data/imported.json"
HEADER = """\
# yaml-language-server: $schema=catalog/schemas/papers.schema.json
# One record per work; people edit this file. `sam4mis check` reads it, `sam4mis add` appends to it.
# null: nobody has checked. []: checked, there is none. n/a: the question does not apply.
papers:
"""


@dataclass(slots=True)
class PapersReport:
    """What an import found and did."""

    rows: list[RowFate] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    text: str = ""  # the report file
    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # "id.field: here ..., the list ..."
    stale: list[str] = field(default_factory=list)  # files that a `--check` found out of date

    def as_dict(self) -> dict[str, object]:
        """The report as plain data, for `--json`."""
        return {
            "rows": [
                {"line": f.line, "outcome": f.outcome, "paper": f.paper_id, "reason": f.reason}
                for f in self.rows
            ],
            "findings": [finding.as_dict() for finding in self.findings],
            "added": self.added,
            "updated": self.updated,
            "unchanged": len(self.unchanged),
            "kept": self.kept,
            "stale": self.stale,
        }


def import_papers(root: Path, folder: Path, *, write: bool = True) -> PapersReport:
    """Bring `root/papers.yaml` up to date with the list in `folder`.

    With `write=False` nothing is written; `stale` names the files that would change. Raises
    `InputError` or `FindingsError` where the list, the facts or the registry cannot be read.
    """
    from catalog.editing import edit_text

    decisions = Decisions()
    rows, findings = read_rows(folder)
    if not rows:
        raise InputError(f"{folder}: no table row begins with a date; is this the SAM4MIS list?")
    facts = read_facts(folder)
    works = build_works(rows, facts, decisions)
    report = PapersReport()
    with edit_lock(root):
        if not (root / PAPERS).is_file() and write:
            write_whole(root / PAPERS, HEADER.encode())
        present = load_papers(root) if (root / PAPERS).is_file() else []
        text = (root / PAPERS).read_text("utf-8") if (root / PAPERS).is_file() else HEADER
        marks = _read_marks(root)
        append, replace = _plan(works.papers, present, marks, report)
        report.rows = fates(rows, works)
        report.findings = [*findings, *works.findings, *list_findings(rows, works, decisions)]
        report.text = report_text(report.rows, report.findings, decisions)
        after, edited = edit_text(text, present, append, replace)
        if not present and HEADER.splitlines()[0] not in edited:
            edited = edited.replace("papers:\n", HEADER, 1)
        files = {
            PAPERS: edited,
            IMPORTED: _marks_text(marks),
            REPORT: report.text,
        }
        for name, content in files.items():
            path = root / name
            if path.is_file() and path.read_bytes() == content.encode():
                continue
            report.stale.append(name)
            if write:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, content.encode())
        if write:
            write_cache(root, "papers", cache_key(edited.encode()), after)
    return report


def _plan(
    imported: list[Paper], present: list[Paper], marks: dict[str, str], report: PapersReport
) -> tuple[list[Paper], dict[str, Paper]]:
    """What to append and what to replace; brings `marks` and the ids of `imported` up to date."""
    by_row = {line: paper for paper in present for line in paper.rows}
    by_id = {name: paper for paper in present for name in (paper.id, *paper.aliases)}
    append: list[Paper] = []
    replace: dict[str, Paper] = {}
    for paper in imported:
        old = next((by_row[line] for line in paper.rows if line in by_row), None)
        old = old or by_id.get(paper.id)
        if old is None:
            append.append(paper)
            report.added.append(paper.id)
            marks[paper.id] = mark(paper)
            continue
        paper.id = old.id  # ids are immutable, whatever the short name has become
        new = msgspec.structs.replace(paper, aliases=old.aliases, added=old.added)
        if new == old:
            report.unchanged.append(old.id)
            marks[old.id] = mark(old)
        elif mark(old) == marks.get(old.id):
            replace[old.id] = new
            report.updated.append(old.id)
            marks[old.id] = mark(new)
        else:
            report.kept += differences(old, new)
    return append, replace


def differences(old: Paper, new: Paper) -> list[str]:
    """Where a record that a person changed differs from what the list and the facts say."""
    here, there = to_builtins(old), to_builtins(new)
    return [
        f"{old.id}.{name}: here {_short(here.get(name))}, from the list {_short(there.get(name))}"
        for name in Paper.__struct_encode_fields__
        if here.get(name) != there.get(name)
    ]


def _short(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 80 else text[:77] + "..."


def mark(paper: Paper) -> str:
    """Hash of a record's content, for telling whether a person has changed it."""
    return hashlib.sha256(msgspec.json.encode(paper)).hexdigest()[:16]


def _read_marks(root: Path) -> dict[str, str]:
    path = root / IMPORTED
    if not path.is_file():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except msgspec.DecodeError as error:
        raise InputError(f"{path}: damaged ({error}); restore it from git.") from error


def _marks_text(marks: dict[str, str]) -> str:
    lines = [f' "{id}": "{marks[id]}"' for id in sorted(marks)]
    return "{\n" + ",\n".join(lines) + "\n}\n"
