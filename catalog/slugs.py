"""Readable ids of works: from the short name where it is unique, else with author and year."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_STOP = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "by",
        "for",
        "from",
        "how",
        "in",
        "into",
        "is",
        "its",
        "of",
        "on",
        "or",
        "the",
        "to",
        "via",
        "with",
    ]
)

# Letters that Unicode does not take apart into a base letter and a mark.
_LETTERS = str.maketrans(
    {"ø": "o", "Ø": "o", "ł": "l", "Ł": "l", "đ": "d", "Đ": "d", "ı": "i", "ß": "ss"}
    | {"æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "þ": "th", "Þ": "th"}
)


@lru_cache(maxsize=200_000)
def slugify(text: str) -> str:
    """Lower-case ASCII words joined by `-`. `+` becomes `plus`: SemiSAM+ is not SemiSAM."""
    text = re.sub(r"\++", lambda m: "-plus" * len(m[0]), text)
    text = text.translate(_LETTERS)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    text = re.sub(r"[’'`]", "", text.lower())
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")


@lru_cache(maxsize=200_000)
def surname(author: str) -> str:
    """The last word of a name without particles of generation (`J. Ma` -> `Ma`)."""
    words = [w for w in author.split() if not re.fullmatch(r"(?i)jr\.?|sr\.?|i{2,3}|iv", w)]
    # A trailing initial belongs to the given names ("Mauricio Fernandez M.").
    while len(words) > 1 and re.fullmatch(r"(?:[A-Z]\.?)+", words[-1]) and words[-1].endswith("."):
        words.pop()
    return words[-1] if words else ""


def title_slug(title: str, words: int) -> str:
    """The first telling words of a title."""
    parts = [w for w in slugify(title).split("-") if w and w not in _STOP]
    return "-".join(parts[:words])


def work_slug(
    title: str, short_name: str | None, first_author: str | None, year: str, taken: set[str]
) -> str:
    """An id for a work. `taken` holds the ids and contested short names that it must avoid."""
    who = slugify(surname(first_author)) if first_author else ""
    if short_name and (slug := slugify(short_name)):
        if slug not in taken and re.search(r"[a-z]", slug):
            return slug
        candidates = ["-".join(filter(None, (slug, who, year)))]
    else:
        candidates = []
    for count in (4, 6, 8, 12, 40):
        candidates.append("-".join(filter(None, (who, year, title_slug(title, count)))))
    number = 2
    while candidates[0] in taken:
        if len(candidates) > 1:
            candidates.pop(0)
        else:
            candidates[0] = re.sub(r"-\d+$", "", candidates[0]) + f"-{number}"
            number += 1
    return candidates[0]
