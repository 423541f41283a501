"""CVC-ClinicDB: 612 frames of 29 colonoscopies, in the folders it is distributed in.

`CVC-ClinicDB/Original/<n>.tif` and `CVC-ClinicDB/Ground Truth/<n>.tif`, 288x384; copies with PNG
files are read too. The frames come from 29 sequences, which the folders do not name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from reproduce.contracts import Case, Dataset, Sample

COUNT = 612


class CvcClinicDb(Dataset):
    """Plugin `cvc-clinicdb`. A pixel of the mask above half of white is polyp."""

    name = "cvc-clinicdb"
    version = 1
    title = "CVC-ClinicDB"
    licence = "not stated; research use with citation; not redistributed here"
    access = (
        "Get CVC-ClinicDB.rar by polyp.grand-challenge.org/CVCClinicDB, unpack it and pass the "
        "folder CVC-ClinicDB, or the one it lies in, with --data."
    )
    homepage: str | None = "https://polyp.grand-challenge.org/CVCClinicDB/"
    modalities = ("endoscopy",)
    labels = ("polyp",)
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {
        "all": "612 frames; the 62 of PraNet's test set are the split cvc-clinicdb of the plugin "
        "polyp"
    }
    may_show_images = False

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by frame number. Raises `InputError` saying which frames and masks are missing or
        too many, and how many frames there should be."""
        from reproduce.ground.reading import need_folder
        from reproduce.readers.pairs import paired_cases

        self.need_split(split)
        need_folder(root, self.title, self.access)
        inner = root / "CVC-ClinicDB"
        place = inner if inner.is_dir() else root
        found = paired_cases(self, place / "Original", place / "Ground Truth", COUNT, known=r"\d+")
        return [
            Case(id=f"{int(case.id):03d}", files=case.files)
            for case in sorted(found, key=lambda case: int(case.id))
        ]

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Frame and polyp mask."""
        from reproduce.readers.pairs import load_pair

        return load_pair(case, "polyp")


PLUGIN = CvcClinicDb()
