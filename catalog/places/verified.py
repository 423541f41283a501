"""What stands at the commits that records name: `catalog/data/places.json`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import field

from catalog import json_in
from catalog.errors import Finding, FindingsError
from catalog.files import write_whole
from catalog.places import naming
from catalog.places.naming import Place
from catalog.records import Project, Record

FILE = "catalog/data/places.json"

#: Lines of a file; where there is none, the paths that end in its name; a folder.
Found = int | list[str] | Literal["folder"]


class Cited(Record, kw_only=True):
    """A published work that a README asks to cite, as its BibTeX says."""

    title: str
    venue: str
    date: str | None = None
    line: int | None = None


class Looked(Record, kw_only=True):
    """What was looked up at one commit of one repository.

    `files`: a path as records name it -> what is there.
    `cites`: None where the README was not read.
    """

    date: str
    source: Literal["clone", "github"]
    files: dict[str, Found] = field(default_factory=dict)
    cites: list[Cited] | None = None


class Verified(Record, kw_only=True):
    """The whole file; keys are `owner/name@commit`."""

    schema: Literal["places/1"] = "places/1"
    commits: dict[str, Looked] = field(default_factory=dict)


def load(root: Path) -> Verified:
    """The file as it is; an empty one where there is none.

    Raises `FindingsError` for one that is damaged: what it says cannot be looked up everywhere.
    """
    path = root / FILE
    try:
        return json_in.decoded(path.read_bytes(), Verified)
    except FileNotFoundError:
        return Verified()
    except msgspec.DecodeError as error:
        finding = Finding(FILE, None, "", "Y001", str(error), f"git restore {FILE}")
        raise FindingsError([finding]) from None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many places a project names, how many are there, and when the last was looked up."""

    named: int
    there: int
    date: str


def beyond(place: Place, found: Found) -> bool:
    """Whether a place names a line that its file, which is there, does not have."""
    return isinstance(found, int) and place.last is not None and 0 < found < place.last


def tally(project: Project, known: Verified) -> Tally | None:
    """What was verified of a project's places; None where nothing was looked up."""
    places = list(naming.places(project))
    dates = []
    for place in places:
        repository = naming.belongs_to(place, project)
        looked = known.commits.get(naming.key(repository) or "") if repository else None
        found = looked.files.get(place.path) if looked else None
        if not looked or found is None or isinstance(found, list):
            continue
        if not beyond(place, found):
            dates.append(looked.date)
    return Tally(len(places), len(dates), max(dates)) if dates else None


def save(root: Path, verified: Verified) -> None:
    """Write the file whole, keys sorted."""
    data = msgspec.json.encode(
        {"schema": verified.schema, **msgspec.to_builtins(verified)}, order="deterministic"
    )
    write_whole(root / FILE, msgspec.json.format(data, indent=1) + b"\n")
