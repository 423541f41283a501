"""Hugging Face: models and data sets by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from catalog.sources.http import Client, SourceError
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


def read(client: Client, name: str) -> HubRepository | None:
    """The model `owner/name` or data set `datasets/owner/name`; None where there is none.

    A private or gated-away repository answers 401 and is a `SourceError` with that status.
    """
    kind = "datasets" if name.startswith("datasets/") else "models"
    short = name.removeprefix("datasets/")
    headers = {}
    if token := client.settings.keys.get(SERVICE):
        headers["Authorization"] = f"Bearer {token}"
    found = client.json(SERVICE, f"/{kind}/{short}", None, headers)
    if found is None:
        return None
    if not isinstance(found, dict) or "id" not in found:
        raise SourceError(SERVICE, "format", "expected an object with `id`")
    files = [
        clean(str(item.get("rfilename", "")))
        for item in found.get("siblings") or []
        if isinstance(item, dict)
    ]
    present = clean(str(found["id"]))
    return HubRepository(
        name=name,
        moved_to=present if present.casefold() != short.casefold() else None,
        gated=bool(found.get("gated")),
        modified=_text(found.get("lastModified")),
        downloads=_number(found.get("downloads")),
        likes=_number(found.get("likes")),
        licence=_text((found.get("cardData") or {}).get("license")),
        weights_files=tuple(name for name in files if name.lower().endswith(_WEIGHTS)),
    )


def _text(value: Any) -> str | None:
    return clean(value) if isinstance(value, str) else None


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
