"""The five polyp test sets in the layout that PraNet distributes and most later work reads.

`TestDataset/<set>/images/<name>.png` and `TestDataset/<set>/masks/<name>.png`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from reproduce.contracts import Archive, Case, Dataset, Sample

# split -> folder of the zip, images in it
SETS = {
    "cvc-300": ("CVC-300", 60),
    "cvc-clinicdb": ("CVC-ClinicDB", 62),
    "cvc-colondb": ("CVC-ColonDB", 380),
    "etis": ("ETIS-LaribPolypDB", 196),
    "kvasir": ("Kvasir", 100),
}


class Polyp(Dataset):
    """Plugin `polyp`. Option `above`: grey values above this are polyp (default 127); scripts of
    the field differ, and masks with soft edges make that a difference."""

    name = "polyp"
    version = 1
    title = "PraNet polyp test sets"
    licence = "each set's own; not redistributed here"
    access = (
        "Get TestDataset.zip from the README of DengPingFan/PraNet (Google Drive), unpack it and "
        "pass the folder with --data."
    )
    homepage: str | None = "https://github.com/DengPingFan/PraNet"
    modalities = ("endoscopy",)
    labels = ("polyp",)
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {
        split: f"TestDataset/{folder}, {count} images, chosen by PraNet"
        for split, (folder, count) in SETS.items()
    }
    may_show_images = False
    options: Mapping[str, str] = {
        "above": "grey value above which a pixel is a polyp",
    }
    archives = (
        Archive(
            file="TestDataset.zip",
            urls=("https://drive.google.com/file/d/1Y2z7FD5p5y31vkZwQQomXFRB0HutHyao/view",),
            folders={"TestDataset": "TestDataset"},
            source="README.md of DengPingFan/PraNet @ 95f12bd4, line 173; no hash is known",
        ),
    )

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by name. `root` is `TestDataset` or the folder it lies in. Raises `InputError` for
        names without a partner and for a set of another size."""
        from reproduce.ground.reading import need_folder
        from reproduce.readers.pairs import paired_cases

        self.need_split(split)
        need_folder(root, self.title, self.access)
        folder, count = SETS[split]
        inner = root / "TestDataset"
        place = (inner if inner.is_dir() else root) / folder
        return paired_cases(self, place / "images", place / "masks", count, which=folder)

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image and polyp mask."""
        from reproduce.ground.reading import whole_option
        from reproduce.readers.pairs import load_pair

        return load_pair(case, "polyp", whole_option(options, "above", 127, range(255)))


PLUGIN = Polyp()
