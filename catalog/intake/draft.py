"""A work as it came in, before it has an id of its own."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from catalog.records import Links, Paper, Version
from catalog.slugs import slugify, work_slug

_CODE = re.compile(r"https?://(?:www\.)?(?:github|gitlab)\.com/[\w.-]+/[\w.-]+")


@dataclass(slots=True)
class Draft:
    """What a source says of a work. `place` and `line` (from 1) tell where it stood.

    `authors` as bylines (`Given Family`), `complete` False where the source ends in "others".
    `abstract` and `keywords` are used for suggesting tags and are not kept.
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

    def to_paper(self, taken: Collection[str], today: str) -> Paper:
        """The draft as a record with a new id that is not in `taken`; `today` is `YYYY-MM-DD`."""
        from catalog.intake.suggest import suggest_tags

        versions = [self.version, *self.published]
        for version in versions:
            version.cite = version is versions[-1]
        name = short_name(self.title)
        first = self.authors[0] if self.authors else None
        code = sorted({*self.code, *code_links(self.abstract)})
        paper = Paper(
            id=work_slug(self.title, name, first, (self.version.date or "")[:4], set(taken)),
            title=self.title,
            short_name=name,
            authors=self.authors,
            authors_complete=self.complete and bool(self.authors),
            versions=versions,
            links=Links(code=code or None),
            section="added",
            sources=self.sources,
            added=today,
        )
        for field_name, tag in suggest_tags(self.title, self.abstract, self.keywords).items():
            if field_name == "base_models" and isinstance(tag.values, list):
                # a work is never its own base
                tag.values = [value for value in tag.values if value != slugify(name or "")]
            if tag.values:
                setattr(paper, field_name, tag)
        return paper


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
