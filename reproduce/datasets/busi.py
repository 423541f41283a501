"""BUSI: breast ultrasound with tumour masks, in the folders it is distributed in.

`Dataset_BUSI_with_GT/{benign,malignant,normal}/<class> (<n>).png` with `<class> (<n>)_mask.png`;
where an image has several tumours, the others are in `_mask_1.png`, `_mask_2.png`. Masks of
`normal` images are there and empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError, UsageError
from reproduce.contracts import Archive, Case, Dataset, Sample

COUNTS = {"benign": 437, "malignant": 210, "normal": 133}
SPLITS = {
    "all": ("benign", "malignant", "normal"),
    "tumours": ("benign", "malignant"),
    "benign": ("benign",),
    "malignant": ("malignant",),
    "normal": ("normal",),
}


class Busi(Dataset):
    """Plugin `busi`. Option `masks`: `all` (default; the masks of an image together) or `first`
    (only `_mask.png`, what scripts see that know no other; 17 images differ)."""

    name = "busi"
    version = 1
    title = "BUSI: breast ultrasound images"
    licence = "no licence stated by the source; not redistributed here"
    access = (
        "Get Dataset_BUSI.zip from scholar.cu.edu.eg/?q=afahmy/pages/dataset (Cairo University), "
        "unpack it and pass Dataset_BUSI_with_GT, or the folder it lies in, with --data."
    )
    homepage: str | None = "https://scholar.cu.edu.eg/?q=afahmy/pages/dataset"
    modalities = ("ultrasound",)
    labels = ("tumour",)
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {
        "all": "780 images; the data set defines no test split",
        "tumours": "the 647 benign and malignant ones (code that leaves normal images out)",
        **{name: f"the {count} {name} images" for name, count in COUNTS.items()},
    }
    may_show_images = False
    options: Mapping[str, str] = {
        "masks": "all masks of an image together, or the first",
    }
    archives = (
        Archive(
            file="Dataset_BUSI.zip",
            urls=("https://scholar.cu.edu.eg/Dataset_BUSI.zip",),
            folders={"Dataset_BUSI_with_GT": "Dataset_BUSI_with_GT"},
            sha256="b2ce09f6063a31a73f628b6a6ee1245187cbaec225e93e563735691d68654de7",
            source="torch_em/data/datasets/medical/busi.py of constantinpape/torch-em @ 6f71247c",
        ),
    )

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by file name; masks by role `mask`, `mask:1`, `mask:2`. Raises `InputError` saying
        which images and masks are missing or too many, and how many images there should be."""
        from reproduce.ground.reading import files_of, matched, need_folder

        self.need_split(split)
        if options.get("masks", "all") not in ("all", "first"):
            raise UsageError(f"busi: option masks: expected all or first, got {options['masks']!r}")
        need_folder(root, self.title, self.access)
        inner = root / "Dataset_BUSI_with_GT"
        place = inner if inner.is_dir() else root
        found = []
        for kind in SPLITS[split]:
            need_folder(place / kind, f"{self.title} ({kind})", self.access)
            files = files_of(place / kind, (".png",))
            images = {name: path for name, path in files.items() if "_mask" not in name}
            masks: dict[str, dict[str, Path]] = {}
            for name, path in files.items():
                owner, mask, number = name.partition("_mask")
                if mask:
                    masks.setdefault(owner, {})[f"mask:{number.lstrip('_')}".rstrip(":")] = path
            firsts = {name: own["mask"] for name, own in masks.items() if "mask" in own}
            if lost := sorted(set(masks) - set(firsts)):
                raise InputError(
                    f"{place / kind}: {', '.join(lost[:5])} have a further mask but no first one "
                    f"(<name>_mask.png). {self.access}"
                )
            names = matched(
                place / kind, images, firsts, COUNTS[kind], self.access, rf"{kind} \(\d+\)"
            )
            found += [Case(id=n, files={"image": images[n], **masks[n]}) for n in names]
        return sorted(found, key=lambda case: case.id)

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Image and tumour mask, empty for a normal image. Raises `InputError` for a normal image
        whose mask is not."""
        import numpy as np

        from reproduce.readers.pairs import read_object_like
        from reproduce.readers.picture import read_rgb

        image = read_rgb(case.files["image"])
        tumour = np.zeros(image.shape[:2], np.bool_)
        for role in case.files:
            if role == "mask" or (role.startswith("mask:") and options.get("masks") != "first"):
                tumour |= read_object_like(image, case, role)
        if case.id.startswith("normal") and tumour.any():
            raise InputError(
                f"{case.files['mask']}: expected an empty mask for a normal image, got "
                f"{int(tumour.sum())} pixels. {self.access}"
            )
        return Sample.of_image(case, image, {"tumour": tumour})


PLUGIN = Busi()
