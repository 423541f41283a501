"""Images with masks in files of the same names: what most data sets are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from reproduce.contracts import Case, Sample
from reproduce.ground.reading import IMAGE_SUFFIXES, files_of, matched, need_folder, same_size
from reproduce.readers.masks import read_mask
from reproduce.readers.picture import read_rgb
from reproduce.readers.rules import HALF_OF_WHITE, one_class

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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


def load_pair(case: Case, label: str, cut: int = HALF_OF_WHITE) -> Sample:
    """Image (H, W, 3) and the one mask of a case; soft edges are cut above a grey value, 0-255."""
    return load_objects(case, {label: "label"}, cut)


def load_masks(case: Case) -> Sample:
    """Image (H, W, 3) and every mask of a case with a role `mask:<label>`."""
    roles = [role for role in case.files if role.startswith("mask:")]
    return load_objects(case, {role.removeprefix("mask:"): role for role in roles})


def load_objects(case: Case, roles: Mapping[str, str], cut: int = HALF_OF_WHITE) -> Sample:
    """Image (H, W, 3) and one mask a label, each a file with one object; `roles` of those files."""
    image = read_rgb(case.files["image"])
    masks = {label: read_object_like(image, case, role, cut) for label, role in roles.items()}
    return Sample.of_image(case, image, masks)


def read_object_like(
    image: NDArray[Any], case: Case, role: str, cut: int = HALF_OF_WHITE
) -> NDArray[np.bool_]:
    """The object in the file of a role, of its image's size. Raises `InputError` otherwise."""
    found = read_mask(case.files[role])
    same_size(image.shape[:2], found.geometry.shape, case.files["image"], found.path)
    return one_class(found, cut)
