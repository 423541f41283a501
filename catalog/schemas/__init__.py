"""JSON Schemas of the YAML files, so that editors complete and validate while typing.

Generated from the structs of `catalog.records` and the vocabularies; `python -m catalog.schemas`
writes them, with `--check` it exits 1 where they are out of date.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from catalog import vocabulary
from catalog.evidence import Recomputed, Source
from catalog.records import TAG_FIELDS, Paper, Project, Result, VerdictLog, Verdicts

FOLDER = Path(__file__).resolve().parent
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """Every schema by file name."""
    return {
        "papers.schema.json": papers_schema(),
        "project.schema.json": _titled(Project, "A code release: projects/<slug>.yaml"),
        "result.schema.json": _titled(Result, "What one checkpoint did on one list of cases"),
        "evidence.schema.json": _titled(Source, "A source of rows: reproduce/evidence/<id>.yaml"),
        "recomputed.schema.json": _titled(Recomputed, "What released rows say"),
        "verdicts.schema.json": _titled(Verdicts, "reproduce/results/verdicts.json"),
        "verdict-log.schema.json": _titled(VerdictLog, "reproduce/results/verdict-log.json"),
    }


def papers_schema() -> dict[str, Any]:
    """The schema of `papers.yaml`; tags offer the values of their vocabularies."""
    schema = _titled(Paper, "papers.yaml: one record per work")
    definitions = schema["$defs"]
    properties = definitions["Paper"]["properties"]
    for name in TAG_FIELDS:
        properties[name] = _tag(name, definitions["Tag"])
    del definitions["Tag"]
    schema.pop("$ref")
    return schema | {
        "type": "object",
        "properties": {
            "papers": {
                "anyOf": [{"type": "array", "items": {"$ref": "#/$defs/Paper"}}, {"type": "null"}]
            }
        },
        "required": ["papers"],
        "additionalProperties": False,
    }


def _titled(shape: Any, title: str) -> dict[str, Any]:
    (schema,), definitions = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    return {"$schema": _DRAFT, "title": title, **schema, "$defs": dict(sorted(definitions.items()))}


def _tag(name: str, tag: dict[str, Any]) -> dict[str, Any]:
    words = vocabulary.vocabularies()[name]
    values: dict[str, Any] = {"enum": list(words.terms)}
    if words.open:
        values = {"anyOf": [values, {"type": "string"}]}
    properties = dict(tag["properties"])
    properties["values"] = {"anyOf": [{"type": "array", "items": values}, {"const": "n/a"}]}
    record = tag | {"properties": properties, "title": words.title, "description": words.meaning}
    return {"anyOf": [{"type": "null"}, record], "default": None}


def text_of(schema: dict[str, Any]) -> str:
    """A schema as it stands in its file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def stale(folder: Path = FOLDER) -> list[str]:
    """Names of the files that differ from what the records say now."""
    return [
        name
        for name, schema in schemas().items()
        if not (folder / name).is_file() or (folder / name).read_text("utf-8") != text_of(schema)
    ]


def write(folder: Path = FOLDER) -> list[str]:
    """Write what is out of date; returns the names."""
    names = stale(folder)
    for name in names:
        (folder / name).write_text(text_of(schemas()[name]), "utf-8")
    return names
