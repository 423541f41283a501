"""RIGA+: fundus photographs with optic disc and cup by six raters, as its archive unpacks.

`RIGA/<source>/<folder>/image<N>.tif` and `RIGA-mask/<source>/<folder>/image<N>-<rater>.tif`. Grey
values of masks: 0 background, 128 cup, another the rim of the disc; the disc holds the cup.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError, UsageError
from reproduce.contracts import Case, Dataset, Sample

# fundus/datasets/csv/MESSIDOR_Base{1,2,3}.csv of wkklavis/DAPSAM @ c7fd62e4
# fmt: off
LABELED: dict[str, tuple[int, ...]] = {
    "MESSIDOR_Base1": (
        2, 15, 16, 17, 19, 20, 23, 26, 27, 42, 58, 67, 72, 75, 76, 77, 81, 83, 85, 94, 95, 97,
        100, 108, 113, 114, 120, 129, 130, 135, 137, 145, 149, 154, 160,
    ),
    "MESSIDOR_Base2": (
        176, 178, 184, 190, 191, 193, 198, 202, 209, 213, 216, 222, 225, 228, 234, 241, 243, 245,
        264, 266, 267, 269, 282, 284, 291, 293, 296, 298, 301, 319,
    ),
    "MESSIDOR_Base3": (
        326, 335, 338, 341, 346, 347, 355, 362, 364, 370, 371, 373, 376, 385, 388, 389, 390, 392,
        398, 400, 401, 410, 417, 427, 432, 434, 440,
    ),
}
# fmt: on
RATERS = 6
TARGETS = "dapsam-csv"


class Riga(Dataset):
    """Plugin `riga`. Labels: `disc` (all that is not background) and `cup` (128). Option `rater`:
    whose masks, 1 to 6."""

    name = "riga"
    version = 1
    title = "RIGA+: optic disc and cup, three sources of Messidor"
    licence = "stated at its record in Zenodo; not read here"
    access = (
        "Download RIGA+ from zenodo.org/records/6325549, unpack it and pass the folder that holds "
        "RIGA and RIGA-mask with --data."
    )
    homepage: str | None = "https://zenodo.org/records/6325549"
    modalities = ("fundus",)
    labels = ("disc", "cup")
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {
        TARGETS: "92 images, the labelled ones of three sources: the lists of DAPSAM",
        **{
            source: f"{len(numbers)} labelled images of that source: a list of DAPSAM"
            for source, numbers in LABELED.items()
        },
    }
    may_show_images = False  # until the licence is read
    options: Mapping[str, str] = {"rater": "1 to 6: whose masks are the reference (1)"}

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by source and image. Raises `InputError` naming the first files that are missing,
        and `UsageError` for a rater who is none of the six."""
        from reproduce.ground.reading import need_folder

        self.need_split(split)
        rater = options.get("rater", 1)
        if isinstance(rater, bool) or rater not in range(1, RATERS + 1):
            raise UsageError(f"option rater: expected a number from 1 to {RATERS}, got {rater!r}")
        need_folder(root, self.title, self.access)
        found = []
        for source in LABELED if split == TARGETS else (split,):
            for number in LABELED[source]:
                image = root / "RIGA" / source / "Labeled" / f"image{number}.tif"
                mask = root / "RIGA-mask" / source / "Labeled" / f"image{number}-{rater}.tif"
                files = {"image": image, "label": mask}
                found.append(Case(id=f"{source}/image{number}", files=files))
        missing = [p for case in found for p in case.files.values() if not p.is_file()]
        if missing:
            told = ", ".join(path.relative_to(root).as_posix() for path in missing[:3])
            raise InputError(
                f"{root}: {len(missing)} of {2 * len(found)} files of riga, split {split}, are "
                f"missing: {told}. {self.access}"
            )
        return sorted(found, key=lambda case: case.id)

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image, disc and cup. Raises `InputError` for a mask of other grey values."""
        import numpy as np

        from reproduce.ground.reading import same_size
        from reproduce.readers import read_mask
        from reproduce.readers.picture import read_rgb
        from reproduce.readers.rules import stored_or_shown

        path = case.files["label"]
        image, mask = read_rgb(case.files["image"]), stored_or_shown(read_mask(path))
        same_size(image.shape[:2], mask.shape, case.files["image"], path)
        values = sorted(map(int, np.unique(mask)))
        if len(values) > 3 or 0 not in values or not set(values) & {128}:
            raise InputError(
                f"{path}: expected the grey values 0 (background), 128 (cup) and one more (rim of "
                f"the disc), got {', '.join(map(str, values[:8]))}: not a mask of RIGA+. "
                f"{self.access}"
            )
        return Sample.of_image(case, image, {"disc": mask > 0, "cup": mask == 128})


PLUGIN = Riga()
