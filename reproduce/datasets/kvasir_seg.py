"""Kvasir-SEG: 1,000 polyp images with masks, in the folders it is distributed in.

`Kvasir-SEG/images/<id>.jpg` and `Kvasir-SEG/masks/<id>.jpg`. Masks are JPEG files: grey values in
between are compression, and are cut at half of white.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from reproduce.contracts import Archive, Case, Dataset, Sample

COUNT = 1000


class KvasirSeg(Dataset):
    """Plugin `kvasir-seg`. Option `above`: grey values above this are polyp (default 127)."""

    name = "kvasir-seg"
    version = 1
    title = "Kvasir-SEG"
    licence = "research and education use, with citation; not redistributed here"
    access = (
        "Download kvasir-seg.zip at datasets.simula.no/kvasir-seg, unpack it and pass the folder "
        "Kvasir-SEG, or the one it lies in, with --data."
    )
    homepage: str | None = "https://datasets.simula.no/kvasir-seg/"
    modalities = ("endoscopy",)
    labels = ("polyp",)
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {
        "all": "1,000 images; the 100 of PraNet's test set are the split kvasir of the plugin polyp"
    }
    may_show_images = False
    options: Mapping[str, str] = {
        "above": "grey value above which a pixel is a polyp",
    }
    archives = (
        Archive(
            file="kvasir-seg.zip",
            urls=("https://datasets.simula.no/downloads/kvasir-seg.zip",),
            folders={"Kvasir-SEG": "Kvasir-SEG"},
            sha256="03b30e21d584e04facf49397a2576738fd626815771afbbf788f74a7153478f7",
            source="torch_em/data/datasets/medical/kvasir.py of constantinpape/torch-em @ 6f71247c",
        ),
    )

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by image id. Raises `InputError` saying which images and masks are missing or too
        many, and how many images there should be."""
        from reproduce.ground.reading import need_folder
        from reproduce.readers.pairs import paired_cases

        self.need_split(split)
        need_folder(root, self.title, self.access)
        inner = root / "Kvasir-SEG"
        place = inner if inner.is_dir() else root
        return paired_cases(self, place / "images", place / "masks", COUNT)

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image and polyp mask."""
        from reproduce.ground.reading import whole_option
        from reproduce.readers.pairs import load_pair

        return load_pair(case, "polyp", whole_option(options, "above", 127, range(255)))


PLUGIN = KvasirSeg()
