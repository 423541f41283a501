"""From bytes that somebody pasted to drafts, whatever the format."""

from __future__ import annotations

import re
from typing import Literal

from catalog.errors import Finding, FindingsError
from catalog.intake.draft import Draft

Format = Literal["bibtex", "ris", "csl-json", "nbib", "identifiers"]
LIMIT_BYTES = 20_000_000


def decode(raw: bytes, place: str) -> str:
    """`raw` as text: UTF-8 with or without a byte order mark, or UTF-16 with one.

    Raises `FindingsError` with the line of the first byte that is neither.
    """
    if len(raw) > LIMIT_BYTES:
        message = (
            f"has {len(raw):,} bytes, more than the {LIMIT_BYTES:,} that a list of works takes."
        )
        raise FindingsError([Finding(place, None, "", "B005", message, "Split it.")])
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8: byte 0x{raw[error.start]:02x} cannot be read."
        hint = "Save it as UTF-8, e.g. iconv -f latin1 -t utf-8 old.bib > new.bib"
        raise FindingsError([Finding(place, line, "", "B005", message, hint)]) from None


def sniff(text: str) -> Format:
    """The format, from how the text begins."""
    if re.search(r"^[^\S\n]*@[^\S\n]*\w+\s*[{(]", text, re.MULTILINE):
        return "bibtex"
    if re.search(r"^PMID *- *\d", text, re.MULTILINE):
        return "nbib"
    if re.search(r"^(TY|ER)  ?-", text, re.MULTILINE):
        return "ris"
    if text.lstrip()[:1] in ("{", "["):
        return "csl-json"
    return "identifiers"


def read(text: str, place: str) -> list[Draft]:
    """Drafts of everything in `text` (not for identifiers, which need a network).

    Raises `FindingsError` with every problem; then nothing of the text should be used.
    """
    from catalog.intake.bibtex import read_bibtex
    from catalog.intake.csl import read_csl
    from catalog.intake.nbib import read_nbib
    from catalog.intake.ris import read_ris

    kind = sniff(text)
    if kind == "identifiers":
        hint = (
            "Expected BibTeX (@article{...}), RIS (TY  - ...), PubMed, CSL-JSON, arXiv ids or DOIs."
        )
        raise FindingsError([Finding(place, None, "", "B002", "is of no known format.", hint)])
    reader = {"bibtex": read_bibtex, "ris": read_ris, "csl-json": read_csl, "nbib": read_nbib}[kind]
    drafts, findings = reader(text, place)
    findings += [problem for draft in drafts for problem in draft.problems()]
    if findings:
        raise FindingsError(findings)
    return drafts
