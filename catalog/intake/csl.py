"""CSL-JSON, as Zotero, Crossref's content negotiation and citation managers write it."""

from __future__ import annotations

import json
import re
from typing import Any

from catalog import identifiers as forms
from catalog.errors import Finding
from catalog.intake.draft import Draft
from catalog.intake.latex import others
from catalog.intake.versions import date_from, version_from
from catalog.records import TakenBack, Version
from catalog.text import clean, without_markup

# Series of proceedings that Crossref names before the book itself.
_SERIES = re.compile(r"(?i)lecture notes in|communications in computer and|ifip advances|ifmbe")


def plain(text: object) -> str:
    """A title or name without typographic markup, entities resolved, clean; empty for no text."""
    return clean(without_markup(text)) if isinstance(text, str) else ""


def read_csl(text: str, place: str) -> tuple[list[Draft], list[Finding]]:
    """Drafts of all items (a list, one object, or `{"items": [...]}`), and what is wrong."""
    try:
        document = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", None)
        message = f"is no JSON: {getattr(error, 'msg', error)}."
        return [], [Finding(place, line, "", "B001", message, "Paste the whole export.")]
    except RecursionError:
        return [], [Finding(place, None, "", "B001", "is nested too deeply.", "Expected a list.")]
    if isinstance(document, dict):
        document = document.get("items", [document])
    drafts: list[Draft] = []
    findings: list[Finding] = []
    if not isinstance(document, list) or not document:
        hint = 'Expected a list of items like {"type": "article-journal", "title": "..."}.'
        return [], [Finding(place, None, "", "B002", "holds no CSL-JSON item.", hint)]
    for number, item in enumerate(document):
        draft, problems = draft_from_csl(item, place, f"[{number}]")
        findings += problems
        if draft:
            drafts.append(draft)
    return drafts, findings


def draft_from_csl(item: Any, place: str, path: str) -> tuple[Draft | None, list[Finding]]:
    """One item as a draft, and what is wrong with it. Crossref's own JSON is understood too."""

    def finding(field: str, code: str, message: str, hint: str) -> Finding:
        return Finding(place, None, f"{path}.{field}".strip("."), code, message, hint)

    if not isinstance(item, dict):
        got = type(item).__name__
        return None, [
            finding("", "B001", f"expected an object, got {got}.", "See citationstyles.org.")
        ]
    title = plain(_one(item.get("title")))
    if not title:
        return None, [finding("title", "B003", "is missing.", 'Add "title": "...".')]
    names = item.get("author")
    everybody = [name for name in map(_name, names if isinstance(names, list) else []) if name]
    authors = [name for name in everybody if not others(name)]
    number = str(_one(item.get("number")) or "")
    version, problems = version_from(
        str(item.get("type", "")),
        venue=plain(_container(item.get("container-title")))
        or plain(item.get("publisher") if item.get("type") in ("thesis", "report") else ""),
        date=_date(item),
        url=_text(item.get("URL")),
        arxiv=number if re.match(r"(?i)arxiv", number) else None,
        doi=_text(item.get("DOI")),
        pmid=_text(item.get("PMID")),
        pmcid=_text(item.get("PMCID")),
    )
    words = {str(item.get(name) or "").casefold() for name in ("genre", "subtype", "publisher")}
    if words & {"preprint", "arxiv"}:
        version.kind = "preprint"
    version.taken_back = _taken_back(item, version)
    findings = [
        finding("", "B004", problem + ".", "Correct it in the item, or remove the field.")
        for problem in problems
    ]
    draft = Draft(
        place=place,
        line=None,
        title=title,
        authors=authors,
        complete=len(authors) == len(everybody) and "not complete" not in str(item.get("note", "")),
        version=version,
        abstract=plain(item.get("abstract")),
        keywords=[plain(word) for word in str(item.get("keyword", "")).split(",")],
        sources=["CSL-JSON item"],
        key=_text(item.get("id")) or "",
    )
    note = plain(item.get("note"))
    told = {"note": "" if "not complete" in note else note, "URL": str(item.get("URL") or "")}
    draft.take_links(**told)
    return draft, findings


def _container(titles: Any) -> Any:
    """The book where Crossref names its series first."""
    if not isinstance(titles, list):
        return titles
    return next((title for title in titles if not _SERIES.match(str(title))), _one(titles))


def _taken_back(item: dict[str, Any], version: Version) -> TakenBack | None:
    """What Crossref says of a retraction: of this work, or that this is the notice of one."""
    for field in ("updated-by", "update-to"):
        updates = item.get(field)
        for update in updates if isinstance(updates, list) else []:
            if not isinstance(update, dict):
                continue
            kind = str(update.get("type") or "").casefold()
            if kind not in ("retraction", "withdrawal", "removal", "partial_retraction"):
                continue
            notice = forms.doi(str(update.get("DOI") or "")) or version.ids.doi
            return TakenBack(
                kind="withdrawn" if kind == "withdrawal" else "retracted",
                source=f"https://doi.org/{notice}" if notice else "Crossref",
                date=_date({"issued": update.get("updated")}),
            )
    return None


def _name(name: Any) -> str:
    if not isinstance(name, dict):
        return ""
    whole = plain(name.get("literal") or name.get("name"))
    particle = plain(name.get("non-dropping-particle") or name.get("dropping-particle"))
    parts = (
        plain(name.get("given")),
        particle,
        plain(name.get("family")),
        plain(name.get("suffix")),
    )
    return whole or " ".join(part for part in parts if part)


def _date(item: dict[str, Any]) -> str | None:
    """The earliest date that the item states to the day, month or year."""
    for field in ("issued", "published", "published-online", "published-print", "posted"):
        date = item.get(field)
        if not isinstance(date, dict):
            continue
        parts = date.get("date-parts")
        if isinstance(parts, list) and parts and isinstance(parts[0], list) and parts[0]:
            first = [str(part) if part is not None else "" for part in parts[0][:3]]
            if found := date_from(*first):
                return found
        for form in ("raw", "literal"):
            if isinstance(date.get(form), str):
                pieces = re.split(r"[-/]", date[form])[:3]
                if found := date_from(*pieces) or date_from(date[form]):
                    return found
    return None


def _one(value: Any) -> Any:
    """Crossref wraps titles in lists; CSL does not."""
    return value[0] if isinstance(value, list) and value else value if value != [] else None


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None
