"""A draft that is another version of a work we have."""

from __future__ import annotations

import re

import msgspec

from catalog.errors import InputError
from catalog.intake.draft import Draft
from catalog.records import Paper, Version
from catalog.text import fold

# A published version is cited before a preprint, whatever the dates.
_RANK = {"preprint": 0, "unknown": 0, "report": 1, "thesis": 1, "workshop": 2}


def with_version(paper: Paper, draft: Draft) -> Paper:
    """`paper` with the draft's versions added, oldest first; a title that differs becomes findable.

    Raises `InputError` where the work has that very version already.
    """
    joined: Paper = msgspec.convert(msgspec.to_builtins(paper), Paper)
    fresh = unknown_versions(paper, draft)
    if not fresh:
        raise InputError(
            f"{paper.id} has this version already ({describe(draft.version)}); nothing to add."
        )
    for version in fresh:
        if fold(draft.title) != fold(paper.title):
            version.title = draft.title
        joined.versions.append(version)
    titles = {fold(title) for title in (paper.title, *paper.title_aliases)}
    if fold(draft.title) not in titles:
        joined.title_aliases = [*joined.title_aliases, draft.title]
    joined.versions.sort(key=lambda version: version.date or "9999")
    best = max(joined.versions, key=lambda v: (_RANK.get(v.kind, 3), v.date or ""))
    for version in joined.versions:
        version.cite = version is best
    if not joined.authors_complete and draft.complete and len(draft.authors) > len(joined.authors):
        joined.authors, joined.authors_complete = draft.authors, True
    return joined


def unknown_versions(paper: Paper, draft: Draft) -> list[Version]:
    """The draft's versions that `paper` does not have."""
    return [v for v in (draft.version, *draft.published) if not _known(paper, v)]


def describe(version: Version) -> str:
    """A version in a few words: `journal 2024, doi:10.1/x`."""
    ids = (f"{kind}:{value}" for kind, value in msgspec.to_builtins(version.ids).items())
    year = (version.date or "")[:4]
    return ", ".join(part for part in (f"{version.kind} {year}".strip(), *ids) if part)


def _venue(version: Version) -> str:
    """The venue for comparing, without the year that lists write behind it."""
    return re.sub(r" (19|20)\d\d$", "", fold(version.venue or ""))


def _known(paper: Paper, version: Version) -> bool:
    """Whether a version of `paper` shares an identifier, or venue and year where there is none."""
    mine = msgspec.to_builtins(version.ids).items()
    for other in paper.versions:
        if mine and mine & msgspec.to_builtins(other.ids).items():
            return True
        same_venue = _venue(other) == _venue(version)
        same_year = (other.date or "")[:4] == (version.date or "")[:4]
        if not mine and other.kind == version.kind and same_venue and same_year:
            return True
    return False
