"""ISIC 2016, part 1: dermoscopy with lesion masks, in the folders the challenge distributes.

`ISBI2016_ISIC_Part1_{Training,Test}_Data/ISIC_<7 digits>.jpg` and
`ISBI2016_ISIC_Part1_{Training,Test}_GroundTruth/ISIC_<7 digits>_Segmentation.png` (0 and 255).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from reproduce.contracts import Archive, Case, Dataset, Sample

# split -> part of the folders' names, images
PARTS = {"test": ("Test", 379), "training": ("Training", 900)}
# file -> md5
FILES = {
    "ISBI2016_ISIC_Part1_Test_Data": "efebcaeaae751007401a40a60d391f93",
    "ISBI2016_ISIC_Part1_Test_GroundTruth": "492a7711a2e19b96114cab6c96bd1ad5",
    "ISBI2016_ISIC_Part1_Training_Data": "2029f387e62dcc062b1370b1efc1f7fb",
    "ISBI2016_ISIC_Part1_Training_GroundTruth": "fbd77134298f3511479a37bac93109c7",
}
SOURCE = "two unrelated download scripts on GitHub that check these md5 sums, read 2026-11-20"


class Isic2016(Dataset):
    """Plugin `isic2016`. A pixel of the mask above half of white is lesion."""

    name = "isic2016"
    version = 1
    title = "ISIC 2016, part 1: lesion segmentation"
    licence = "CC0-1.0, as third-party pages say; not confirmed at the challenge's own"
    access = (
        "Download ISBI2016_ISIC_Part1_Test_Data.zip and _Test_GroundTruth.zip (and Training, where "
        "needed) at challenge.isic-archive.com/data/#2016, unpack them into one folder and pass it "
        "with --data."
    )
    homepage: str | None = "https://challenge.isic-archive.com/data/#2016"
    modalities = ("dermoscopy",)
    labels = ("lesion",)
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {
        "test": "379 images, defined by the challenge",
        "training": "900 images, defined by the challenge",
    }
    may_show_images = False  # until the licence is confirmed
    archives = tuple(
        Archive(
            file=f"{stem}.zip",
            urls=(f"https://isic-challenge-data.s3.amazonaws.com/2016/{stem}.zip",),
            folders={stem: stem},
            md5=md5,
            splits=("test" if "_Test_" in stem else "training",),
            source=SOURCE,
        )
        for stem, md5 in FILES.items()
    )

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by image id. Raises `InputError` saying which images and masks are missing or too
        many, and how many images there should be."""
        from reproduce.ground.reading import need_folder
        from reproduce.readers.pairs import paired_cases

        self.need_split(split)
        need_folder(root, self.title, self.access)
        part, count = PARTS[split]
        return paired_cases(
            self,
            root / f"ISBI2016_ISIC_Part1_{part}_Data",
            root / f"ISBI2016_ISIC_Part1_{part}_GroundTruth",
            count,
            known=r"ISIC_\d{7}",
            image_suffixes=(".jpg",),
            mask_suffixes=("_segmentation.png",),
            which=split,
        )

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image and lesion mask."""
        from reproduce.readers.pairs import load_pair

        return load_pair(case, "lesion")


PLUGIN = Isic2016()
