"""Reading `rows.md`: every table row as data, every irregularity as a finding with its line.

A row is `|YYYYMM|Authors|Title [(paper)](address)|Code or Dataset|`. Nothing is guessed silently:
what is mended on reading (a missing scheme, a tracking parameter, glued words) is reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from catalog import addresses as web
from catalog import identifiers
from catalog.errors import Finding, InputError
from catalog.identifiers import Identifier

ROWS = "rows.md"
Section = Literal["sam2", "sam", "datasets"]
Note = Callable[..., None]  # (code, message, hint, path): one finding about the row at hand
_SECTIONS: tuple[tuple[str, Section], ...] = (
    ('id="sam24mis"', "sam2"),
    ('id="sam4mis"', "sam"),
    ('id="dataset"', "datasets"),
)
_ROW = re.compile(r"^\|\s*(\d[^|]*)\|")
_LINK = re.compile(r"\[([^\]]*)\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)")


@dataclass(slots=True)
class Row:
    """One row of the list. `line` is its line in the file, counted from 1.

    `codes` are the cleaned addresses of the last column; [] where the list says `None`, which in
    this list means anything from "no code" to "nobody looked".
    """

    line: int
    section: Section
    date: str  # YYYY-MM as printed in the list
    authors: list[str]
    et_al: bool
    title: str
    url: str
    ids: list[Identifier]
    codes: list[str] = field(default_factory=list)

    def id_of(self, kind: str) -> str | None:
        """The row's identifier of one kind, or None."""
        return next((i.value for i in self.ids if i.kind == kind), None)


def read_rows(folder: Path) -> tuple[list[Row], list[Finding]]:
    """All rows of `folder/rows.md` in file order, and what is irregular about each.

    Raises `InputError` where the folder or the file is not there or is no UTF-8 text.
    """
    path = folder / ROWS
    if not path.is_file():
        raise InputError(f"{path}: not found; expected the list as {ROWS} in {folder}.")
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start}).") from error
    rows: list[Row] = []
    findings: list[Finding] = []
    section: Section | None = None
    for number, line in enumerate(text.splitlines(), 1):
        for mark, name in _SECTIONS:
            if line.startswith("##") and mark in line:
                section = name
        if not _ROW.match(line):
            if line.startswith("|") and not re.match(r"^\|(Date\||[-|: ]+$)", line):
                findings.append(
                    _finding(number, "L001", "a table row that does not begin with a date")
                )
            continue
        if section is None:
            findings.append(_finding(number, "L001", "a table row outside the three sections"))
            continue
        row, own = _read_row(number, line, section)
        findings += own
        if row:
            rows.append(row)
    return rows, findings


def _finding(line: int, code: str, message: str, hint: str = "", path: str = "") -> Finding:
    return Finding(ROWS, line, path, code, message, hint, "warning")


def _read_row(number: int, line: str, section: Section) -> tuple[Row | None, list[Finding]]:
    found: list[Finding] = []

    def note(code: str, message: str, hint: str = "", path: str = "") -> None:
        found.append(_finding(number, code, message, hint, path))

    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    if re.search(r"^\|[^|]*\|[^|]*\|\s", line):
        note("L030", "title begins with a blank", path="title")
    if len(cells) != 4:
        note(
            "L001", f"broken table row: {len(cells)} cells, expected 4", "Empty cells are skipped."
        )
        cells = [*cells[:3], *(cell for cell in cells[3:] if cell)]
    if len(cells) < 4:
        note("L001", "broken table row: it cannot be read", "Write |date|authors|title|code|.")
        return None, found
    date_text, author_text, title_text = cells[:3]
    if not re.fullmatch(r"20\d\d(0[1-9]|1[0-2])", date_text):
        note("L001", f"date {date_text!r}: expected YYYYMM", path="date")
        return None, found
    date = f"{date_text[:4]}-{date_text[4:]}"
    links = _LINK.findall(title_text)
    if not links:
        note("L001", "no paper link in the title cell", path="url")
        return None, found
    raw_url = links[-1][1]
    url = _mend_url(raw_url, note, "url")
    ids = identifiers.identify(url)
    row = Row(
        line=number,
        section=section,
        date=date,
        authors=_authors(author_text, note),
        et_al="et al" in author_text.lower(),
        title=_title(
            title_text[: title_text.index("[(")] if "[(" in title_text else title_text, note
        ),
        url=url,
        ids=ids,
        codes=[],
    )
    _check_paper_link(row, raw_url, note)
    for cell in cells[3:]:
        row.codes += _codes(cell, note)
    return row, found


def _authors(text: str, note: Note) -> list[str]:
    et_al = bool(re.search(r"\bet al\.?", text))
    names = re.sub(r",?\s*\bet al\.?", "", text).strip()
    people = [name.strip() for name in re.split(r",|\band\b", names) if name.strip()]
    if et_al:
        note("L020", f"authors shortened to {text!r}", path="authors")
        if len(people) > 1:
            note("L021", f"{text!r} names several authors and says et al.", path="authors")
    return people


def _title(text: str, note: Note) -> str:
    title = text.strip()
    if re.search(r"\^[^\s^]+\^", title):
        plain = re.sub(r"\^([^\s^]+)\^", r"^\1", title)
        note("L031", f"superscript markup in the title: {title!r}", path="title")
        title = plain
    if re.search(r"\S:\S", title) and not re.search(r"https?:", title):
        note("L032", "no blank after a colon in the title", path="title")
        title = re.sub(r"(?<=\w):(?=\w)", ": ", title)
    if re.search(r"\s:", title):
        note("L033", "blank before a colon in the title", path="title")
        title = re.sub(r"\s+:", ":", title)
    if match := re.search(r"\b((?:SAM|SAM2|MedSAM))(with|for|in|of|and|to)\b", title):
        note("L034", f"glued words: {match[0]!r}", path="title")
        title = title.replace(match[0], f"{match[1]} {match[2]}")
    if "  " in title:
        note("L035", "two blanks in a row in the title", path="title")
        title = re.sub(r" {2,}", " ", title)
    return title


def _mend_url(raw: str, note: Note, path: str) -> str:
    """The address cleaned by `web.clean_url`, each mending reported."""
    if not re.match(r"^https?://", raw):
        note("L010", f"address without a scheme: {raw}", "https:// is put before it.", path)
    elif raw.startswith("http://"):
        note("L011", f"plain http: {raw}", "", path)
    url = web.clean_url(raw)
    if tokens := web.token_parameters(raw):
        note(
            "L013",
            f"a personal access token in an address ({', '.join(tokens)})",
            "It is dropped and not repeated here.",
            path,
        )
    elif re.sub(r"^http:", "https:", url) != re.sub(
        r"^http:", "https:", "https://" + raw if "://" not in raw else raw
    ):
        dropped = raw[len(url.rstrip("?#")) :] if raw.startswith(url.rstrip("?#")) else raw
        note("L012", f"parameters or punctuation that name nothing: {dropped!r}", "Dropped.", path)
    return url


def _check_paper_link(row: Row, raw: str, note: Note) -> None:
    path = raw.split("?")[0].lower()
    if path.endswith((".pdf", "/_pdf")) or "/pdf/" in path or "stamp.jsp" in path:
        if row.id_of("arxiv"):
            note("L014", "the PDF on arXiv instead of the abstract page", path="url")
        else:
            note("L015", f"a PDF or viewer instead of a landing page: {row.url[:90]}", path="url")
    if value := row.id_of("arxiv"):
        month = identifiers.arxiv_month(value)
        if month and month != row.date:
            note("L022", f"date {row.date}, but arXiv {value} was given in {month}", path="date")
    if not row.ids:
        note("L016", f"no identifier can be read off the address: {row.url[:90]}", path="url")


def _codes(cell: str, note: Note) -> list[str]:
    if cell == "None":
        return []
    links = _LINK.findall(cell)
    if not links:
        note("L001", f"code cell {cell!r}: expected a link or None", path="code")
    urls = []
    for _, raw in links:
        url = _mend_url(raw, note, "code")
        repository = identifiers.github(url)
        if repository:
            if raw.rstrip("/").endswith(".git"):
                note("L017", f"repository address ends in .git: {raw}", path="code")
            elif raw.endswith("/"):
                note("L017", f"repository address ends in a slash: {raw}", path="code")
            url = f"https://github.com/{repository}"
        else:
            url = url.rstrip("/")
            note("L018", f"code link is no repository: {url}", path="code")
        urls.append(url)
    return urls
