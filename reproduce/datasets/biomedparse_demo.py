"""BiomedParse's demo: 27 images of nine modalities, 71 masks, all 1024x1024.

`demo/<image>.png` and `demo_mask/<image>_<target>.png`, spaces of a target written as `+`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError
from reproduce.contracts import Archive, Case, CaseList, Dataset, Sample

COMMIT = "750eb40d4624398561fe586418101f48ae9b0f1d"


class BiomedParseDemo(Dataset):
    """Plugin `biomedparse-demo`. Labels are the targets as the files are called."""

    name = "biomedparse-demo"
    version = 1
    title = "BiomedParse demo images"
    licence = "not stated for the images; not redistributed here"
    access = (
        "Take the demo images and masks of github.com/microsoft/BiomedParse into demo/, demo_mask/."
    )
    homepage: str | None = "https://github.com/microsoft/BiomedParse"
    modalities = (
        "ct",
        "mri",
        "x-ray",
        "pathology",
        "ultrasound",
        "fundus",
        "endoscopy",
        "dermoscopy",
        "oct",
    )
    labels: tuple[str, ...] = ()
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {"all": "every image of the demo"}
    may_show_images = False
    archives = (
        Archive(
            file=f"BiomedParse-{COMMIT}.tar.gz",
            urls=(f"https://codeload.github.com/microsoft/BiomedParse/tar.gz/{COMMIT}",),
            folders={
                f"*/biomedparse_datasets/BiomedParseData-Demo/{folder}": folder
                for folder in ("demo", "demo_mask")
            },
            content="733e8f7db15bbb07f447da438d324dcd7f696df4be96c384076f7fe0621db5c2",
            source="hashed from the repository at this commit, 2026-11-20",
        ),
    )
    case_lists = (
        CaseList(
            "all",
            "8210e56b3e19e81116891bcbd69df9773d5788a8691d3076f1059ec3c42931f9",
            "the files whose content is that of the archive above",
        ),
    )

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Images with their masks by role `mask:<target>`."""
        from reproduce.ground.reading import files_of, need_folder

        self.need_split(split)
        for name in ("demo", "demo_mask"):
            need_folder(root / name, self.title, self.access)
        images, masks = files_of(root / "demo"), files_of(root / "demo_mask")
        files = {name: {"image": path} for name, path in images.items()}
        for name, path in masks.items():
            owner = next((i for i in images if name.startswith(i + "_")), None)
            if owner is None:
                raise InputError(f"{path}: a mask of no image in {root / 'demo'}.")
            files[owner][f"mask:{name.removeprefix(owner + '_')}"] = path
        return [Case(id=name, files=content) for name, content in sorted(files.items())]

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image and all its masks (RGBA files, white is the object)."""
        from reproduce.readers.pairs import load_masks

        return load_masks(case)


PLUGIN = BiomedParseDemo()
