"""OpenReview: submissions by forum id (API 2, and the form of API 1 where a venue still has it)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from catalog.intake.draft import Draft
from catalog.intake.latex import to_text
from catalog.intake.versions import version_from
from catalog.sources.http import Client, SourceError
from catalog.sources.sighting import Sighting
from catalog.text import clean

SERVICE = "openreview"


def by_forum(client: Client, forum: str) -> Sighting | None:
    """The submission of this forum; None where there is none. Raises `SourceError`."""
    answer = client.json(SERVICE, "/notes", {"id": forum})
    if answer is None:
        return None
    notes = answer.get("notes") if isinstance(answer, dict) else None
    if not isinstance(notes, list):
        raise SourceError(SERVICE, "format", "expected an object with `notes`")
    note = next((n for n in notes if isinstance(n, dict) and n.get("id") == forum), None)
    return _sighting(note, forum) if note else None


def _sighting(note: dict[str, Any], forum: str) -> Sighting | None:
    content = note.get("content")
    if not isinstance(content, dict):
        return None
    title = to_text(str(_value(content, "title") or ""))
    if not title:
        return None
    venue = clean(str(_value(content, "venue") or ""))
    # "Submitted to X" and "X Submission" are no publication
    accepted = venue and "submi" not in venue.casefold()
    kind = "workshop" if "workshop" in venue.casefold() else "conference"
    milliseconds = note.get("pdate") or note.get("cdate")
    date = None
    if isinstance(milliseconds, int):
        date = datetime.fromtimestamp(milliseconds / 1000, UTC).date().isoformat()
    version, _ = version_from(
        kind if accepted else "preprint", venue=venue if accepted else None, date=date
    )
    version.ids.openreview = forum
    if kind == "workshop" and accepted:
        version.kind = "workshop"
    authors = _value(content, "authors")
    names = [clean(str(name)) for name in authors] if isinstance(authors, list) else []
    draft = Draft(
        place="OpenReview",
        line=None,
        title=title,
        authors=[name for name in names if name],
        complete=bool(names),
        version=version,
        abstract=to_text(str(_value(content, "abstract") or "")),
        sources=[f"https://openreview.net/forum?id={forum}"],
    )
    return Sighting(SERVICE, draft)


def _value(content: dict[str, Any], name: str) -> Any:
    """API 2 wraps every value in an object, API 1 does not."""
    value = content.get(name)
    return value.get("value") if isinstance(value, dict) else value
