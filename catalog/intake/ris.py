"""RIS, record by record."""

from __future__ import annotations

import re
from typing import Any

from catalog import identifiers as forms
from catalog.errors import Finding
from catalog.intake.draft import Draft
from catalog.intake.latex import byline, others
from catalog.intake.versions import date_from, date_in, version_from
from catalog.text import clean

_TAG = re.compile(r"([A-Z][A-Z0-9])  ?-(?: (.*))?$")
_FORM = "Expected lines of two capitals, two spaces, a hyphen, a space and the value."


def read_ris(text: str, place: str) -> tuple[list[Draft], list[Finding]]:
    """Drafts of all records (from TY to ER), and what is wrong, with its line."""
    drafts: list[Draft] = []
    findings: list[Finding] = []
    record: list[str] | None = None
    start = 0
    for number, raw in enumerate([*text.splitlines(), "EOF"], 1):
        found = _TAG.match(raw.rstrip())
        tag = found[1] if found else ""
        if record is not None and (tag == "TY" or raw == "EOF"):
            findings.append(
                Finding(place, start, "", "B001", "ER is missing.", "End with `ER  - `.")
            )
            record = None
        if tag == "TY":
            record, start = [], number
        if record is None:
            if found:
                message = f"{tag} stands outside a record."
                findings.append(Finding(place, number, "", "B001", message, "Begin with TY."))
            continue
        # the parser wants two spaces and a value place; people paste what editors have trimmed
        record.append(f"{tag}  - {found[2] or ''}" if found else raw)
        if tag == "ER":
            draft, problems = _record("\n".join(record), place, start)
            findings += problems
            if draft:
                drafts.append(draft)
            record = None
    if not drafts and not findings:
        findings.append(Finding(place, None, "", "B002", "holds no RIS record.", _FORM))
    return drafts, findings


def _record(text: str, place: str, line: int) -> tuple[Draft | None, list[Finding]]:
    import rispy

    try:
        (fields,) = rispy.loads(text)
    except Exception as error:  # the parser's own faults on odd input are faults of the input
        return None, [Finding(place, line, "", "B001", f"cannot be read ({error}).", _FORM)]
    title = clean(_first(fields, "title", "primary_title"))
    if not title:
        return None, [Finding(place, line, "TI", "B003", "is missing.", "Add `TI  - ...`.")]
    printed = [
        name.strip()
        for key in ("first_authors", "authors")
        for line_ in fields.get(key, [])
        for name in line_.split(";")
    ]
    authors = [name for name in map(byline_of, printed) if name and not others(name)]
    # tags of publishers that the parser has no name for: the book, as Springer writes it
    more = fields.get("unknown_tag", {})
    book = " ".join(more.get("BT", []))
    id = _first(fields, "id")
    accession = _first(fields, "accession_number", "number")
    version, problems = version_from(
        str(fields.get("type_of_reference", "")),
        venue=_first(
            fields,
            *("journal_name", "secondary_title", "alternate_title3", "alternate_title2"),
            "tertiary_title",
        )
        or book
        or _first(fields, "publisher"),
        date=_date(fields),
        url=next((u for u in fields.get("urls", []) if u.startswith("http")), None),
        arxiv=accession if re.match(r"(?i)arxiv", accession) else None,
        doi=_first(fields, "doi") or (id if forms.doi(id) else None),
    )
    findings = [
        Finding(place, line, "", "B004", problem + ".", "Correct it, or remove the line.")
        for problem in problems
    ]
    # Our own export says so where a list is cut; other programs always write all authors.
    notes = " ".join(map(str, fields.get("notes", [])))
    draft = Draft(
        place=place,
        line=line,
        title=title,
        authors=authors,
        complete="not complete" not in notes and not any(map(others, printed)),
        version=version,
        abstract=clean(_first(fields, "abstract", "notes_abstract")),
        keywords=[clean(str(word)) for word in fields.get("keywords", [])],
        sources=["RIS record"],
        key="" if forms.doi(id) else id,
    )
    told = {"UR": " ".join(fields.get("urls", [])), "N1": notes}
    draft.take_links(**{name: t for name, t in told.items() if "not complete" not in t})
    return draft, findings


def _date(fields: dict[str, Any]) -> str | None:
    """The most precise date of those that programs write: `2024/05/27/`, `27-30 May 2024`, 2024."""
    found = []
    for name in ("date", "publication_year", "year"):
        text = _first(fields, name)
        parts = [*re.split(r"[/-]", text), "", ""]
        found += [date_from(parts[0], parts[1], parts[2]), date_in(text)]
    return max((date for date in found if date), key=len, default=None)


def byline_of(name: str) -> str:
    """`Family, Given` as `Given Family`; RIS is no LaTeX, so braces and backslashes are text."""
    if any(character in name for character in "{}\\$~"):
        return clean(name)
    # RIS puts the suffix last (Family, Given, Jr), BibTeX second
    parts = [part.strip() for part in name.split(",")]
    if len(parts) == 3:
        return clean(f"{parts[1]} {parts[0]} {parts[2]}")
    return byline(name)


def _first(fields: dict[str, Any], *names: str) -> str:
    return next((str(value) for name in names if (value := fields.get(name))), "")
