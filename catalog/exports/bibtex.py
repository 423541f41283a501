"""BibTeX: keys that never change, capitals protected, eprint fields, entry types by kind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from catalog.exports.citation import Citation, citation
from catalog.exports.names import split_name
from catalog.intake.latex import to_text
from catalog.records import Paper

_TYPES = {
    "journal": "article",
    "conference": "inproceedings",
    "workshop": "inproceedings",
    "thesis": "phdthesis",
    "report": "techreport",
    "preprint": "misc",
    "unknown": "misc",
}
_VENUE = {
    "article": "journal",
    "inproceedings": "booktitle",
    "phdthesis": "school",
    "techreport": "institution",
    "misc": "howpublished",
}
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_BEFORE = re.compile(r"^\W+")  # a word's punctuation
# BibTeX counts braces even behind a backslash, so \\{ would end the field
_BRACES = {"{": r"{\ensuremath{\lbrace}}", "}": r"{\ensuremath{\rbrace}}"}


def to_bibtex(papers: Iterable[Paper]) -> str:
    """All papers as one BibTeX file (ASCII where LaTeX has a way to write a letter, else UTF-8)."""
    return "\n".join(_entry(citation(paper)) for paper in papers)


def _entry(work: Citation) -> str:
    kind = _TYPES[work.kind]
    fields = {
        "title": _title(work.title),
        "author": _authors(work),
        _VENUE[kind]: encode(work.venue),
        "year": str(work.date[0]) if work.date else "",
        "month": _MONTHS[work.date[1] - 1] if len(work.date) > 1 else "",
        "doi": _plain(work.ids.doi),
        "eprint": _plain(work.ids.arxiv),
        "archiveprefix": "arXiv" if work.ids.arxiv else "",
        "pmid": _plain(work.ids.pmid),
        "url": _plain(work.url),
    }
    lines = [
        # a month is a macro of BibTeX, so that styles write it their own way
        f"  {name} = {value}," if name == "month" else f"  {name} = {{{value}}},"
        for name, value in fields.items()
        if value
    ]
    return f"@{kind}{{{work.key},\n" + "\n".join(lines) + "\n}\n"


def _authors(work: Citation) -> str:
    names = [_author(name) for name in work.authors]
    return " and ".join(names if work.complete or not names else [*names, "others"])


def _author(text: str) -> str:
    name = split_name(text)
    # " and " separates authors, a single word or a group must not be taken apart
    if name.group or " and " in f" {text.casefold()} " or (name.given == "" and " " in text):
        return f"{{{encode(text)}}}"
    return encode(name.inverted)


def _title(title: str) -> str:
    """The title, words whose capitals carry meaning in braces.

    A word is protected if it has a capital behind its first letter (SAM, MedSAM, 3D) or is a
    capitalised word inside a title written in sentence case (a proper noun).
    """
    words = title.split(" ")
    longer = [word for word in words[1:] if len(word) > 3]
    lower = sum(word[0].islower() for word in longer)
    sentence_case = lower > len(longer) / 2
    written = []
    for index, word in enumerate(words):
        body = word if word[:1].isalnum() else _BEFORE.sub("", word)
        rest = body[1:]
        inner = not rest.islower() and any(c.isupper() for c in rest)
        noun = sentence_case and index > 0 and body[:1].isupper()
        after_colon = index > 0 and words[index - 1].endswith(":")
        alone = len(body) == 1 and body.isupper() and index > 0
        protect = inner or alone or (noun and not after_colon)
        written.append(_protected(word) if protect else encode(word))
    return " ".join(written)


def _protected(word: str) -> str:
    """`word` in braces, punctuation around it outside."""
    before, body, after = re.match(r"(\W*)(.*?)(\W*)$", word, re.DOTALL).groups()  # type: ignore[union-attr] # matches every string
    return f"{encode(before)}{{{encode(body)}}}{encode(after)}"


def encode(text: str) -> str:
    """`text` as LaTeX: specials and accents written out, braces always balanced."""
    return text.translate(_LETTERS)


class _Letters(dict[int, str]):
    """What becomes of each character, found when it first comes."""

    def __missing__(self, code: int) -> str:
        self[code] = _letter(chr(code))
        return self[code]


_LETTERS = _Letters()


def _letter(character: str) -> str:
    """One character as LaTeX, or as it is where LaTeX's form would be read as another one."""
    if character in _BRACES:
        return _BRACES[character]
    if character.isalnum() and character.isascii():
        return character
    latex: str = _encoder().unicode_to_latex(character)
    return latex if character.isascii() or to_text(latex) == character else character


def _plain(text: str | None) -> str:
    """An identifier or address: written as it is, without what would end the field."""
    return re.sub(r"[{}\\\s\"]", lambda found: f"%{ord(found[0]):02X}", text or "")


@cache
def _encoder() -> Any:
    from pylatexenc.latexencode import UnicodeToLatexEncoder

    return UnicodeToLatexEncoder(
        replacement_latex_protection="braces-all",
        unknown_char_policy="keep",
        unknown_char_warning=False,
    )
