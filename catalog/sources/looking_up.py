"""One identifier, asked where it is known."""

from __future__ import annotations

from collections.abc import Callable

from catalog.errors import InputError, PrerequisiteError, UsageError
from catalog.identifiers import Identifier, identify
from catalog.sources import arxiv_, crossref, europepmc, openreview
from catalog.sources.http import Client, SourceError
from catalog.sources.sighting import Sighting

_WAY_OUT = "sam4mis add -    (then paste BibTeX, RIS or CSL-JSON: this needs no network)"
_NAMES = {
    "arxiv": "arXiv",
    "doi": "Crossref",
    "pmid": "PubMed (Europe PMC)",
    "pmcid": "Europe PMC",
    "openreview": "OpenReview",
    "pii": "Crossref",
}


def work_identifier(text: str) -> Identifier:
    """The identifier of a work that `text` (an id or address) certainly names.

    Raises `UsageError` for anything else, with the way out.
    """
    found = identify(text)
    identifier = next((i for i in found if i.kind in _NAMES), None)
    if identifier is None:
        raise UsageError(_not_a_work(text, found))
    return identifier


def look_up(client: Client, text: str) -> Sighting:
    """What the service that knows `text` (an id or address) says of the work.

    Raises `UsageError` for what is no identifier of a work, `InputError` for one that nobody has,
    `PrerequisiteError` where the service cannot be reached, each with the way out.
    """
    identifier = work_identifier(text)
    name = _NAMES[identifier.kind]
    try:
        sighting = _ask(identifier)(client)
    except SourceError as error:
        raise PrerequisiteError(f"{name} could not be asked. {error}.", _WAY_OUT) from None
    if sighting is None:
        raise InputError(
            f"{name} has no work with {identifier.kind} {identifier.value}. "
            f"Check the number, or paste the reference: {_WAY_OUT}"
        )
    return sighting


def _ask(identifier: Identifier) -> Callable[[Client], Sighting | None]:
    value = identifier.value
    asked: dict[str, Callable[[Client], Sighting | None]] = {
        "arxiv": lambda client: arxiv_.by_ids(client, [value]).get(value),
        "doi": lambda client: crossref.by_doi(client, value),
        "pmid": lambda client: europepmc.by_pmid(client, value),
        "pmcid": lambda client: europepmc.by_pmcid(client, value),
        "openreview": lambda client: openreview.by_forum(client, value),
        "pii": lambda client: crossref.by_pii(client, value),
    }
    return asked[identifier.kind]


def _not_a_work(text: str, found: list[Identifier]) -> str:
    shown = text if len(text) <= 80 else text[:77] + "..."
    if found and found[0].kind == "ieee":
        return (
            f"{shown}: IEEE Xplore has no public service for its numbers. Give the DOI of the "
            f"page, or its `Cite This` as BibTeX: {_WAY_OUT}"
        )
    if found:
        return (
            f"{shown} names a repository or data set ({found[0]}), not a paper. Give its paper's "
            "arXiv id or DOI; repositories are described in projects/<name>.yaml."
        )
    return (
        f"{shown!r} is no file, arXiv id, DOI, PubMed id, OpenReview or other known address. "
        f"Examples: 2304.12306, 10.1038/s41467-024-44824-z, PMID:38253604, or {_WAY_OUT}"
    )
