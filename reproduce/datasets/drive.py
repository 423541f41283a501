"""DRIVE: 40 fundus photographs with vessel labels, in the layout it is distributed in.

`training/{images,1st_manual,mask}` (21-40) and `test/{images,1st_manual,2nd_manual,mask}` (01-20);
565x584 pixels, TIFF images, GIF masks with values 0 and 255. The field of view (`mask`) is `valid`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError
from reproduce.contracts import Archive, Case, CaseList, Dataset, Sample

SPLITS = {
    "training": range(21, 41),
    "test": range(1, 21),
    "lwnet-train": range(21, 37),
    "lwnet-val": range(37, 41),
}

# Public copies, by hash of every file the same, of owners who have nothing to do with each other.
RETINA_UNET = "orobix/retina-unet @ 1ccd6f8 (history)"
MY_UNET = "lixiang007666/My_Unet @ 96138a3e"
DATA = "mipple1986/data @ 92b9449a"


class Drive(Dataset):
    """Plugin `drive`. Option `observer`: 1 (default) or 2, the second observer (test only)."""

    name = "drive"
    version = 1
    title = "DRIVE: Digital Retinal Images for Vessel Extraction"
    licence = "research use after registration; not redistributed here"
    access = (
        "Register at the DRIVE challenge, download training.zip and test.zip, unpack both into one "
        "folder and pass it with --data."
    )
    homepage: str | None = "https://drive.grand-challenge.org/"
    modalities = ("fundus",)
    labels = ("vessel",)
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {
        "training": "images 21-40, defined by the data set",
        "test": "images 01-20, defined by the data set",
        "lwnet-train": "images 21-36: get_public_data.py of agaldran/lwnet @ ce72ddab, line 94",
        "lwnet-val": "images 37-40: the same line",
    }
    may_show_images = False
    options: Mapping[str, str] = {
        "observer": "1, or 2: the second observer (test only)",
    }
    archives = tuple(
        Archive(
            file=f"{part}.zip",
            urls=(),
            folders={part: part},
            sha256=sha256,
            splits=splits,
            source="torch_em/data/datasets/medical/drive.py of constantinpape/torch-em @ 6f71247c",
        )
        for part, sha256, splits in (
            (
                "training",
                "7101e19598e2b7aacdbd5e6e7575057b9154a4aaec043e0f4e28902bf4e2e209",
                ("training", "lwnet-train", "lwnet-val"),
            ),
            ("test", "d76c95c98a0353487ffb63b3bb2663c00ed1fde7d8fdfd8c3282c6e310a02731", ("test",)),
        )
    )
    case_lists = (
        CaseList(
            "lwnet-val",
            "61cf11a2783c9ed709396cc03750d1ac7474fefdd13da1efc2065aaa643cc7db",
            "files in the history of orobix/retina-unet @ 1ccd6f8: with them the released weights "
            "of lwnet give the printed digits of Dice and AUC",
        ),
        *(
            CaseList(split, sha256, f"the same files in {' and in '.join(places)}", options)
            for split, sha256, places, options in (
                (
                    "training",
                    "566c207b26a6173cfd18b2f2a6cab8e1bc7fb83241cf407407ce254c2116dec7",
                    (RETINA_UNET, MY_UNET),
                    {},
                ),
                (
                    "lwnet-train",
                    "03d63827915987180a63acbb447c8531c45c456458e4b0ca9f64c3d9e226dc90",
                    (RETINA_UNET, MY_UNET),
                    {},
                ),
                (
                    "test",
                    "dea037fad2196d56819698b22b90543302f8f5744131e409da3467fe7e61e554",
                    (RETINA_UNET, DATA),
                    {"observer": (None, 1)},
                ),
                (  # the second observer
                    "test",
                    "68802f1ba294e681aeb6500038a636c95fdfdd3f064748a9b2565635ff6837b8",
                    (RETINA_UNET, DATA),
                    {"observer": (2,)},
                ),
            )
        ),
    )

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases of a split, by number. Raises `InputError` listing every file that is missing."""
        from reproduce.ground.reading import need_folder, whole_option

        self.need_split(split)
        need_folder(root, self.title, self.access)
        observer = whole_option(options, "observer", 1, range(1, 3))
        ordinal = {1: "1st", 2: "2nd"}[observer]
        found = []
        for number in SPLITS[split]:
            part = "test" if number <= 20 else "training"
            files = {
                "image": root / part / "images" / f"{number:02d}_{part}.tif",
                "label": root / part / f"{ordinal}_manual" / f"{number:02d}_manual{observer}.gif",
                "valid": root / part / "mask" / f"{number:02d}_{part}_mask.gif",
            }
            found.append(Case(id=f"{number:02d}", files=files, patient=f"{number:02d}"))
        missing = [str(p) for case in found for p in case.files.values() if not p.is_file()]
        if missing:
            raise InputError(
                f"{root}: {len(missing)} of {3 * len(found)} files of DRIVE {split} are missing, "
                f"the first: {', '.join(missing[:3])}. {self.access}"
            )
        return found

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image, vessel mask and field of view of one case."""
        from dataclasses import replace

        from reproduce.readers.pairs import load_pair, read_object_like

        sample = load_pair(case, "vessel")
        return replace(sample, valid=read_object_like(sample.values[0], case, "valid")[None])


PLUGIN = Drive()
