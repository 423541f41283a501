"""Images with masks in files of the same names: what most data sets are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from reproduce.contracts import Case, Sample
from reproduce.reading import (
    IMAGE_SUFFIXES,
    files_of,
    matched,
    need_folder,
    read_gray,
    read_rgb,
    same_size,
)

HALF_OF_WHITE = 127


class Described(Protocol):
    """What messages say of a data set."""

    @property
    def title(self) -> str: ...
    @property
    def access(self) -> str: ...


def paired_cases(
    dataset: Described,
    images: Path,
    masks: Path,
    count: int | None,
    *,
    known: str = "",
    image_suffixes: Iterable[str] = IMAGE_SUFFIXES,
    mask_suffixes: Iterable[str] = IMAGE_SUFFIXES,
    which: str = "",
) -> list[Case]:
    """Cases with the roles `image` and `label`, sorted by name.

    count  how many there must be; None: any number
    known  a regular expression that every name fits; "": any name
    which  what of the data set the folders are, for messages

    Raises `InputError` saying which images and masks are missing or too many, and how many images
    there should be.
    """
    title = f"{dataset.title} ({which})" if which else dataset.title
    for folder in (images, masks):
        need_folder(folder, title, dataset.access)
    pictures, labels = files_of(images, image_suffixes), files_of(masks, mask_suffixes)
    names = matched(images, pictures, labels, count, dataset.access, known)
    return [Case(id=n, files={"image": pictures[n], "label": labels[n]}) for n in names]


def load_pair(case: Case, label: str, above: int = HALF_OF_WHITE) -> Sample:
    """Image (H, W, 3) and the one mask of a case: pixels above a grey value, 0-255."""
    image, mask = read_rgb(case.files["image"]), read_gray(case.files["label"])
    same_size(image.shape[:2], mask.shape, case.files["image"], case.files["label"])
    return Sample(case=case, image=image, labels={label: mask > above})


def load_masks(case: Case) -> Sample:
    """Image (H, W, 3) and every mask of a case with a role `mask:<label>`: above half of white."""
    image = read_rgb(case.files["image"])
    labels = {}
    for role, path in case.files.items():
        if role.startswith("mask:"):
            mask = read_gray(path)
            same_size(image.shape[:2], mask.shape, case.files["image"], path)
            labels[role.removeprefix("mask:")] = mask > HALF_OF_WHITE
    return Sample(case=case, image=image, labels=labels)
