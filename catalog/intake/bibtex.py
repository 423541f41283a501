"""BibTeX, entry by entry, so that one broken entry does not hide the others."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any

from catalog.errors import Finding
from catalog.intake.draft import Draft
from catalog.intake.latex import read_latex, split_authors, to_text
from catalog.intake.versions import date_from, version_from
from catalog.text import clean

_START = re.compile(r"^[^\S\n]*@[^\S\n]*(\w+)\s*([{(])", re.MULTILINE)
# Fields that may name a repository; nothing else of them has a place in a record.
_LONGEST_RAW = 100_000  # a field as it stands; several thousand authors fit
_ASIDE = ("note", "annote", "howpublished", "code", "comment", "url")
_FIELD = re.compile(r"^\s*\w[\w-]*\s*=")


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: str
    text: str
    line: int
    closed: bool


def read_bibtex(text: str, place: str) -> tuple[list[Draft], list[Finding]]:
    """Drafts of all entries, and what is wrong, with the line of the entry or of the fault."""
    drafts: list[Draft] = []
    findings: list[Finding] = []
    chunks = _chunks(text)
    strings = "\n".join(c.text for c in chunks if c.kind == "string" and c.closed)
    for chunk in chunks:
        if chunk.kind in ("comment", "preamble", "string"):
            continue
        if not chunk.closed:
            findings.append(_unclosed(chunk, place))
            continue
        key, fields = _fields(chunk, strings)
        if fields is None:
            findings.append(_unreadable(chunk, key, place))
            continue
        draft, problems = _draft(chunk, key, fields, place)
        findings += problems
        if draft:
            drafts.append(draft)
    if not drafts and not findings:
        findings.append(
            Finding(place, None, "", "B002", "holds no BibTeX entry.", "Expected @article{...}.")
        )
    return drafts, findings


def _chunks(text: str) -> list[_Chunk]:
    """Every `@kind{...}` of the text with its line; `closed` False where its braces do not end."""
    starts = list(_START.finditer(text))
    chunks = []
    for number, start in enumerate(starts):
        limit = starts[number + 1].start() if number + 1 < len(starts) else len(text)
        end = _closing(text, start.end(), limit, ")" if start[2] == "(" else "}")
        line = text.count("\n", 0, start.start(1)) + 1
        body = text[start.start() : end if end is not None else limit]
        chunks.append(_Chunk(start[1].casefold(), body, line, end is not None))
    return chunks


def _closing(text: str, at: int, limit: int, closer: str) -> int | None:
    """Where the entry that opened before `at` ends, None where it does not before `limit`.

    Braces count even behind a backslash, as they do in BibTeX.
    """
    depth = 0
    while at < limit:
        character = text[at]
        if character == closer and depth == 0:
            return at + 1
        if character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth < 0:
                return None
        at += 1
    return None


def _fields(chunk: _Chunk, strings: str) -> tuple[str, dict[str, str] | None]:
    """The entry's key and fields (names in lower case); None where it cannot be read."""
    import bibtexparser
    from bibtexparser.bparser import BibTexParser

    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)
    head = re.match(r"\s*@\s*\w+\s*[{(]\s*([^,={}\s]*)\s*,", chunk.text)
    if not head:
        return "", None
    # keys may hold what the parser refuses; ours is only a name for messages
    body = f"@{chunk.kind}{{entry," + chunk.text[head.end() : -1] + "}"
    parser = BibTexParser(
        common_strings=True, ignore_nonstandard_types=False, interpolate_strings=True
    )
    try:
        entries: list[dict[str, Any]] = bibtexparser.loads(f"{strings}\n{body}", parser).entries
    except Exception:  # the parser's own faults on odd input are faults of the input to the user
        return head[1], None
    if len(entries) != 1:
        return head[1], None
    fields = {name.casefold(): str(value) for name, value in entries[0].items()}
    return head[1], fields


def _draft(
    chunk: _Chunk, key: str, fields: dict[str, str], place: str
) -> tuple[Draft | None, list[Finding]]:
    def finding(path: str, code: str, message: str, hint: str) -> Finding:
        return Finding(place, chunk.line, f"{key}.{path}".strip("."), code, message, hint)

    # decoding LaTeX takes time that grows with the square of its length
    swollen = [(name, text) for name, text in fields.items() if len(text) > _LONGEST_RAW]
    if swollen:
        hint = "Shorten it, or look whether a brace or a line end is missing."
        return None, [
            finding(
                name, "B006", f"has {len(text):,} characters, more than {_LONGEST_RAW:,}.", hint
            )
            for name, text in swollen
        ]
    lost: dict[str, str] = {}

    def text_of(name: str) -> str:
        text, unknown = read_latex(fields.get(name, ""))
        if unknown:
            lost[f"LaTeX of {name}"] = ", ".join(dict.fromkeys(unknown))
        return text

    title = clean(text_of("title"))
    if not title:
        return None, [finding("title", "B003", "is missing.", "Add title = {...}.")]
    text_of("author")
    try:
        authors, complete = split_authors(fields.get("author", ""))
    except ValueError as error:
        hint = "Separate the names by ` and `: Smith, Jane and Li, Bo."
        return None, [finding("author", "B008", f"is read as one name, {str(error)!r}.", hint)]
    if "date" in fields:
        date = date_from(*(fields["date"].split("/")[0] + "--").split("-")[:3])
    else:
        date = date_from(fields.get("year", ""), fields.get("month", ""), fields.get("day", ""))
    prefix = fields.get("archiveprefix", fields.get("eprinttype", ""))
    eprint = fields.get("eprint", fields.get("arxiv", fields.get("arxivid")))
    if prefix and prefix.casefold() != "arxiv":
        eprint = None
    venue = next(
        (
            text_of(name)
            for name in ("journal", "journaltitle", "booktitle", "school", "institution")
            if fields.get(name)
        ),
        text_of("howpublished"),
    )
    version, problems = version_from(
        chunk.kind,
        venue="" if venue.startswith(("http", "\\url")) else venue,
        date=date,
        url=_address(fields.get("url", "")),
        arxiv=eprint,
        doi=_identifier(fields.get("doi", "")),
        pmid=fields.get("pmid"),
        pmcid=fields.get("pmcid"),
    )
    findings = [
        finding("", "B004", problem + ".", "Correct it in the entry, or remove the field.")
        for problem in problems
    ]
    draft = Draft(
        place=place,
        sources=[f"BibTeX entry {clean(key)[:80]}".strip()],
        line=chunk.line,
        title=title,
        authors=authors,
        complete=complete,
        version=version,
        abstract=to_text(fields.get("abstract", "")),
        keywords=[to_text(word) for word in re.split(r"[,;]", fields.get("keywords", ""))],
        key=clean(key),
    )
    told = {name: to_text(fields[name]) for name in _ASIDE if fields.get(name)}
    if "howpublished" in told and told["howpublished"] == version.venue:
        del told["howpublished"]
    draft.take_links(**told)
    draft.left_out |= lost
    return draft, findings


def _identifier(field: str) -> str:
    """A DOI as it is: escapes of LaTeX gone, a tilde kept."""
    return to_text(field.replace("~", r"\textasciitilde{}")) if "\\" in field else field


def _address(field: str) -> str | None:
    found = re.search(r"https?://[^\s{}]+", field.replace("\\_", "_").replace("\\%", "%"))
    return found[0] if found else (field or None)


def _unclosed(chunk: _Chunk, place: str) -> Finding:
    opened: list[int] = []
    for offset, line in enumerate(chunk.text.split("\n")):
        for character in line:
            if character == "{":
                opened.append(chunk.line + offset)
            elif character == "}" and opened:
                opened.pop()
    where = f" (the one opened in line {opened[-1]} is not closed)" if opened else ""
    message = f"the braces of this @{chunk.kind} do not balance{where}."
    hint = "Close it, or remove the one too many."
    return Finding(place, chunk.line, "", "B001", message, hint)


def _unreadable(chunk: _Chunk, key: str, place: str) -> Finding:
    lines = chunk.text.split("\n")
    for offset in range(1, len(lines)):
        before = lines[offset - 1].rstrip()
        if _FIELD.match(lines[offset]) and before and not before.endswith(","):
            return Finding(
                place,
                chunk.line + offset - 1,
                key,
                "B001",
                "a comma is missing at the end of this line.",
                "Fields are separated by commas.",
            )
    hint = "Expected @article{key, title = {...}, author = {...}, year = {...}}."
    return Finding(place, chunk.line, key, "B001", f"this @{chunk.kind} cannot be read.", hint)
