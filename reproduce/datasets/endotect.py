"""EndoTect / HyperKvasir excerpt: 60 polyp images with masks and 20 polyp-free ones, empty masks.

`images`, `masks`, `negative_images`, `negative_masks`; JPEG images, PNG masks of the same names.
The copy of agaldran/lesion_losses_ood.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError, UsageError
from reproduce.contracts import Case, Sample

PARTS = {"all": ("", "negative_"), "polyps": ("",), "negatives": ("negative_",)}


class EndoTect:
    """Plugin `endotect`. Masks are JPEG-like grey images thresholded above half of white."""

    name = "endotect"
    version = 1
    title = "EndoTect 2020 excerpt with empty masks"
    licence = "CC-BY-4.0"
    access = (
        "Take images/, masks/, negative_images/, negative_masks/ of the copy in "
        "github.com/agaldran/lesion_losses_ood (from HyperKvasir, CC-BY-4.0)."
    )
    homepage: str | None = "https://endotect.com/"
    modalities = ("endoscopy",)
    labels = ("polyp",)
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {
        "all": "60 images with polyps and 20 without, as in the copy",
        "polyps": "the 60 with polyps",
        "negatives": "the 20 without",
    }
    may_show_images = True

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by file name. Raises `InputError` for images without masks and the reverse."""
        from reproduce.reading import files_of, need_folder

        if split not in PARTS:
            raise UsageError(f"endotect has no split {split!r}; known: {', '.join(PARTS)}")
        found = []
        for part in PARTS[split]:
            folders = root / f"{part}images", root / f"{part}masks"
            for folder in folders:
                need_folder(folder, self.title, self.access)
            images, masks = (files_of(folder) for folder in folders)
            odd = sorted(set(images) ^ set(masks))
            if odd:
                raise InputError(
                    f"{root}: {len(odd)} names have an image or a mask only: {', '.join(odd[:5])}."
                )
            found += [
                Case(id=name, files={"image": images[name], "label": masks[name]})
                for name in images
            ]
        return sorted(found, key=lambda case: case.id)

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image and polyp mask (empty for a polyp-free image)."""
        from reproduce.reading import read_gray, read_rgb, same_size

        image, mask = read_rgb(case.files["image"]), read_gray(case.files["label"])
        same_size(image.shape[:2], mask.shape, case.files["image"], case.files["label"])
        return Sample(case=case, image=image, labels={"polyp": mask > 127})


PLUGIN = EndoTect()
