"""OpenReview: submissions by forum id (API 2, and the form of API 1 where a venue still has it)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from catalog.intake.draft import Draft
from catalog.intake.latex import to_text
from catalog.intake.versions import version_from
from catalog.sources.http import Client
from catalog.sources.sighting import Sighting
from catalog.text import clean

SERVICE = "openreview"
Milliseconds = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]  # to the year 2100


class _Note(Struct):
    id: str
    content: dict[str, Any] | None = None  # API 2 wraps every value in an object, API 1 does not
    pdate: Milliseconds | None = None
    cdate: Milliseconds | None = None

    def value(self, name: str) -> Any:
        """A value of the content, of either API."""
        value = (self.content or {}).get(name)
        return value.get("value") if isinstance(value, dict) else value

    def text(self, name: str) -> str:
        """A value that is a text, else an empty one."""
        value = self.value(name)
        return value if isinstance(value, str) else ""


class _Notes(Struct):
    notes: list[_Note]


def by_forum(client: Client, forum: str) -> Sighting | None:
    """The submission of this forum; None where there is none. Raises `SourceError`."""
    answer = client.ask(SERVICE, "/notes", _Notes, {"id": forum})
    note = next((note for note in answer.notes if note.id == forum), None) if answer else None
    return _sighting(note, forum) if note else None


def _sighting(note: _Note, forum: str) -> Sighting | None:
    title = to_text(note.text("title"))
    if not title:
        return None
    venue = clean(note.text("venue"))
    # "Submitted to X" and "X Submission" are no publication
    accepted = venue and "submi" not in venue.casefold()
    kind = "workshop" if "workshop" in venue.casefold() else "conference"
    milliseconds = note.pdate or note.cdate
    date = None
    if milliseconds:
        date = datetime.fromtimestamp(milliseconds / 1000, UTC).date().isoformat()
    version, _ = version_from(
        kind if accepted else "preprint", venue=venue if accepted else None, date=date
    )
    version.ids.openreview = forum
    if kind == "workshop" and accepted:
        version.kind = "workshop"
    authors = note.value("authors")
    listed = authors if isinstance(authors, list) else []
    names = [clean(name) for name in listed if isinstance(name, str)]
    draft = Draft(
        place="OpenReview",
        line=None,
        title=title,
        authors=[name for name in names if name],
        complete=bool(names),
        version=version,
        abstract=to_text(note.text("abstract")),
        sources=[f"https://openreview.net/forum?id={forum}"],
    )
    return Sighting(SERVICE, draft)
