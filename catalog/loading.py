"""Records from YAML, where only what was not read before is read: block by block, file by file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from catalog import blocks, kept, reading
from catalog.errors import Finding, FindingsError
from catalog.records import Paper

if TYPE_CHECKING:
    from catalog.converting import StandIn

PAPERS = "papers.yaml"
_AGAIN = "Take it from git again, or away."
Record = TypeVar("Record", bound=msgspec.Struct)


class IncompleteError(FindingsError):
    """Some records could not be read; `records` are the others, `stand_ins` what they may say."""

    def __init__(
        self, findings: list[Finding], records: list[Any], stand_ins: list[StandIn[Any]]
    ) -> None:
        super().__init__(findings)
        self.records = records
        self.stand_ins = stand_ins


# ---------------------------------------------------------------------------------- papers


def papers_of(root: Path, content: bytes, key: str) -> list[Paper]:
    """The works of `papers.yaml` with this content and its hash.

    Raises `FindingsError` with everything that is wrong, `IncompleteError` where the other works
    could be read.
    """
    before = kept.read_records(root, "papers", Paper)
    if before.key == key:
        return before.records
    text = reading.text_of(content, PAPERS)
    papers = _by_block(root, text, key, before)
    if papers is None:
        papers = parse(text)
        kept.write_records(root, "papers", key, [], papers)
    return papers


def keep_papers(root: Path, content: bytes, papers: list[Paper]) -> None:
    """Keep what was just written, with what it reads as."""
    hashes = [kept.part_of(part.encode()) for part in blocks.parts(content.decode()) or []]
    if len(hashes) == len(papers):
        kept.write_records(root, "papers", kept.key_of(content), hashes, papers)


def _by_block(root: Path, text: str, key: str, before: kept.Kept[Paper]) -> list[Paper] | None:
    """The works of a text, each read by itself unless it was kept. Raises as `papers_of`.

    None where the file has to be read as a whole: its records cannot be told apart by their dashes,
    one is broken YAML, or an id stands twice.
    """
    parts = blocks.parts(text)
    if parts is None:
        return None
    hashes = [kept.part_of(part.encode()) for part in parts]
    known = before.by_part()
    wrong: dict[int, Any] = {}  # number -> what does not read as a work
    with reading.collector_off():
        for number, digest in enumerate(hashes):
            if digest in known:
                continue
            try:
                data = reading.parse(f"papers:\n{parts[number]}", PAPERS).data
            except FindingsError:
                return None
            if set(data) != {"papers"} or len(data["papers"]) != 1:
                return None
            try:
                known[digest] = msgspec.convert(data["papers"][0], Paper)
            except msgspec.ValidationError:
                wrong[number] = data["papers"][0]
    good = [digest for number, digest in enumerate(hashes) if number not in wrong]
    papers = [known[digest] for digest in good]
    ids = [paper.id for paper in papers]
    ids += [str(raw.get("id")) for raw in wrong.values() if isinstance(raw, dict)]
    if len(set(ids)) < len(ids):
        return None
    if not wrong or good != before.parts:
        kept.write_records(root, "papers", "" if wrong else key, good, papers)
    if not wrong:
        return papers
    findings: list[Finding] = []
    stand_ins: list[StandIn[Any]] = []
    for number, raw in wrong.items():
        above = text.count("\n") - sum(part.count("\n") for part in parts[number:])
        document = reading.parse("papers:" + "\n" * above + parts[number], PAPERS)
        _, own, stand_in = _work(document, 0, raw, number)
        findings += own
        stand_ins += [stand_in] if stand_in else []
    raise IncompleteError(findings, papers, stand_ins)


def _work(
    document: reading.Document, index: int, raw: Any, number: int
) -> tuple[Paper | None, list[Finding], StandIn[Paper] | None]:
    """The work at `papers[index]` of a document, which is the file's work `number`."""
    from catalog.converting import convert_or_stand_in

    name = str(raw.get("id") or "") if isinstance(raw, dict) else ""
    place = ("papers", index)
    return convert_or_stand_in(document, place, raw, Paper, name or f"papers[{number}]")


def parse(text: str) -> list[Paper]:
    """The works of a text read as a whole; all findings at once."""
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
            paper, own, stand_in = _work(document, index, record, index)
            findings += own
            papers += [paper] if paper else []
            stand_ins += [stand_in] if stand_in else []
    findings += _repeated_ids(raw, document)
    if findings:
        raise IncompleteError(findings, papers, stand_ins)
    return papers


def _items(document: reading.Document) -> list[Any]:
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


def _repeated_ids(raw: list[Any], document: reading.Document) -> list[Finding]:
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


# ----------------------------------------------------------------------- one record, one file


def load_files(
    root: Path, folder: str, shape: type[Record], named: Callable[[Record], str]
) -> tuple[str, list[Record]]:
    """The records of a folder, one a YAML file called as the record is, by file name; their hash.

    Raises `IncompleteError` with everything that is wrong; the other files are read.
    """
    findings: list[Finding] = []
    files: dict[str, bytes] = {}  # place -> content
    for place in _files(root, folder):
        try:
            if not Path(root, place).is_file():  # a pipe would be waited for
                raise OSError(0, "no file, or a link to none")
            files[place] = Path(root, place).read_bytes()
        except OSError as error:
            message = f"cannot be read: {error.strerror}"
            findings.append(Finding(place, None, "", "Y006", message, _AGAIN))
    hashes = {place: kept.part_of(b"%s\n%s" % (place.encode(), c)) for place, c in files.items()}
    key = kept.key_of(*(digest.encode() for digest in hashes.values()))
    name = folder.rpartition("/")[2]
    before = kept.read_records(root, name, shape)
    if before.key == key and not findings:
        return key, before.records
    known = before.by_part()
    records: list[Record] = []
    good: list[str] = []
    stand_ins: list[StandIn[Any]] = []
    with reading.collector_off():
        for place, digest in hashes.items():
            if digest in known:
                records.append(known[digest])
                good.append(digest)
                continue
            record, own, stand_in = _read_file(place, files[place], shape, named)
            findings += own
            stand_ins += [stand_in] if stand_in else []
            if record is not None:
                records.append(record)
                known[digest] = record
                good += [] if own else [digest]
    if not findings or good != before.parts:
        kept.write_records(root, name, "" if findings else key, good, [known[d] for d in good])
    if findings:
        raise IncompleteError(findings, records, stand_ins)
    return key, records


def _files(root: Path, folder: str) -> list[str]:
    """The YAML files of a folder, by name, relative to the root."""
    try:
        names = sorted(name for name in os.listdir(root / folder) if name.endswith(".yaml"))  # noqa: PTH208 - names alone: a `Path` for each takes longer than reading it
    except OSError:
        return []
    return [f"{folder}/{name}" for name in names]


def _read_file(
    place: str, content: bytes, shape: type[Record], named: Callable[[Record], str]
) -> tuple[Record | None, list[Finding], StandIn[Record] | None]:
    """The record of one file, what is wrong with it, and what may stand in for it."""
    from catalog.converting import convert_or_stand_in

    try:
        document = reading.parse(reading.text_of(content, place), place)
    except FindingsError as error:
        return None, error.findings, None
    stem = Path(place).stem
    record, findings, stand_in = convert_or_stand_in(document, (), document.data, shape, stem)
    if stand_in and named(stand_in.record) != stem:
        stand_in = None
    if record is not None and named(record) != stem:
        field = "slug" if "slug" in shape.__struct_fields__ else "id"
        message = f"the {field} {named(record)!r} is not the file's name"
        line = document.line((field,))
        findings.append(Finding(place, line, field, "R004", message, "They must agree."))
    return record, findings, stand_in
