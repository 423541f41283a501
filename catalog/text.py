"""Text from outside, made harmless: one line, no control or direction characters, composed."""

from __future__ import annotations

import re
import unicodedata

# Direction overrides and marks, zero-width characters, soft hyphen, byte order mark: invisible, and
# able to make a title look like another one.
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
_WORD = re.compile(r"[^\W_]+")
_SPACE = re.compile(r"\s+")


def clean(text: str) -> str:
    """`text` on one line in NFC, without control, direction, private or unpaired characters.

    Letters of every script, accents, punctuation and markup stay: they are data, and each writer
    (YAML, HTML, Markdown, BibTeX) escapes what is special to it.

    >>> clean("A\\tB\\u202eC\\x07\\n D")
    'A BC D'
    """
    if text.isascii() and text.isprintable():  # nearly every text: nothing but spaces to mend
        return " ".join(text.split())
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    kept = (
        " " if character in "\t\n\r\x0b\x0c\x85\u2028\u2029" else character
        for character in text
        if character in "\t\n\r\x0b\x0c\x85" or unicodedata.category(character) not in _DROPPED
    )
    return _SPACE.sub(" ", "".join(kept)).strip()


_DROPPED = {"Cc", "Cs", "Co", "Cn"}


def hidden(text: str) -> str | None:
    """The first character that `clean` would drop as invisible or controlling, if any.

    >>> hidden("A\u202eB")
    '\u202e'
    """
    if text.isascii() and text.isprintable():
        return None
    for character in text:
        if character not in "\t\n" and (
            _INVISIBLE.match(character) or unicodedata.category(character) in _DROPPED
        ):
            return character
    return None


# Markup that CSL allows inside titles, and what Crossref passes on from publishers. Anything else
# is text and stays.
_MARKUP = re.compile(r"</?(?:i|b|em|strong|sub|sup|sc|scp|tt|span|jats:\w+|mml:\w+)(?: [^<>]*)?>")


def without_markup(text: str) -> str:
    """`text` without the typographic markup of titles.

    >>> without_markup("<i>In vivo</i> slices < 10 mm")
    'In vivo slices < 10 mm'
    """
    return _MARKUP.sub("", text)


def fold(text: str) -> str:
    """`text` for comparing: lower case, without accents, punctuation as spaces.

    >>> fold("Gutiérrez: SAM-Med2D")
    'gutierrez sam med2d'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in text if not unicodedata.combining(c))
    return " ".join(_WORD.findall(text.casefold()))
