"""What was found about each row on public pages (`facts.yaml` beside `rows.md`)."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from catalog.errors import Finding, FindingsError, InputError
from catalog.records import Record, Reported

FACTS = "facts.yaml"
TAGS = (
    "contribution",
    "base_models",
    "adaptation",
    "supervision",
    "prompts_train",
    "prompts_infer",
    "dimensionality",
    "task",
    "modalities",
    "regions",
    "targets",
    "datasets",
)


class Fact(Record, kw_only=True):
    """One record of `facts.yaml`. A field that is missing was not seen; it does not mean "none"."""

    row: int
    arxiv: str | None
    found: bool
    evidence: Literal["abstract", "page", "title"]
    rows: list[int] = []
    sources: list[str] = []
    title: str | None = None
    title_aliases: list[str] = []
    authors: list[str] = []
    submitted: datetime.date | None = None
    venue: str | None = None
    doi_published: str | None = None
    short_name: str | None = None
    code: str | None = None
    reported: list[Reported] = []
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
    try:
        raw: list[Any] = yaml.load(
            path.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        )
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    facts: dict[int, Fact] = {}
    findings: list[Finding] = []
    for record in raw:
        try:
            fact = msgspec.convert(record, Fact)
        except msgspec.ValidationError as error:
            findings.append(Finding(FACTS, None, f"row {record.get('row')}", "S001", str(error)))
            continue
        for row in {fact.row, *fact.rows}:
            facts[row] = fact
    if findings:
        raise FindingsError(findings)
    return facts
