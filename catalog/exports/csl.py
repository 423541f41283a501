"""CSL-JSON, the citation data of Zotero, pandoc and citeproc (schema: citationstyles.org)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from catalog.exports.citation import Citation, citation
from catalog.exports.names import split_name
from catalog.records import Paper

_TYPES = {
    "journal": "article-journal",
    "conference": "paper-conference",
    "workshop": "paper-conference",
    "thesis": "thesis",
    "report": "report",
    "preprint": "article",
    "unknown": "document",
}


def to_csl_json(papers: Iterable[Paper]) -> str:
    """All papers as a CSL-JSON array."""
    items = [_item(citation(paper)) for paper in papers]
    return json.dumps(items, ensure_ascii=False, indent=1) + "\n"


def _item(work: Citation) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": work.key,
        "type": _TYPES[work.kind],
        "title": work.title,
        "author": [_author(name) for name in work.authors],
        "issued": {"date-parts": [list(work.date)]} if work.date else None,
        "container-title": work.venue if work.kind not in ("thesis", "report") else None,
        "publisher": work.venue if work.kind in ("thesis", "report") else None,
        "genre": "preprint" if work.kind == "preprint" else None,
        "DOI": work.ids.doi,
        "PMID": work.ids.pmid,
        "PMCID": work.ids.pmcid,
        "number": f"arXiv:{work.ids.arxiv}" if work.ids.arxiv else None,
        "URL": work.url,
        "note": "List of authors not complete." if work.authors and not work.complete else None,
    }
    return {name: value for name, value in item.items() if value}


def _author(text: str) -> dict[str, str]:
    name = split_name(text)
    if name.group or not name.given:
        return {"literal": text}
    parts = {
        "family": name.family,
        "given": name.given,
        "non-dropping-particle": name.particle,
        "suffix": name.suffix,
    }
    return {key: value for key, value in parts.items() if value}
