"""What stands at the commits that records name: `catalog/data/places.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
from msgspec import field

from catalog.errors import Finding, FindingsError
from catalog.files import write_whole
from catalog.records import Record

FILE = "catalog/data/places.json"


class Cited(Record, kw_only=True):
    """A published work that a README asks to cite, as its BibTeX says."""

    title: str
    venue: str
    date: str | None = None
    line: int | None = None


class Looked(Record, kw_only=True):
    """What was looked up at one commit of one repository.

    `files`: a path as records name it -> its number of lines; a list where there is no such file
    (the paths that end in its name, so that a wrong folder is seen); `folder`.
    `cites`: None where the README was not read.
    """

    date: str
    source: Literal["clone", "github"]
    files: dict[str, int | list[str] | Literal["folder"]] = field(default_factory=dict)
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
        return msgspec.json.decode(path.read_bytes(), type=Verified)
    except FileNotFoundError:
        return Verified()
    except msgspec.DecodeError as error:
        finding = Finding(FILE, None, "", "Y001", str(error), f"git restore {FILE}")
        raise FindingsError([finding]) from None


def save(root: Path, verified: Verified) -> None:
    """Write the file whole, keys sorted."""
    data = msgspec.json.encode(
        {"schema": verified.schema, **msgspec.to_builtins(verified)}, order="deterministic"
    )
    write_whole(root / FILE, msgspec.json.format(data, indent=1) + b"\n")
