"""REFUGE: fundus photographs with optic disc and cup, in the folders the challenge distributes.

Images `Training400/{Glaucoma,Non-Glaucoma}/*.jpg`, `REFUGE-Validation400/*.jpg`, `Test400/*.jpg`;
masks of the same names, `.bmp`, below `Annotation-Training400/Disc_Cup_Masks`,
`REFUGE-Validation400-GT/Disc_Cup_Masks` and `REFUGE-Test-GT/Disc_Cup_Masks/{G,N}`. Grey values: 0
cup, 128 rim of the disc, 255 background; the disc holds the cup. Archives are also unpacked under
other outer names (`REFUGE-Training400`, `REFUGE-Test400`), which are found too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError
from reproduce.contracts import Case, Dataset, Sample

# split -> names that the folder of images goes by, folder of masks
FOLDERS = {
    "training": (("Training400", "REFUGE-Training400"), "Annotation-Training400"),
    "validation": (("REFUGE-Validation400", "Validation400"), "REFUGE-Validation400-GT"),
    "test": (("Test400", "REFUGE-Test400"), "REFUGE-Test-GT"),
}
COUNT = 400


class Refuge(Dataset):
    """Plugin `refuge`. Labels: `disc` (grey 0 and 128) and `cup` (grey 0)."""

    name = "refuge"
    version = 1
    title = "REFUGE: optic disc and cup"
    licence = "the challenge's terms, after registration; not redistributed here"
    access = (
        "Register at refuge.grand-challenge.org, download images and Disc_Cup_Masks (Training400, "
        "Annotation-Training400, REFUGE-Validation400(-GT), Test400, REFUGE-Test-GT), unpack them "
        "into one folder and pass it with --data."
    )
    homepage: str | None = "https://refuge.grand-challenge.org/"
    modalities = ("fundus",)
    labels = ("disc", "cup")
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = dict.fromkeys(FOLDERS, "400 images, defined by the challenge")
    may_show_images = False

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by image name. Raises `InputError` saying which images and masks are missing or
        too many, and how many images there should be."""
        from reproduce.ground.reading import matched, need_folder

        self.need_split(split)
        need_folder(root, self.title, self.access)
        names, annotations = FOLDERS[split]
        pictures = next((root / name for name in names if (root / name).is_dir()), root / names[0])
        for folder in (pictures, root / annotations):
            need_folder(folder, f"{self.title} ({split})", self.access)
        images = _below(pictures, ".jpg")
        masks = {
            name: path
            for name, path in _below(root / annotations, ".bmp").items()
            if "Disc_Cup_Masks" in path.parts
        }
        found = matched(pictures, images, masks, COUNT, self.access)
        return [Case(id=n, files={"image": images[n], "label": masks[n]}) for n in found]

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image, disc and cup. Raises `InputError` for a mask with other grey values."""
        import numpy as np

        from reproduce.ground.reading import same_size
        from reproduce.readers import read_mask
        from reproduce.readers.picture import read_rgb
        from reproduce.readers.rules import stored_or_shown

        image, found = read_rgb(case.files["image"]), read_mask(case.files["label"])
        mask = stored_or_shown(found)
        same_size(image.shape[:2], mask.shape, case.files["image"], case.files["label"])
        values = sorted(map(int, np.unique(mask)))
        if not set(values) <= {0, 128, 255}:
            raise InputError(
                f"{case.files['label']}: expected the grey values 0 (cup), 128 (disc) and 255 "
                f"(background), got {', '.join(map(str, values[:8]))}: not the mask that the "
                f"challenge distributes. {self.access}"
            )
        return Sample.of_image(case, image, {"disc": mask < 255, "cup": mask == 0})


def _below(folder: Path, suffix: str) -> dict[str, Path]:
    """Files with a suffix anywhere below a folder, by name. Raises `InputError` for a name that is
    there twice."""
    from reproduce.ground.reading import need_readable

    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() != suffix or path.name.startswith(".") or "__MACOSX" in path.parts:
            continue
        need_readable(path)
        if path.stem in found:
            raise InputError(f"{path}: {found[path.stem]} has the same name; which one counts?")
        found[path.stem] = path
    return found


PLUGIN = Refuge()
