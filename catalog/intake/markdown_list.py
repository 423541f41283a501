"""Another awesome list's Markdown as drafts: tables and bullets that link papers.

Lists write their entries in many ways; what is read is what nearly all have in common. A table
has a column for the title (linked itself, or with a link behind it) and perhaps others for date,
authors, venue and code. A bullet has a title (in quotation marks, or bold, or the text of the link
to the paper) and links whose words say what they lead to. What has no link to a paper is no entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from catalog import identifiers
from catalog.decided import decisions
from catalog.errors import Finding, FindingsError
from catalog.intake.draft import Draft
from catalog.intake.versions import version_from
from catalog.intake.works_list import Place, origin_of
from catalog.records import Ids, Inclusion, SecondHand, Version
from catalog.text import clean
from catalog.venues import VersionKind, kind_of, year_of

if TYPE_CHECKING:
    from markdown_it.token import Token

_COLUMNS = {
    "title": ("title", "paper", "work"),
    "authors": ("author",),
    "date": ("date", "release", "year", "month", "time"),
    "venue": ("venue", "publication", "pub", "journal", "conference", "where"),
    "code": ("code", "github", "project", "repo"),
}
_PAPER = re.compile(r"(?i)paper|pdf|arxiv|html|doi|abs|link|openreview|publication")
_CODE = re.compile(r"(?i)code|github|project|repo|official")
_QUOTED = re.compile(r"[\"“](.{8,}?)[.,]?[\"”]")
_DATE = re.compile(r"\b(20[12]\d)[./-]?(0[1-9]|1[0-2])?\b")
_UNSEEN = "from a list, only its entry was read"


@dataclass(slots=True)
class _Text:
    """A cell or bullet: its plain text (links by their words), its links, its bold parts."""

    plain: str = ""
    links: list[tuple[str, str]] = field(default_factory=list)  # (words, address)
    bold: list[str] = field(default_factory=list)


def read_markdown_list(text: str, place: str, sections: Sequence[str]) -> list[Draft]:
    """Drafts of the entries below headings that hold one of `sections` ([]: everywhere).

    place: `owner/name@<commit>:<path>`. Raises `UsageError` where it is none, `FindingsError` where
    nothing in the file is an entry.
    """
    repository, commit, file = origin_of(place)
    drafts = []
    for line, headings, row in _rows(text):
        if sections and not any(
            wanted.casefold() in heading.casefold() for wanted in sections for heading in headings
        ):
            continue
        where = Place(repository=repository, commit=commit, file=file, line=line)
        if draft := _draft(row, where):
            drafts.append(draft)
    if not drafts:
        below = f" below headings with {', '.join(sections)}" if sections else ""
        hint = "Expected tables or bullets with links to papers."
        raise FindingsError([Finding(place, None, "", "B002", f"holds no entry{below}.", hint)])
    return drafts


def _rows(text: str) -> Iterator[tuple[int, list[str], dict[str, _Text]]]:
    """Line (from 1), headings above it, and cells by column; a bullet is one cell, `entry`."""
    from markdown_it import MarkdownIt

    headings: list[tuple[int, str]] = []
    columns: list[str | None] = []
    cells: list[_Text] = []
    in_head, line = False, 0
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            level = int(token.tag[1])
            words = _text(tokens[number + 1]).plain
            headings = [h for h in headings if h[0] < level] + [(level, words)]
        elif token.type in ("thead_open", "thead_close"):
            in_head = token.type == "thead_open"
            columns = [] if in_head else [_column(cell.plain) for cell in cells]
        elif token.type == "tr_open":
            cells, line = [], (token.map or [0])[0] + 1
        elif token.type == "tr_close" and not in_head:
            named = {name: cell for name, cell in zip(columns, cells, strict=False) if name}
            yield line, [h for _, h in headings], named
        elif token.type == "inline" and tokens[number - 1].type in ("th_open", "td_open"):
            cells.append(_text(token))
        elif token.type == "inline" and _in_bullet(tokens, number):
            yield (token.map or [0])[0] + 1, [h for _, h in headings], {"entry": _text(token)}


def _in_bullet(tokens: Sequence[Token], number: int) -> bool:
    return number > 1 and tokens[number - 2].type == "list_item_open"


def _column(head: str) -> str | None:
    words = head.casefold()
    return next((name for name, known in _COLUMNS.items() if any(w in words for w in known)), None)


def _text(token: Token) -> _Text:
    made, address, words, bold = _Text(), None, "", 0
    for part in token.children or []:
        if part.type == "link_open":
            address, words = str(part.attrs.get("href", "")), ""
        elif part.type == "link_close" and address is not None:
            made.links.append((clean(words), address.strip()))
            address = None
        elif part.type == "strong_open":
            bold = len(made.plain)
        elif part.type == "strong_close":
            made.bold.append(clean(made.plain[bold:]))
        elif part.type in ("softbreak", "hardbreak"):
            made.plain += " "
        elif part.type in ("text", "code_inline"):
            made.plain += part.content
            words += part.content
        elif part.type == "html_inline" and re.match(r"(?i)<br", part.content):
            made.plain += " "
    return made


def _draft(row: dict[str, _Text], where: Place) -> Draft | None:
    main = row.get("title") or row.get("entry")
    if main is None:
        return None
    links = [link for cell in row.values() for link in cell.links]
    paper = _paper_link(main.links)
    title = _title(main, paper[0] if paper else "", bullet="entry" in row)
    if paper is None or not title:
        return None
    date = _date(row["date"].plain if "date" in row else main.plain)
    venue = _venue(row, main, title)
    version, problems = version_from("unknown", date=date, url=paper[1])
    published = Version(
        kind=_kind(venue),
        venue=venue,
        date=year_of(venue),
        second_hand=SecondHand(source=where.address),
    )
    if version.ids.arxiv:  # lists date an entry by the day it was listed, the id by the work
        version.date = identifiers.arxiv_month(version.ids.arxiv)
        version.kind = "preprint"
    elif venue:
        version.kind, version.venue = published.kind, venue
        version.date = published.date or version.date
    version.second_hand = SecondHand(source=where.address)
    if version.ids == Ids() and problems:
        return None
    authors, complete = _authors(row, main, title)
    return Draft(
        place=where.file or where.repository,
        line=where.line,
        title=title,
        authors=authors,
        complete=complete,
        version=version,
        published=[published] if version.ids.arxiv and venue else [],
        code=[
            f"https://github.com/{name}"
            for words, url in links
            if _CODE.search(words) and (name := identifiers.github(url))
        ],
        sources=[where.address],
        inclusion=Inclusion(decision="undecided", reason=_UNSEEN),
    )


def _kind(venue: str | None) -> VersionKind:
    """What a venue makes of a version, where it is one of those that are known."""
    rules = decisions().venues
    if venue and "workshop" in venue.casefold():
        return "workshop"
    kind = kind_of(venue, rules) if venue else "unknown"
    return kind if kind == "conference" else "unknown"


def _paper_link(links: list[tuple[str, str]]) -> tuple[str, str] | None:
    """The link that leads to a paper: one that names an identifier, else one that says so."""
    for words, url in links:
        if any(i.kind in Ids.__struct_fields__ for i in identifiers.identify(url)):
            return words, url
    return next(((w, u) for w, u in links if _PAPER.search(w) and not _CODE.search(w)), None)


def _title(text: _Text, linked: str, *, bullet: bool) -> str:
    if bullet and (quoted := _QUOTED.search(text.plain)):
        return clean(quoted[1])
    if len(linked.split()) >= 3:  # the title itself is the link
        return linked
    if bullet:
        return next((bold for bold in text.bold if len(bold.split()) >= 3), "")
    plain = text.plain
    for words, _ in text.links:
        plain = plain.replace(words, " ")
    return clean(re.sub(r"[\[(]\s*[\])]", " ", plain)).strip(" .") or linked


def _authors(row: dict[str, _Text], main: _Text, title: str) -> tuple[list[str], bool]:
    """Names of a column, or what stands before the title of a bullet behind a bold short name."""
    if "authors" in row:
        text = row["authors"].plain
    elif "entry" in row and title in main.plain:
        text = main.plain.partition(title)[0].strip(' "“')
        text = text.removeprefix(main.bold[0]).strip(" :") if main.bold else text
    else:
        text = ""
    names = [clean(n).strip(" .∗*†") for n in re.split(r",|;|\band\b|&", text)]
    complete = bool(text) and not re.search(r"(?i)\bet\.?\s*al", text)
    names = [re.sub(r"(?i)\s*\bet\.?\s*al\.?$", "", n) for n in names]
    kept = [n for n in names if n]
    return kept, complete and bool(kept)


def _venue(row: dict[str, _Text], main: _Text, title: str) -> str | None:
    if "venue" in row:
        text = row["venue"].plain
    elif "entry" in row:
        behind = main.plain.partition(title)[2]
        found = re.match(r"[.,]?[\"”]?\s*([^\[\]]{2,80}?)\s*\((20\d\d)\)", behind)
        text = f"{found[1]} {found[2]}" if found else ""
    else:
        text = ""
    text = clean(text).strip(" .*")
    return None if not text or re.match(r"(?i)arxiv|na$|none$", text) else text


def _date(text: str) -> str | None:
    found = _DATE.findall(text)
    if not found:
        return None
    year, month = found[-1]
    return f"{year}-{month}" if month else str(year)
