"""Ways out: every format is a pure function from papers to text.

Each format's module is imported when it is used: filters need `citation` and none of the formats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from catalog.records import Paper


def to_bibtex(papers: Iterable[Paper]) -> str:
    """All papers as one BibTeX file (see `catalog.exports.bibtex`)."""
    from catalog.exports import bibtex

    return bibtex.to_bibtex(papers)


def to_ris(papers: Iterable[Paper]) -> str:
    """All papers as one RIS file (see `catalog.exports.ris`)."""
    from catalog.exports import ris

    return ris.to_ris(papers)


def to_csl_json(papers: Iterable[Paper]) -> str:
    """All papers as a CSL-JSON array (see `catalog.exports.csl`)."""
    from catalog.exports import csl

    return csl.to_csl_json(papers)


def to_csv(papers: Iterable[Paper]) -> str:
    """All papers as CSV with a header (see `catalog.exports.table`)."""
    from catalog.exports import table

    return table.to_csv(papers)


def to_json(papers: Iterable[Paper]) -> str:
    """All papers as JSON, fields as in the YAML (see `catalog.exports.json_`)."""
    from catalog.exports import json_

    return json_.to_json(papers)


def json_schema() -> dict[str, Any]:
    """JSON Schema of what `to_json` writes."""
    from catalog.exports import json_

    return json_.json_schema()


FORMATS: dict[str, Callable[[Iterable[Paper]], str]] = {
    "bibtex": to_bibtex,
    "ris": to_ris,
    "csl-json": to_csl_json,
    "csv": to_csv,
    "json": to_json,
}

__all__ = [
    "FORMATS",
    "json_schema",
    "to_bibtex",
    "to_csl_json",
    "to_csv",
    "to_json",
    "to_ris",
]
