"""BiomedParseData: many sets as 1024x1024 PNG files, one mask a target.

`<set>/<split>/<image>.png` and `<set>/<split>_mask/<image>_<target>.png` with `<split>.json` beside
them (COCO's way: `images`, `annotations` with `mask_file`); `<image>` ends in
`_<modality>_<site>`, spaces of a target are written `+`, and sets may lie deeper (`MSD/Task01...`).
As `biomedparse_datasets/create-customer-datasets.py` of microsoft/BiomedParse @ 750eb40d reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError
from reproduce.contracts import Case, Dataset, Sample

SPLITS = ("test", "train")


class BiomedParse(Dataset):
    """Plugin `biomedparse`. A label is the task as BiomedParse's tables call it:
    `<modality>_<site>_<target>`. Option `set`: only this set (a folder below the root)."""

    name = "biomedparse"
    version = 1
    title = "BiomedParseData"
    licence = "each source's own (its DATASET.md lists them); not redistributed here"
    access = (
        "Download the sets of microsoft/BiomedParseData at Hugging Face (the public part; others "
        "come from their owners and have to be prepared as its README says), unpack them below one "
        "folder and pass it with --data."
    )
    homepage: str | None = "https://huggingface.co/datasets/microsoft/BiomedParseData"
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
    splits: Mapping[str, str] = {
        "test": "folders test/ and test_mask/, drawn by BiomedParse's authors",
        "train": "folders train/ and train_mask/, drawn by BiomedParse's authors",
    }
    may_show_images = False
    options: Mapping[str, str] = {
        "set": "folder of one data set of the collection",
    }

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Images as `<set>/<image>`, masks by role `mask:<label>`. Raises `InputError` for masks of
        no image, and for files that a set's own JSON declares and that are not there."""
        from reproduce.ground.reading import files_of, need_folder

        self.need_split(split)
        need_folder(root, self.title, self.access)
        start = root / str(options["set"]) if options.get("set") else root
        need_folder(start, self.title, self.access)
        folders = sorted(p for p in start.rglob(f"{split}_mask") if p.is_dir())
        if not folders:
            raise InputError(f"{start}: no folder {split}_mask there or below. {self.access}")
        found: list[Case] = []
        for masks in folders:
            images = masks.with_name(split)
            need_folder(images, f"{self.title} ({masks.parent.name})", self.access)
            pictures, own = files_of(images, (".png",)), files_of(masks, (".png",))
            prefix = masks.parent.relative_to(root).as_posix()
            files = {name: {"image": path} for name, path in pictures.items()}
            orphans = []
            for name, path in own.items():
                image, _, target = name.rpartition("_")
                if image in files:
                    files[image][f"mask:{_task(image, target)}"] = path
                else:
                    orphans.append(path.name)
            self._declared(masks, set(pictures), set(own), orphans)
            found += [
                Case(id=name if prefix == "." else f"{prefix}/{name}", files=content)
                for name, content in files.items()
                if len(content) > 1
            ]
        return sorted(found, key=lambda case: case.id)

    def _declared(self, masks: Path, pictures: set[str], own: set[str], orphans: list[str]) -> None:
        """Raise `InputError` unless the folders hold what `<split>.json` beside them declares."""
        from reproduce.ground.reading import read_with

        split = masks.name.removesuffix("_mask")
        problems = []
        if orphans:
            problems.append(f"{len(orphans)} masks of no image ({', '.join(orphans[:3])})")
        path = masks.with_name(f"{split}.json")
        if path.is_file():
            images, masks_said = read_with(path, "annotations", _declared_in)
            for what, there, said in (
                ("images", pictures, images),
                ("masks", own, masks_said),
            ):
                if gone := sorted(said - there):
                    problems.append(
                        f"{len(gone)} of {len(said)} declared {what} are missing "
                        f"({', '.join(gone[:3])})"
                    )
                if more := sorted(there - said):
                    problems.append(f"{len(more)} {what} are not declared ({', '.join(more[:3])})")
        if problems:
            raise InputError(f"{masks.parent}: {'; '.join(problems)}. {self.access}")

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image and all its masks (white is the object)."""
        from reproduce.readers.pairs import load_masks

        return load_masks(case)


def _declared_in(path: Path) -> tuple[set[str], set[str]]:
    """Names of images and masks that a set's JSON declares."""
    from reproduce.ground.reading import read_object

    declared = read_object(path)
    images = {Path(image["file_name"]).stem for image in declared["images"]}
    return images, {Path(mask["mask_file"]).stem for mask in declared["annotations"]}


def _task(image: str, target: str) -> str:
    """`patient001_frame01_1_MRI_heart`, `left+heart+ventricle` -> the task's name in their tables.

    >>> _task("patient001_frame01_1_MRI_heart", "left+heart+ventricle")
    'MRI_heart_left heart ventricle'
    """
    return "_".join([*image.split("_")[-2:], target.replace("+", " ")])


PLUGIN = BiomedParse()
