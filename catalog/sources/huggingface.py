"""Hugging Face: models and data sets by name."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from catalog.sources.http import Client
from catalog.text import clean

SERVICE = "huggingface"
_WEIGHTS = (".safetensors", ".bin", ".pth", ".pt", ".ckpt", ".onnx", ".h5")


@dataclass(frozen=True, slots=True)
class HubRepository:
    """A model or data set. `licence` as its card says (lower case), None where it says nothing."""

    name: str
    moved_to: str | None
    gated: bool
    modified: str | None
    downloads: int | None
    likes: int | None
    licence: str | None
    weights_files: tuple[str, ...]


class _File(Struct):
    rfilename: str


class _Card(Struct):
    license: str | list[str] | None = None


class _Answer(Struct, rename="camel"):
    id: str
    siblings: list[_File] | None = None
    gated: bool | str | None = None
    last_modified: str | None = None
    downloads: int | None = None
    likes: int | None = None
    card_data: _Card | None = None


def read(client: Client, name: str) -> HubRepository | None:
    """The model `owner/name` or data set `datasets/owner/name`; None where there is none.

    A private or gated-away repository answers 401 and is a `SourceError` with that status.
    """
    kind = "datasets" if name.startswith("datasets/") else "models"
    short = name.removeprefix("datasets/")
    headers = {}
    if token := client.settings.keys.get(SERVICE):
        headers["Authorization"] = f"Bearer {token}"
    found = client.ask(SERVICE, f"/{kind}/{short}", _Answer, None, headers)
    if found is None:
        return None
    files = [clean(file.rfilename) for file in found.siblings or []]
    present = clean(found.id)
    licence = found.card_data and found.card_data.license
    if isinstance(licence, list):
        licence = " and ".join(licence)
    return HubRepository(
        name=name,
        moved_to=present if present.casefold() != short.casefold() else None,
        gated=bool(found.gated),
        modified=found.last_modified and clean(found.last_modified),
        downloads=found.downloads,
        likes=found.likes,
        licence=clean(licence) if licence else None,
        weights_files=tuple(name for name in files if name.lower().endswith(_WEIGHTS)),
    )
