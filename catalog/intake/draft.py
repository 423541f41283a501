"""A work as it came in, before it has an id of its own."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from catalog.errors import Finding
from catalog.records import Inclusion, Links, Paper, Tag, TakenBack, Version, to_builtins
from catalog.slugs import slugify, work_slug
from catalog.text import clean, without_markup

_CODE = re.compile(r"https?://(?:www\.)?(?:github|gitlab)\.com/[\w.-]+/[\w.-]+")

# What is left of a note when its address is taken, and addresses that the version keeps.
_NO_LOSS = re.compile(
    r"(?i)(?:the )?(?:source |our )?code(?: and \w+)?(?: is| are)?(?: available)?(?: at| here)?"
    r"|https?://\S+|arxiv(?: preprint)?[: ]\S+(?: \[[\w.]+\])?"
)

# What publishers put in front of a title when they take an article back.
_NOTICE = re.compile(
    r"(?i)[\[(]?(?P<kind>retracted|withdrawn)(?: article| paper| chapter)?(?:[\])]:?|\s*[:–—]) *"
)
_INITIALS_LAST = re.compile(r"(?P<family>.*[^\W\d_A-Z].*) (?P<initials>[A-Z]{1,3})")

# Longer than any that was ever printed; more is a whole file pasted into one field.
LONGEST = {"title": 500, "author": 200, "venue": 300}
MOST_AUTHORS = 5000


@dataclass(slots=True)
class Draft:
    """What a source says of a work. `place` and `line` (from 1) tell where it stood.

    `authors` as bylines (`Given Family`), `complete` False where the source ends in "others".
    `abstract` and `keywords` are used for suggesting tags and are not kept; where a source states
    `tags`, nothing is suggested. `left_out` are fields with what they say that no record has a
    place for, to be told and not lost in silence. `key` is what the source calls the entry.
    """

    place: str
    line: int | None
    title: str
    authors: list[str]
    complete: bool
    version: Version
    abstract: str = ""
    keywords: list[str] = field(default_factory=list)
    published: list[Version] = field(default_factory=list)  # later versions that the source names
    code: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    key: str = ""
    name: str | None = None  # short name that the source states; None: as the title begins
    title_aliases: list[str] = field(default_factory=list)
    tags: dict[str, Tag] | None = None
    inclusion: Inclusion | None = None
    links: dict[str, list[str]] = field(default_factory=dict)  # kind of `Links` -> addresses

    def __post_init__(self) -> None:
        """Put right what sources of any form write: entities, notices, initials last."""
        self.title = without_markup(self.title)
        self.authors = given_first([without_markup(name) for name in self.authors])
        if (notice := _NOTICE.match(self.title)) and notice.end() < len(self.title):
            self.title = self.title[notice.end() :]
            if self.version.taken_back is None:
                kind: Literal["withdrawn", "retracted"] = (
                    "withdrawn" if notice["kind"].casefold() == "withdrawn" else "retracted"
                )
                source = f"the title in {next(iter(self.sources), self.place)}"
                self.version.taken_back = TakenBack(kind=kind, source=source)

    @property
    def names(self) -> list[str]:
        """What a person may call the entry: its key, identifiers, and the line it stands in."""
        ids = [
            value
            for version in (self.version, *self.published)
            for value in to_builtins(version.ids).values()
        ]
        place = f"{self.place}:{self.line}" if self.line else ""
        return [name for name in (self.key, *ids, place, self.title) if name]

    def problems(self) -> list[Finding]:
        """What no record should hold, however it came in: B006 for each."""
        texts = [("title", self.title), *(("author", name) for name in self.authors)]
        texts += [("venue", v.venue or "") for v in (self.version, *self.published)]
        found = [
            (name, f"has {len(text):,} characters, more than {LONGEST[name]} ({text[:40]}...).")
            for name, text in texts
            if len(text) > LONGEST[name]
        ]
        if len(self.authors) > MOST_AUTHORS:
            found.append(
                ("author", f"has {len(self.authors):,} names, more than {MOST_AUTHORS:,}.")
            )
        hint = "Shorten it, or look whether a brace or a line end is missing."
        return [
            Finding(self.place, self.line, name, "B006", message, hint) for name, message in found
        ]

    def take_links(self, **fields: str) -> None:
        """Take repositories that notes and addresses name as code; what else they say is left out.

        The page of a version is never a repository: that becomes a link to code too.
        """
        for name, text in fields.items():
            self.code += code_links(text)
            rest = clean(_CODE.sub("", text)).strip(" .,;:()<>")
            if rest and not _NO_LOSS.fullmatch(rest):
                self.left_out[name] = rest
        for version in (self.version, *self.published):
            if version.url and code_links(version.url):
                self.code += code_links(version.url)
                version.url = None

    def to_paper(self, taken: Collection[str], today: str) -> Paper:
        """The draft as a record with a new id that is not in `taken`; `today` is `YYYY-MM-DD`."""
        from catalog.intake.suggest import suggest_tags

        versions = [self.version, *self.published]
        for version in versions:
            version.cite = version is versions[-1]
        name = self.name or short_name(self.title)
        first = self.authors[0] if self.authors else None
        code = sorted({*self.code, *code_links(self.abstract)})
        paper = Paper(
            id=work_slug(self.title, name, first, (self.version.date or "")[:4], set(taken)),
            title=self.title,
            short_name=name,
            title_aliases=self.title_aliases,
            authors=self.authors,
            authors_complete=self.complete and bool(self.authors),
            versions=versions,
            links=Links(code=code or None, **self.links),
            section="added",
            sources=self.sources,
            added=today,
            inclusion=self.inclusion or Inclusion(decision="include"),
        )
        tags = self.tags
        if tags is None:
            tags = suggest_tags(self.title, self.abstract, self.keywords)
        for field_name, tag in tags.items():
            if field_name == "base_models" and isinstance(tag.values, list):
                # a work is never its own base
                tag.values = [value for value in tag.values if value != slugify(name or "")]
            if tag.values:
                setattr(paper, field_name, tag)
        return paper


def given_first(names: list[str]) -> list[str]:
    """Names of a list that has every family first, then bare initials, with the initials first.

    One that is written otherwise leaves all as they are: a lone `Wei LI` says nothing.

    >>> given_first(["Smith J", "de la Cruz AB"]), given_first(["Wei LI", "Ada Lovelace"])
    (['J. Smith', 'A. B. de la Cruz'], ['Wei LI', 'Ada Lovelace'])
    """
    found = [_INITIALS_LAST.fullmatch(name) for name in names]
    if len(names) < 2 or not any(f and len(f["initials"]) == 1 for f in found):
        return names
    turned = [f"{'. '.join(f['initials'])}. {f['family']}" for f in found if f]
    return turned if len(turned) == len(names) else names


def code_links(text: str) -> list[str]:
    """Addresses of repositories that a text names, without a full stop or `.git` at the end."""
    return [link.rstrip(".").removesuffix(".git") for link in _CODE.findall(text)]


def short_name(title: str) -> str | None:
    """The name in front of a colon (`SAM-Med2D: ...`) or a title of one such word, else None.

    A name has a capital behind its first letter or a digit; an ordinary word is none.
    """
    head, colon, _ = title.partition(":")
    head = head.strip()
    if not colon and " " in head:
        return None
    words = head.split()
    if not words or len(words) > 3 or len(head) > 30:
        return None
    named = re.search(r"\w*(?:[A-Za-z]\w*[A-Z]|\d)", head.replace("-", ""))
    return head if named and not head.endswith("?") else None
