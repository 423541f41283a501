"""JSON of the records as they are, and its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from catalog.records import Paper, to_builtins

SCHEMA = "papers/1"


class PapersDocument(msgspec.Struct, kw_only=True):
    """What `to_json` writes."""

    schema: Literal["papers/1"]
    count: int
    papers: list[Paper]


def to_json(papers: Iterable[Paper]) -> str:
    """All papers as `{"schema": ..., "count": ..., "papers": [...]}`, fields as in the YAML."""
    records = [to_builtins(paper) for paper in papers]
    document = {"schema": SCHEMA, "count": len(records), "papers": records}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what `to_json` writes."""
    schema = msgspec.json.schema(PapersDocument)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
