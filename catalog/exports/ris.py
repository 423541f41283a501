"""RIS, as reference managers import it: one tag a line, CRLF not needed by any of them."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.exports.citation import Citation, citation
from catalog.exports.names import split_name
from catalog.records import Paper

_TYPES = {
    "journal": "JOUR",
    "conference": "CPAPER",
    "workshop": "CPAPER",
    "thesis": "THES",
    "report": "RPRT",
    "preprint": "UNPB",
    "unknown": "GEN",
}


def to_ris(papers: Iterable[Paper]) -> str:
    """All papers as one RIS file."""
    return "\n".join(_entry(citation(paper)) for paper in papers)


def _entry(work: Citation) -> str:
    tags: list[tuple[str, str]] = [("TY", _TYPES[work.kind]), ("ID", work.key), ("TI", work.title)]
    tags += [("AU", _author(name)) for name in work.authors]
    if work.date:
        tags.append(("PY", str(work.date[0])))
        year, month, day = (*(f"{part:02d}" for part in work.date), "", "")[:3]
        tags.append(("DA", f"{year}/{month}/{day}/"))
    tags.append(("JO" if work.kind == "journal" else "T2", work.venue))
    tags.append(("DO", work.ids.doi or ""))
    tags.append(("AN", f"arXiv:{work.ids.arxiv}" if work.ids.arxiv else ""))
    tags.append(("UR", work.url))
    if work.authors and not work.complete:
        tags.append(("N1", "List of authors not complete."))
    lines = [f"{tag}  - {value}" for tag, value in tags if value]
    return "\n".join([*lines, "ER  - "]) + "\n"


def _author(text: str) -> str:
    name = split_name(text)
    if name.group:
        return text
    family = f"{name.particle} {name.family}".strip()
    return ", ".join(part for part in (family, name.given, name.suffix) if part)
