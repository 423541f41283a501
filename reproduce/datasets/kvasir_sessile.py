"""Kvasir-Sessile as I-MedSAM's authors share it: train, val and test, each with images and masks.

`sessile-Kvasir/<part>/images/<name>` and `sessile-Kvasir/<part>/masks/<name>`, of equal names.
Which of the 196 images of Kvasir-SEG with sessile polyps are in which part the zip alone says.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from reproduce.contracts import Case, Dataset, Sample

SHARE = "https://drive.google.com/drive/folders/101LDnr7Gget7ehZQkHCNH1csD2WCCBX6"
PARTS = {"i-medsam-train": "train", "i-medsam-val": "val", "i-medsam-test": "test"}


class KvasirSessile(Dataset):
    """Plugin `kvasir-sessile`. Option `above`: grey values above this are polyp (default 127)."""

    name = "kvasir-sessile"
    version = 1
    title = "Kvasir-Sessile, as I-MedSAM splits it"
    licence = "research and education use, with citation (Kvasir-SEG); not redistributed here"
    access = (
        "Get sessile-Kvasir.zip from the folder that the README of ucwxb/I-MedSAM names (Google "
        "Drive), unpack it and pass the folder sessile-Kvasir, or the one it lies in, with --data."
    )
    homepage: str | None = SHARE
    modalities = ("endoscopy",)
    labels = ("polyp",)
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {
        split: f"sessile-Kvasir/{folder}, every image in it" for split, folder in PARTS.items()
    }
    may_show_images = False
    options: Mapping[str, str] = {
        "above": "grey value above which a pixel is a polyp",
    }

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by name. Raises `InputError` for names without a partner."""
        from reproduce.ground.reading import need_folder
        from reproduce.readers.pairs import paired_cases

        self.need_split(split)
        need_folder(root, self.title, self.access)
        inner = root / "sessile-Kvasir"
        place = (inner if inner.is_dir() else root) / PARTS[split]
        return paired_cases(self, place / "images", place / "masks", None, which=PARTS[split])

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image and polyp mask."""
        from reproduce.ground.reading import whole_option
        from reproduce.readers.pairs import load_pair

        return load_pair(case, "polyp", whole_option(options, "above", 127, range(255)))


PLUGIN = KvasirSessile()
