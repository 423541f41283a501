"""Text from outside, made harmless: one line, no control or direction characters, composed."""

from __future__ import annotations

import html
import re
import unicodedata

# Direction overrides and marks, zero-width characters, soft hyphen, byte order mark, blank letters,
# variants and tag characters: invisible, and able to make a title look like another one.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
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
    """`text` without the typographic markup of titles and names, entities as what they stand for.

    >>> without_markup("<i>In vivo</i> slices < 10 mm"), without_markup("Bits &amp; bytes")
    ('In vivo slices < 10 mm', 'Bits & bytes')
    """
    if "&" not in text and "<" not in text:
        return text
    return clean(_MARKUP.sub("", html.unescape(_MARKUP.sub("", text))))


def fold(text: str) -> str:
    """`text` for comparing: lower case, without accents, punctuation as spaces.

    >>> fold("Gutiérrez: SAM-Med2D")
    'gutierrez sam med2d'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in text if not unicodedata.combining(c))
    return " ".join(_WORD.findall(text.casefold()))


_LONE_NUMBER = re.compile(r"\b([a-z]+) (\d)\b")
STOP_WORDS = frozenset(
    ("a", "an", "and", "arxiv", "at", "by", "doi", "for", "from", "in", "of", "on", "or", "pmid",
     "the", "to", "using", "via", "with")
)  # fmt: skip
# spelling -> the one that is searched; British and American, joined and split, and the German words
# that a clinician types. What follows the spelling in a word stays: `tumors` is `tumours`.
SPELLINGS = {
    "x ray": "xray",
    "tumor": "tumour",
    "color": "colour",
    "esophag": "oesophag",
    "gynecolog": "gynaecolog",
    "pediatric": "paediatric",
    "anesthe": "anaesthe",
    "hemorrhag": "haemorrhag",
    "ischemi": "ischaemi",
    "edema": "oedema",
    "fetal": "foetal",
    "center": "centre",
    "fiber": "fibre",
    "gray": "grey",
    "generalization": "generalisation",
    "localization": "localisation",
    "optimization": "optimisation",
    "quantization": "quantisation",
    "labeled": "labelled",
    "labeling": "labelling",
    "modeling": "modelling",
    "dataset": "data set",
    "leukemi": "leukaemi",
    "anemi": "anaemi",
    "adaptor": "adapter",
    "bounding box": "box",
    "promptless": "prompt free",
    "ultraschall": "ultrasound",
    "segmentierung": "segmentation",
    "gehirn": "brain",
    "herz": "heart",
    "leber": "liver",
    "niere": "kidney",
    "lunge": "lung",
    "prostata": "prostate",
    "brust": "breast",
    "haut": "skin",
    "netzhaut": "retina",
    "zahn": "tooth",
    "knochen": "bone",
    "gefass": "vessel",
}
_RESPELLED = re.compile(rf"\b({'|'.join(SPELLINGS)})")
# Greek letters by their names, so that a β is found by either
GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu",
    "ν": "nu", "ξ": "xi", "ο": "omicron", "π": "pi", "ρ": "rho", "σ": "sigma", "ς": "sigma",
    "τ": "tau", "υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
}  # fmt: skip
_GREEK = str.maketrans(GREEK)


def search_words(text: str) -> list[str]:
    """The words by which `text` is searched: one for all spellings of the same.

    Articles, kinds of identifiers and the like are dropped, unless there is nothing else.

    >>> search_words("SAM 2 for brain tumors"), search_words("X-rays with SAM2")
    (['sam2', 'brain', 'tumour'], ['xray', 'sam2'])
    """
    folded = _LONE_NUMBER.sub(r"\1\2", fold(text).translate(_GREEK))
    folded = _RESPELLED.sub(lambda found: SPELLINGS[found[1]], folded)
    words = folded.split()
    return [_singular(word) for word in words if word not in STOP_WORDS] or words


def _singular(word: str) -> str:
    plural = len(word) > 4 and word.isalpha() and word[-1] == "s" and word[-2] not in "sui"
    return word[:-1] if plural else word
