"""SAM-Med2D's demo data: one image, many masks, declared in JSON.

`label2image_test.json` maps mask -> image, `image2label_train.json` image -> [masks]; paths begin
with `data_demo/`, the folder's own name. Masks are called `<image>_<class>_<number>.png`; numbers
tell instances of one class apart, and each is an object of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError
from reproduce.contracts import Archive, Case, CaseList, Dataset, Sample

COMMIT = "bfd2b93b1158100c8abd81f61766a2de92c1c175"
FILES = {"test": "label2image_test.json", "train": "image2label_train.json"}


class SamMed2dDemo(Dataset):
    """Plugin `sam-med2d-demo`. A label is `<class>_<number>`, as the mask files are called."""

    name = "sam-med2d-demo"
    version = 1
    title = "SAM-Med2D demo data"
    licence = "Apache-2.0"
    access = (
        "Take the folder data_demo/ of github.com/OpenGVLab/SAM-Med2D; pass it, or the folder it "
        "lies in, with --data."
    )
    homepage: str | None = "https://github.com/OpenGVLab/SAM-Med2D"
    modalities = ("ct",)
    labels: tuple[str, ...] = ()
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {name: f"declared in {file}" for name, file in FILES.items()}
    may_show_images = True
    archives = (
        Archive(
            file=f"SAM-Med2D-{COMMIT}.tar.gz",
            urls=(f"https://codeload.github.com/OpenGVLab/SAM-Med2D/tar.gz/{COMMIT}",),
            folders={"*/data_demo": "data_demo"},
            content="994b1df9cfc822ff33fdc3947a73ccec15ed7a23f9ae70c11a5f6232a6f81086",
            source="hashed from the repository at this commit, 2026-11-20",
        ),
    )
    case_lists = (
        CaseList(
            "test",
            "0f7824cbdaac73034a6ac78385e9519a7b34ddfb2f6edcd86a1673d68910fba0",
            "the files whose content is that of the archive above",
        ),
        CaseList(
            "train",
            "8c90fc490b96c6a7ae3f8a69abac979d088130cdabad3a221264230d8dd790ba",
            "the files whose content is that of the archive above",
        ),
    )

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Images with masks by role `mask:<label>`. Raises `InputError` listing missing files."""
        from reproduce.ground.reading import need_folder, read_with

        self.need_split(split)
        need_folder(root, self.title, self.access)
        inner = root / "data_demo"
        place = inner if inner.is_dir() else root
        path = place / FILES[split]
        masks_of = read_with(path, "split file", _masks_of)
        found = []
        missing = []
        for image, masks in sorted(masks_of.items()):
            name = Path(image).stem
            files = {"image": self._at(place, image)}
            for mask in sorted(masks):
                files[f"mask:{Path(mask).stem.removeprefix(name + '_')}"] = self._at(place, mask)
            missing += [str(p) for p in files.values() if not p.is_file()]
            found.append(Case(id=name, files=files))
        if missing:
            raise InputError(f"{path}: {len(missing)} files are missing: {', '.join(missing[:5])}.")
        return found

    @staticmethod
    def _at(root: Path, declared: str) -> Path:
        """`data_demo/images/x.png` -> `<root>/images/x.png`, whatever the root is called."""
        inner = Path(*Path(declared).parts[1:])
        if ".." in inner.parts or inner.is_absolute():
            raise InputError(f"{root}: declared path {declared!r} leaves the folder.")
        return root / inner

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image and all its masks."""
        from reproduce.readers.pairs import load_masks

        return load_masks(case)


def _masks_of(path: Path) -> dict[str, list[str]]:
    """Image -> masks, of a file that maps either way."""
    from reproduce.ground.reading import read_object

    found: dict[str, list[str]] = {}
    for left, right in read_object(path).items():
        image, masks = (left, right) if isinstance(right, list) else (right, [left])
        found.setdefault(image, []).extend(str(Path(mask)) for mask in masks)
    return {str(Path(image)): masks for image, masks in found.items()}


PLUGIN = SamMed2dDemo()
