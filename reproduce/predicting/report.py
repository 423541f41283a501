"""What is written beside the masks: a table for a spreadsheet, a page to look at, a record."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from catalog.exports.table import harmless
from catalog.files import write_whole
from reproduce.predicting import NOTICE
from reproduce.predicting.job import CaseRecord
from reproduce.predictions.page import document

TABLE, PAGE, RECORD = "table.csv", "index.html", "predict.json"
COLUMNS = (
    *("case", "class", "object", "pixels", "area_mm2", "volume_mm3", "predicted_quality"),
    *("first_plane", "last_plane", "largest_plane", "seconds", "masks", "status", "remark"),
    "notice",
)


def write_all(out: Path, about: Mapping[str, Any], records: Sequence[CaseRecord]) -> None:
    """`table.csv`, `index.html` and `predict.json` in the output folder."""
    write_whole(out / TABLE, table(records).encode())
    write_whole(out / PAGE, page(about, records).encode())
    document = {**about, "cases": [msgspec.to_builtins(record) for record in records]}
    content = msgspec.json.format(msgspec.json.encode(document), indent=1)
    write_whole(out / RECORD, content + b"\n")


def rows(records: Sequence[CaseRecord]) -> list[list[object]]:
    """One row an object, one for a case without any; the columns of `COLUMNS`."""
    found: list[list[object]] = []
    for record in records:
        remark = "; ".join([*record.problems, *record.notes])
        rest = [record.seconds, record.masks, record.status, remark, NOTICE]
        for item in record.objects:
            sizes = [item.pixels, item.area_mm2, item.volume_mm3, item.quality]
            planes: Sequence[int | None] = item.planes or [None] * 3
            found.append([record.case, item.label, item.object, *sizes, *planes, *rest])
        if not record.objects:
            found.append([record.case, *[None] * 9, *rest])
    return found


def table(records: Sequence[CaseRecord]) -> str:
    """The rows as CSV; what is not known is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows(records):
        writer.writerow(
            ["" if c is None else harmless(c) if isinstance(c, str) else c for c in row]
        )
    return out.getvalue()


def page(about: Mapping[str, Any], records: Sequence[CaseRecord]) -> str:
    """Every case with its overlay, for eyes; no script, nothing from elsewhere."""
    said = about["said"]
    bad = [record for record in records if record.status != "done"]
    parts = [
        f"<h1>{escape(said['model'])} on {len(records)} images</h1>",
        f'<p class="notice">{NOTICE} Nothing here was checked by a person.</p>',
        "<dl>",
        *(
            f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>"
            for name, value in (
                ("weights", "; ".join(f"{k}: {v}" for k, v in about["weights"].items())),
                ("prompts", about["prompts"]),
                (
                    "trained for",
                    "; ".join(
                        f"{k}: {', '.join(v) or 'not recorded'}" for k, v in said["trained"].items()
                    ),
                ),
                ("made", f"{about['created']}, on {about['device']}"),
            )
        ),
        "</dl>",
    ]
    if said["warnings"]:
        items = "".join(f"<li>{escape(text)}</li>" for text in said["warnings"])
        parts.append(f"<h2>What may not fit</h2><ul>{items}</ul>")
    if bad:
        items = "".join(
            f"<li>{escape(r.case)} ({r.status}): {escape('; '.join(r.problems))}</li>" for r in bad
        )
        parts.append(f'<h2 class="bad">Not or not wholly done</h2><ul>{items}</ul>')
    parts += ["<h2>What was found</h2>", _html_table(records), "<h2>Cases</h2>"]
    for record in records:
        if record.overlay is not None:
            parts.append(
                f'<figure id="{escape(quote(record.case))}"><img loading="lazy" '
                f'src="{escape(quote(record.overlay))}" alt="{escape(_alt(record))}">'
                f"<figcaption>{escape(record.case)}. {NOTICE}</figcaption></figure>"
            )
    return document(f"{said['model']}: predictions", parts)


def _alt(record: CaseRecord) -> str:
    told = ", ".join(f"{item.label} {item.pixels} pixels" for item in record.objects[:5])
    return f"{record.case} with outlines: {told or 'nothing found'}"


def _html_table(records: Sequence[CaseRecord]) -> str:
    names = ("case", "class", "object", "pixels", "mm²", "mm³", "predicted quality")
    head = "".join(
        f'<th scope="col"{"" if n < 2 else " class=number"}>{name}</th>'
        for n, name in enumerate(names)
    )
    lines = []
    for row in rows(records):
        cells = "".join(
            f"<td{'' if n < 2 else ' class=number'}>{'–' if c is None else escape(_short(c))}</td>"
            for n, c in enumerate(row[:7])
        )
        lines.append(f"<tr>{cells}</tr>")
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="What was found">'
        f"<table><caption>One row an object. {NOTICE}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _short(value: object) -> str:
    return (
        f"{value:.4g}"
        if isinstance(value, float) and abs(value) < 1000
        else (f"{value:.0f}" if isinstance(value, float) else str(value))
    )
