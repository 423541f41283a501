"""A folder of images and masks, the layout most 2D sets can be brought to.

`images/<name>.<suffix>` and `masks/<name>.png`. Masks hold class numbers (0 is background) or, with
one class, anything above 0. A file `labels.json` {"1": "liver", "2": "spleen"} names the classes.
`split.json` {"test": ["name", ...]} names splits; without it the only split is `all`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError, UsageError
from reproduce.contracts import Case, Sample


class Folder:
    """Plugin `folder`. Options: `images`, `masks` (folder names), `labels` (class number -> name),
    `suffix` of mask names after the image's name, `patient` (characters of the name that are the
    patient)."""

    name = "folder"
    version = 1
    title = "Folder of images and masks"
    licence = "the data's own"
    access = "Put images into images/ and masks of the same names into masks/, then pass --data."
    homepage: str | None = None
    modalities: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {"all": "every image; further splits are named in split.json"}
    may_show_images = False

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Images with their masks. Raises `InputError` naming those without a partner."""
        from reproduce.reading import files_of, need_folder

        images_folder = root / str(options.get("images", "images"))
        masks_folder = root / str(options.get("masks", "masks"))
        for folder in (images_folder, masks_folder):
            need_folder(folder, self.title, self.access)
        images = files_of(images_folder)
        suffix = str(options.get("suffix", ""))
        masks = {
            name.removesuffix(suffix): path
            for name, path in files_of(masks_folder).items()
            if name.endswith(suffix)
        }
        wanted = self._members(root, split, set(images))
        without = sorted(wanted - set(masks))
        alone = sorted(set(masks) - set(images))
        if without or (alone and split == "all"):
            parts = [
                f"{len(without)} images without a mask: {', '.join(without[:5])}"
                if without
                else "",
                f"{len(alone)} masks without an image: {', '.join(alone[:5])}" if alone else "",
            ]
            raise InputError(f"{root}: {'; '.join(p for p in parts if p)}. {self.access}")
        characters = options.get("patient")
        return [
            Case(
                id=name,
                files={"image": images[name], "label": masks[name]},
                patient=None if characters is None else name[: int(characters)],
                meta={"root": root},
            )
            for name in sorted(wanted)
        ]

    def _members(self, root: Path, split: str, images: set[str]) -> set[str]:
        path = root / "split.json"
        if split == "all":
            return images
        named = _json(path) if path.is_file() else {}
        if split not in named:
            raise UsageError(f"{path}: no split {split!r}; known: {', '.join(['all', *named])}")
        gone = sorted(set(named[split]) - images)
        if gone:
            raise InputError(
                f"{path}: split {split!r} names {len(gone)} images that are not there: "
                f"{', '.join(gone[:5])}."
            )
        return set(named[split])

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image and one mask per class; a class number without a name is called by its number."""
        from reproduce.reading import read_rgb, read_values, same_size

        image = read_rgb(case.files["image"])
        values = read_values(case.files["label"])
        same_size(image.shape[:2], values.shape, case.files["image"], case.files["label"])
        names = options.get("labels") or _labels_of(case)
        if not names:
            return Sample(case=case, image=image, labels={"foreground": values > 0})
        numbers = {int(number): str(name) for number, name in names.items()}
        unknown = sorted(set(map(int, _unique(values))) - set(numbers) - {0})
        if unknown:
            raise InputError(
                f"{case.files['label']}: class numbers {unknown} have no name; "
                f"known: {numbers}. Name them in labels.json (0 is background)."
            )
        masks = {name: values == number for number, name in numbers.items()}
        return Sample(case=case, image=image, labels=masks)


def _unique(values: Any) -> list[int]:
    import numpy as np

    return list(np.unique(values))


def _labels_of(case: Case) -> dict[str, str]:
    path = Path(case.meta["root"]) / "labels.json"
    return _json(path) if path.is_file() else {}


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}).") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: expected an object {{...}}, got {type(found).__name__}.")
    return found


PLUGIN = Folder()
