"""What of the collectors' notes readers get, by the rules of `catalog/decisions/notes.yaml`."""

from __future__ import annotations

import re

from catalog.importer.decisions import Notes

# A full stop inside these is no end of a sentence.
_SHORT = re.compile(r"\b(?:Proc|Vol|vol|No|no|pp|Fig|al|vs|Dr|St|e\.g|i\.e|[A-Z]{1,2})\.$")


def for_readers(text: str, rules: Notes) -> str | None:
    """A collector's note in a reader's words, clause by clause; None where nothing is left."""
    kept, sentence = "", True
    for separator, clause in _clauses(text):
        sentence = sentence or separator == ". "
        plain = _plain(clause, rules)
        if not plain:
            continue  # where it began a sentence, the next clause does
        if kept:
            kept = kept.rstrip(".") + (". " if sentence else "; ")
        kept += _capital(plain) if sentence else plain
        sentence = False
    if not kept:
        return None
    return kept if kept.endswith((".", "!", "?")) else f"{kept}."


def left_over(text: str | None, rules: Notes) -> str | None:
    """The first word in a text that only collectors understand, or None."""
    match = rules.unclear.search(text or "")
    return match[0] if match else None


def _plain(clause: str, rules: Notes) -> str:
    if (exact := rules.clauses.get(clause)) is not None:
        return exact
    for pattern, text in rules.compiled:
        clause = pattern.sub(text, clause)
    return clause.strip(" ,;")


def _clauses(text: str) -> list[tuple[str, str]]:
    """Clauses with what separates each from the one before: `; `, `. ` or nothing."""
    found: list[tuple[str, str]] = []
    start, depth, separator = 0, 0, ""
    text = text.strip()
    for at, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        end = text[at : at + 2]
        if depth > 0 or end not in ("; ", ". "):
            continue
        if end == ". " and _SHORT.search(text[start : at + 1]):
            continue
        found.append((separator, text[start:at].strip()))
        start, separator = at + 2, end
    last = text[start:].strip()
    found.append((separator, last[:-1] if last.endswith(".") else last))
    return [(separator, clause) for separator, clause in found if clause]


def _capital(text: str) -> str:
    """A capital for a plain word; names (nnU-Net, arXiv, npj) stay as they are."""
    word = re.split(r"[\s,:;]", text, maxsplit=1)[0]
    names = {"arxiv", "npj", "medrxiv", "biorxiv", "mediastinal"}
    plain = re.fullmatch(r"[a-z]+(?:-[a-z]+)*", word) and word not in names
    return text[:1].upper() + text[1:] if plain else text
