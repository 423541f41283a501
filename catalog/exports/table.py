"""CSV: one row a work, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from catalog.exports.citation import cited_version, landing_url, year_of
from catalog.records import TAG_FIELDS, Paper, Tag
from catalog.text import clean

_LINKS = ("code", "weights", "data", "demo")
COLUMNS = (
    "id",
    "title",
    "short_name",
    "authors",
    "authors_complete",
    "year",
    "kind",
    "venue",
    "arxiv",
    "doi",
    "pmid",
    "url",
    *TAG_FIELDS,
    *_LINKS,
    "section",
    "inclusion",
    "title_aliases",
)


def to_csv(papers: Iterable[Paper]) -> str:
    """All papers as CSV with a header (UTF-8, lines end in LF, several values joined by `; `).

    An empty cell means that nobody has checked, `none` that there is none, `n/a` that the question
    does not apply.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([harmless(cell) for cell in _row(paper)] for paper in papers)
    return out.getvalue()


def _row(paper: Paper) -> list[str]:
    version = cited_version(paper)
    ids = {
        name: next((value for v in paper.versions if (value := getattr(v.ids, name))), "")
        for name in ("arxiv", "doi", "pmid")
    }
    if version and version.ids.doi:
        ids["doi"] = version.ids.doi
    return [
        paper.id,
        paper.title,
        paper.short_name or "",
        "; ".join(paper.authors),
        "yes" if paper.authors_complete else "no",
        str(year_of(paper) or ""),
        version.kind if version else "",
        (version.venue or "") if version else "",
        *ids.values(),
        landing_url(version) if version else "",
        *(_tag(getattr(paper, name)) for name in TAG_FIELDS),
        *(_values(getattr(paper.links, name)) for name in _LINKS),
        paper.section,
        paper.inclusion.decision,
        "; ".join(paper.title_aliases),
    ]


def _tag(tag: Tag | None) -> str:
    if tag is None:
        return ""
    return tag.values if isinstance(tag.values, str) else _values(tag.values)


def _values(values: list[str] | None) -> str:
    if values is None:
        return ""
    return "; ".join(values) if values else "none"


def harmless(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula."""
    cell = clean(cell)
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell
