"""REFUGE with the outlines of seven raters, the copy that Medical SAM Adapter reads.

`{Training,Test}-400/<case>/<case>.jpg`, `<case>_seg_cup_<1-7>.png`, `<case>_seg_disc_<1-7>.png`, as
`dataset/refuge.py` of SuperMedIntel/Medical-SAM-Adapter @ 0add836c reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError, UsageError
from reproduce.contracts import Case, Dataset, Sample

SPLITS = ("Test-400", "Training-400")
RATERS = range(1, 8)
COUNT = 400


class RefugeMultirater(Dataset):
    """Plugin `refuge-multirater`. Option `rater`: 1-7, or `majority` (default): foreground is what
    four or more of the seven outlined."""

    name = "refuge-multirater"
    version = 1
    title = "REFUGE, seven raters"
    licence = "not stated; not redistributed here"
    access = (
        "Download realslimman/REFUGE-MultiRater at Hugging Face (linked from the README of Medical "
        "SAM Adapter), unpack it and pass the folder that holds Test-400 with --data."
    )
    homepage: str | None = "https://huggingface.co/datasets/realslimman/REFUGE-MultiRater"
    modalities = ("fundus",)
    labels = ("disc", "cup")
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {
        "Test-400": "400 images, the folder of this name",
        "Training-400": "400 images, the folder of this name",
    }
    may_show_images = False
    options: Mapping[str, str] = {
        "rater": "1 to 7, or majority",
    }

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by folder name, masks by role `disc:<rater>`, `cup:<rater>`. Raises `InputError`
        naming every missing file and how many cases there should be."""
        from reproduce.ground.reading import need_folder

        self.need_split(split)
        rater = options.get("rater", "majority")
        if rater != "majority" and rater not in RATERS:
            raise UsageError(f"refuge-multirater: option rater: 1 to 7 or majority, got {rater!r}")
        need_folder(root, self.title, self.access)
        need_folder(root / split, f"{self.title} ({split})", self.access)
        found = []
        for folder in sorted(p for p in (root / split).iterdir() if p.is_dir()):
            name = folder.name
            files = {"image": folder / f"{name}.jpg"}
            for label in self.labels:
                for number in RATERS:
                    files[f"{label}:{number}"] = folder / f"{name}_seg_{label}_{number}.png"
            found.append(Case(id=name, files=files))
        missing = [str(p) for case in found for p in case.files.values() if not p.is_file()]
        problems = []
        if missing:
            problems.append(f"{len(missing)} files are missing ({', '.join(missing[:3])})")
        if len(found) != COUNT:
            problems.append(f"expected {COUNT} cases, got {len(found)}")
        if problems:
            raise InputError(f"{root / split}: {'; '.join(problems)}. {self.access}")
        return found

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image, disc and cup of one rater or of the majority."""
        import numpy as np

        from reproduce.readers.pairs import read_object_like
        from reproduce.readers.picture import read_rgb

        image = read_rgb(case.files["image"])
        rater = options.get("rater", "majority")
        chosen = RATERS if rater == "majority" else (int(rater),)
        labels = {}
        for label in self.labels:
            outlines = [read_object_like(image, case, f"{label}:{number}") for number in chosen]
            labels[label] = np.sum(outlines, axis=0) > len(outlines) / 2
        return Sample.of_image(case, image, labels)


PLUGIN = RefugeMultirater()
