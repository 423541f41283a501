"""Controlled vocabularies of tags (`catalog/data/vocabularies.yaml`)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from msgspec import field

from catalog import own, reading
from catalog.converting import convert
from catalog.errors import Finding, FindingsError
from catalog.records import TAG_FIELDS, Record

FILE = "data/vocabularies.yaml"


class Term(Record, kw_only=True):
    """One value of a vocabulary: how it is shown, what it means, other spellings."""

    label: str
    meaning: str | None = None
    aliases: list[str] = field(default_factory=list)
    wider: str | None = None  # a value of the same field that a title may print instead


class Vocabulary(Record, kw_only=True):
    """The values that one field of a paper may have."""

    title: str
    meaning: str
    terms: dict[str, Term]
    open: bool = False  # True: a value outside is a finding of severity info, not an error


class _File(Record, kw_only=True):
    vocabularies: dict[str, Vocabulary]


def vocabularies() -> dict[str, Vocabulary]:
    """All vocabularies by field name (`modalities`, `prompts_infer` ...).

    Those of the registry that is worked on, where it has a file of its own (`catalog.own`).
    Raises `FindingsError` with everything that is wrong in it.
    """
    return _read(own.path(FILE))


@cache
def _read(file: Path) -> dict[str, Vocabulary]:
    place = f"catalog/{FILE}"
    document = reading.parse(reading.read_text(file, place), place)
    record, findings = convert(document, (), document.data, _File, "vocabularies")
    if record is None:
        raise FindingsError(findings)
    if missing := [name for name in TAG_FIELDS if name not in record.vocabularies]:
        message = f"there is no vocabulary for {', '.join(missing)}"
        hint = "Every tag of a work has one; restore it from git."
        raise FindingsError([Finding(place, None, "vocabularies", "S003", message, hint)])
    return record.vocabularies


def _spellings(field: str) -> dict[str, str]:
    return _spellings_of(own.path(FILE), field)


@cache
def _spellings_of(file: Path, field: str) -> dict[str, str]:
    vocabulary = _read(file)[field]
    known: dict[str, str] = {}
    for value, term in vocabulary.terms.items():
        for spelling in (value, *term.aliases):
            known[spelling.casefold()] = value
    return known


def canonical(field: str, value: str) -> str:
    """The vocabulary's value for a spelling; unknown spellings come back as they are."""
    return _spellings(field).get(value.casefold(), value)


def widened(field: str, values: list[str]) -> set[str]:
    """Values together with what they are kinds of: EM is microscopy, SAM ViT-B is SAM."""
    terms = vocabularies()[field].terms
    found, waiting = set(), list(values)
    while waiting:
        value = waiting.pop()
        found.add(value)
        wider = terms[value].wider if value in terms else None
        if wider and wider not in found:
            waiting.append(wider)
    return found


def modality_of(name: str) -> str:
    """The modality that begins the label of a class: `MRI-FLAIR_brain_tumor core` is `mri`.

    A word that the vocabulary lacks stays as it is.
    """
    word = name.partition("_")[0]
    known = vocabularies()["modalities"].terms
    for part in (word, word.partition("-")[0]):
        if (value := canonical("modalities", part)) in known:
            return value
    return word.casefold()


def label(field: str, value: str) -> str:
    """How a value is shown to readers; unknown values are shown as they are."""
    vocabulary = vocabularies().get(field)
    term = vocabulary.terms.get(value) if vocabulary else None
    return term.label if term else value


def nearest(field: str, value: str) -> str | None:
    """The known value most like `value`, or None where nothing is near."""
    from rapidfuzz import fuzz, process

    known = _spellings(field)
    match = process.extractOne(value.casefold(), list(known), scorer=fuzz.ratio, score_cutoff=55)
    return known[match[0]] if match else None
