"""ISIC 2018, task 1: dermoscopy with lesion masks, in the folders the challenge distributes.

`ISIC2018_Task1-2_{Training,Validation,Test}_Input/ISIC_<7 digits>.jpg` and
`ISIC2018_Task1_{Training,Validation,Test}_GroundTruth/ISIC_<7 digits>_segmentation.png`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from reproduce.contracts import Archive, Case, Dataset, Sample

# split -> part of the folders' names, images
PARTS = {"test": ("Test", 1000), "validation": ("Validation", 100), "training": ("Training", 2594)}
# file -> sha256
FILES = {
    "ISIC2018_Task1-2_Test_Input": (
        "e59ae1f69f4ed16f09db2cb1d76c2a828487b63d28f6ab85997f5616869b127d"
    ),
    "ISIC2018_Task1_Test_GroundTruth": (
        "2e8f6edce454a5bdee52485e39f92bd6eddf357e81f39018d05512175238ef82"
    ),
    "ISIC2018_Task1-2_Validation_Input": (
        "0ea920fcfe512d12a6e620b50b50233c059f67b10146e1479c82be58ff15a797"
    ),
    "ISIC2018_Task1_Validation_GroundTruth": (
        "f6911e9c0a64e6d687dd3ca466ca927dd5e82145cb2163b7a1e5b37d7a716285"
    ),
    "ISIC2018_Task1-2_Training_Input": (
        "80f98572347a2d7a376227fa9eb2e4f7459d317cb619865b8b9910c81446675f"
    ),
    "ISIC2018_Task1_Training_GroundTruth": (
        "99f8b2bb3c4d6af483362010715f7e7d5d122d9f6c02cac0e0d15bef77c7604c"
    ),
}
SOURCE = "torch_em/data/datasets/medical/isic.py of constantinpape/torch-em @ 6f71247c"


class Isic2018(Dataset):
    """Plugin `isic2018`. A pixel of the mask above half of white is lesion."""

    name = "isic2018"
    version = 1
    title = "ISIC 2018, task 1: lesion boundary segmentation"
    licence = "CC-BY-NC-4.0, as third-party pages say; not confirmed at the challenge's own"
    access = (
        "Download ISIC2018_Task1-2_Test_Input.zip and ISIC2018_Task1_Test_GroundTruth.zip (and "
        "Training or Validation, where needed) at challenge.isic-archive.com/data/#2018, unpack "
        "them into one folder and pass it with --data."
    )
    homepage: str | None = "https://challenge.isic-archive.com/data/#2018"
    modalities = ("dermoscopy",)
    labels = ("lesion",)
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {
        split: f"{count} images, defined by the challenge" for split, (_, count) in PARTS.items()
    }
    may_show_images = False
    archives = tuple(
        Archive(
            file=f"{stem}.zip",
            urls=(f"https://isic-challenge-data.s3.amazonaws.com/2018/{stem}.zip",),
            folders={stem: stem},
            sha256=sha256,
            splits=tuple(split for split, (part, _) in PARTS.items() if f"_{part}_" in stem),
            source=SOURCE,
        )
        for stem, sha256 in FILES.items()
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
            root / f"ISIC2018_Task1-2_{part}_Input",
            root / f"ISIC2018_Task1_{part}_GroundTruth",
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


PLUGIN = Isic2018()
