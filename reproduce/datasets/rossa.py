"""ROSSA: OCTA images with vessel labels, in the folders it is distributed in.

`ROSSA/{train_manual,train_sam,val,test}/{image,label}/<number>.png`, 320x320; 918 images, every
number once. A folder with `image` and `label` alone is read as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from reproduce.contracts import Archive, Case, CaseList, Dataset, Sample

COMMIT = "53e87f8c9b9392c1dcababea07e986f111f4017c"
# split -> folder, images in it
PARTS = {
    "test": ("test", 100),
    "val": ("val", 100),
    "train-manual": ("train_manual", 100),
    "train-sam": ("train_sam", 618),
}


class Rossa(Dataset):
    """Plugin `rossa`. The labels of `train-sam` were drawn with the help of SAM."""

    name = "rossa"
    version = 1
    title = "ROSSA: OCTA vessels"
    licence = "MIT"
    access = (
        "Take dataset/ROSSA of github.com/nhjydywd/OCTA-FRNet and pass it, or the folder it lies "
        "in, with --data."
    )
    homepage: str | None = "https://github.com/nhjydywd/OCTA-FRNet"
    modalities = ("octa",)
    labels = ("vessel",)
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {
        "all": "every image that is there, 918 in all",
        **{
            split: f"{count} images, defined by the data set (folder {folder})"
            for split, (folder, count) in PARTS.items()
        },
    }
    may_show_images = True
    archives = (
        Archive(
            file=f"OCTA-FRNet-{COMMIT}.tar.gz",
            urls=(f"https://codeload.github.com/nhjydywd/OCTA-FRNet/tar.gz/{COMMIT}",),
            folders={"*/dataset/ROSSA": "ROSSA"},
            content="0ffad055318a29ced3f59638f9e3de361f65092788bb331a3cca1588725985d9",
            source="hashed from the repository at this commit, 2026-11-20",
        ),
    )
    case_lists = tuple(
        CaseList(split, sha256, f"nhjydywd/OCTA-FRNet @ {COMMIT}, the authors' repository")
        for split, sha256 in (
            ("all", "2314d2ffdb39991018dd5eafc00efc3b6cc63f165e0b305b051c2b7f3680a926"),
            ("test", "37e7954557936551b5b4facd80c81e6831998c074f8cddade59a233c87f35bbf"),
            ("val", "41e2440bd930cee7ce662b520256256de9abf48d2e9d9ec1623e6de6b172fde4"),
            ("train-manual", "e7596362ce54a073bb1454609e225d6b42e144b8574702e3f35ed956b24ff1c1"),
            ("train-sam", "aa7f0078a5fbcbbf1ebc95e5bc8d37b6eaea295bf415c1b4a726d5bd532041f2"),
        )
    )

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by number. Raises `InputError` saying which images and labels are missing or too
        many, and how many images there should be."""
        from reproduce.ground.reading import need_folder
        from reproduce.readers.pairs import paired_cases

        self.need_split(split)
        need_folder(root, self.title, self.access)
        if split == "all" and (root / "image").is_dir():
            places: list[tuple[Path, int | None]] = [(root, None)]
        else:
            inner = root / "ROSSA"
            place = inner if inner.is_dir() else root
            wanted = PARTS.values() if split == "all" else (PARTS[split],)
            places = [(place / folder, count) for folder, count in wanted]
        found = [
            case
            for folder, count in places
            for case in paired_cases(
                self, folder / "image", folder / "label", count, known=r"\d+", which=split
            )
        ]
        return sorted(found, key=lambda case: case.id)

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image and vessel mask (values 0 and 255)."""
        from reproduce.readers.pairs import load_pair

        return load_pair(case, "vessel")


PLUGIN = Rossa()
