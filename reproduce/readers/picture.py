"""Masks in image files (PNG, GIF, TIFF ...): one stored value a pixel."""

from __future__ import annotations

from pathlib import Path

from reproduce.readers.masks import Geometry, MaskFile
from reproduce.reading import read_values


def read(path: Path, key: str | None = None) -> MaskFile:
    """An image file as (H, W). Raises `InputError` for colours and damaged files."""
    values = read_values(path)
    return MaskFile(path, Geometry(values.shape), values)
