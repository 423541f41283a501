"""PubMed's own export (.nbib): MEDLINE tags, one record from PMID to the next."""

from __future__ import annotations

import re

from catalog.errors import Finding
from catalog.intake.draft import Draft
from catalog.intake.latex import byline
from catalog.intake.versions import date_in, version_from
from catalog.records import TakenBack
from catalog.text import clean

_LINE = re.compile(r"([A-Z]{2,4}) *- ?(.*)$")
_FORM = "Expected lines like `PMID- 38253604` and `TI  - Segment anything ...`."


def read_nbib(text: str, place: str) -> tuple[list[Draft], list[Finding]]:
    """Drafts of all records, and what is wrong, with its line."""
    drafts: list[Draft] = []
    findings: list[Finding] = []
    for line, fields in _records(text):
        title = clean(" ".join(fields.get("TI", fields.get("BTI", []))))
        if not title:
            findings.append(Finding(place, line, "TI", "B003", "is missing.", "Add `TI  - ...`."))
            continue
        draft, problems = _draft(title, fields, place, line)
        findings += problems
        drafts.append(draft)
    if not drafts and not findings:
        findings.append(Finding(place, None, "", "B002", "holds no PubMed record.", _FORM))
    return drafts, findings


def _records(text: str) -> list[tuple[int, dict[str, list[str]]]]:
    """(line, tag -> values) of every record; a line that begins with blanks goes on."""
    found: list[tuple[int, dict[str, list[str]]]] = []
    values: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if match := _LINE.match(line):
            if match[1] == "PMID" or not found:
                found.append((number, {}))
            values = found[-1][1].setdefault(match[1], [])
            values.append(match[2].strip())
        elif line[:1].isspace() and line.strip() and values:
            values[-1] += f" {line.strip()}"
    return found


def _draft(
    title: str, fields: dict[str, list[str]], place: str, line: int
) -> tuple[Draft, list[Finding]]:
    def first(*names: str) -> str:
        return next((fields[name][0] for name in names if fields.get(name)), "")

    places = [*fields.get("LID", []), *fields.get("AID", [])]
    doi = next((p.removesuffix("[doi]").strip() for p in places if p.endswith("[doi]")), None)
    types = {kind.casefold() for kind in fields.get("PT", [])}
    kind = "preprint" if "preprint" in types else "article" if first("JT", "TA") else "chapter"
    version, problems = version_from(
        kind,
        venue=first("JT", "TA", "BTI"),
        date=date_in(first("DP", "DEP")),
        doi=doi,
        pmid=first("PMID") or None,
        pmcid=first("PMC") or None,
    )
    if "retracted publication" in types or fields.get("RIN"):
        notice = clean(first("RIN")) or f"https://pubmed.ncbi.nlm.nih.gov/{first('PMID')}/"
        version.taken_back = TakenBack(kind="retracted", source=notice)
    names = fields.get("FAU") or fields.get("AU", [])
    draft = Draft(
        place=place,
        line=line,
        title=title.removesuffix("."),
        authors=[name for name in (byline(n) for n in [*names, *fields.get("CN", [])]) if name],
        complete=True,
        version=version,
        abstract=clean(first("AB")),
        keywords=[clean(word) for word in (*fields.get("OT", []), *fields.get("MH", []))],
        sources=["PubMed record"],
        key=first("PMID"),
    )
    hint = "Correct it, or remove the line."
    return draft, [Finding(place, line, "", "B004", f"{text}.", hint) for text in problems]
