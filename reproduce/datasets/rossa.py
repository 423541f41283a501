"""ROSSA: OCTA images with vessel labels. `image/<number>.png` and `label/<number>.png`, 320x320."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError, UsageError
from reproduce.contracts import Case, Sample


class Rossa:
    """Plugin `rossa`."""

    name = "rossa"
    version = 1
    title = "ROSSA: OCTA vessels"
    licence = "MIT"
    access = "Take the folders image/ and label/ of the data set in github.com/nhjydywd/OCTA-FRNet."
    homepage: str | None = "https://github.com/nhjydywd/OCTA-FRNet"
    modalities = ("octa",)
    labels = ("vessel",)
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {"all": "every image of the folder"}
    may_show_images = True

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by number. Raises `InputError` for images without labels and the reverse."""
        from reproduce.reading import files_of, need_folder

        if split != "all":
            raise UsageError(f"rossa has no split {split!r}; known: all")
        for name in ("image", "label"):
            need_folder(root / name, self.title, self.access)
        images, labels = files_of(root / "image"), files_of(root / "label")
        odd = sorted(set(images) ^ set(labels))
        if odd:
            raise InputError(
                f"{root}: {len(odd)} have an image or a label only: {', '.join(odd[:5])}."
            )
        return [
            Case(id=name, files={"image": images[name], "label": labels[name]}) for name in images
        ]

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image and vessel mask (values 0 and 255)."""
        from reproduce.reading import read_gray, read_rgb, same_size

        image, label = read_rgb(case.files["image"]), read_gray(case.files["label"])
        same_size(image.shape[:2], label.shape, case.files["image"], case.files["label"])
        return Sample(case=case, image=image, labels={"vessel": label > 127})


PLUGIN = Rossa()
