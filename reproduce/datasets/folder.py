"""A folder of images and masks, the layout most 2D sets can be brought to.

`images/<name>.<suffix>` and `masks/<name>.png`. Masks hold class numbers (0 is background), which a
file `labels.json` {"1": "liver", "2": "spleen"} or nnU-Net's `dataset.json` names; without names
all that is not background is one class. `split.json` {"test": ["name", ...]} names splits; without
it the only split is `all`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError, UsageError
from reproduce.contracts import Case, Dataset, Sample


class Folder(Dataset):
    """Plugin `folder`. Options: `images`, `masks` (folder names), `labels` (a class map, see
    `reproduce.readers.classes`), `suffix` of mask names after the image's name, `patient`
    (characters of the name that are the patient), `window` [low, high] of images of more than eight
    bits."""

    name = "folder"
    version = 2
    title = "Folder of images and masks"
    licence = "the data's own"
    access = "Put images into images/ and masks of the same names into masks/, then pass --data."
    homepage: str | None = None
    modalities: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {"all": "every image; further splits are named in split.json"}
    may_show_images = False
    options: Mapping[str, str] = {
        "images": "folder of images",
        "masks": "folder of masks",
        "suffix": "of a mask's name after that of its image",
        "patient": "how many characters of a name are the patient",
        "window": "[low, high]: the values that become black and white",
        "labels": "a class map (`reproduce.readers.classes`)",
    }

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Images with their masks. Raises `InputError` naming those without a partner."""
        from reproduce.ground.reading import files_of, need_folder, whole_option
        from reproduce.readers.classes import map_files

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
        names = map_files(options.get("labels"), root)
        characters = "patient" in options and whole_option(options, "patient", 0, range(1, 256))
        return [
            Case(
                id=name,
                files={"image": images[name], "label": masks[name], **names},
                patient=name[:characters] if characters else None,
                meta={"root": root},
            )
            for name in sorted(wanted)
        ]

    def _members(self, root: Path, split: str, images: set[str]) -> set[str]:
        from reproduce.ground.reading import read_object

        path = root / "split.json"
        if split == "all":
            return images
        named = read_object(path) if path.is_file() else {}
        if split not in named:
            raise UsageError(f"{path}: no split {split!r}; known: {', '.join(['all', *named])}")
        if not isinstance(named[split], list) or not all(isinstance(n, str) for n in named[split]):
            raise InputError(f'{path}: split {split!r}: expected a list of names, ["a", "b"].')
        gone = sorted(set(named[split]) - images)
        if gone:
            raise InputError(
                f"{path}: split {split!r} names {len(gone)} images that are not there: "
                f"{', '.join(gone[:5])}."
            )
        return set(named[split])

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image and one mask per class. Raises `InputError` for class numbers without a name."""
        from reproduce.ground.reading import same_size
        from reproduce.readers import class_map, read_mask
        from reproduce.readers.classes import Labelled
        from reproduce.readers.picture import read_rgb
        from reproduce.readers.rules import foreground

        image = read_rgb(case.files["image"], options.get("window"))
        found = read_mask(case.files["label"])
        same_size(image.shape[:2], found.geometry.shape, case.files["image"], found.path)
        names = class_map(options.get("labels"), Path(case.meta["root"]))
        read = names.read(found) if names else Labelled({"foreground": foreground(found)})
        return Sample.of_image(case, image, read.masks, read.valid)


PLUGIN = Folder()
