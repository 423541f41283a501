"""What was found about each row on public pages (`facts.yaml` beside `rows.md`)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import field

from catalog import reading
from catalog.converting import convert
from catalog.errors import Finding, FindingsError, InputError
from catalog.records import Record, Reported

FACTS = "facts.yaml"


class Fact(Record, kw_only=True):
    """One record of `facts.yaml`. A field that is missing was not seen; it does not mean "none"."""

    row: int
    arxiv: str | None
    found: bool
    evidence: Literal["abstract", "page", "title"]
    rows: list[int] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    title: str | None = None
    title_aliases: list[str] = field(default_factory=list)
    authors: list[str] = field(default_factory=list)
    submitted: str | None = None
    venue: str | None = None
    doi_published: str | None = None
    short_name: str | None = None
    code: str | None = None
    reported: list[Reported] = field(default_factory=list)
    note: str | None = None
    contribution: list[str] | None = None
    base_models: list[str] | None = None
    adaptation: list[str] | None = None
    supervision: list[str] | None = None
    prompts_train: list[str] | None = None
    prompts_infer: list[str] | None = None
    dimensionality: list[str] | None = None
    task: list[str] | None = None
    modalities: list[str] | None = None
    regions: list[str] | None = None
    targets: list[str] | None = None
    datasets: list[str] | None = None


def read_facts(folder: Path) -> dict[int, Fact]:
    """Facts by row; records that stand for several rows are found under each of them.

    Raises `InputError` where the file is missing and `FindingsError` with every record that does
    not have the expected shape.
    """
    path = folder / FACTS
    if not path.is_file():
        raise InputError(f"{path}: not found; expected the collected facts as {FACTS} in {folder}.")
    document = reading.parse(reading.read_text(path, FACTS), FACTS)
    if not isinstance(document.data, list):
        got = "nothing" if document.data is None else f"a {type(document.data).__name__}"
        raise InputError(f"{path}: expected a list of records (- row: ...), got {got}.")
    facts: dict[int, Fact] = {}
    findings: list[Finding] = []
    for index, record in enumerate(document.data):
        name = f"row {record.get('row')}" if isinstance(record, dict) else f"[{index}]"
        fact, own = convert(document, (index,), record, Fact, name)
        findings += own
        if fact is not None:
            facts |= dict.fromkeys((fact.row, *fact.rows), fact)
    if findings:
        raise FindingsError(findings)
    return facts
