"""PanNuke: 7,901 patches of 256 px of 19 tissues in three folds, nuclei of five types told apart.

Folds as they are distributed: `fold_<k>/Fold <k>/images/fold<k>/{images,types}.npy` and
`fold_<k>/Fold <k>/masks/fold<k>/masks.npy` (any of the outer folders may be missing), or
`fold<k>/{images,types,masks}.npy`. `masks.npy` has a channel for each type, with numbers of nuclei,
and one of the background. A pixel that two types claim belongs to the later one, as the evaluations
of CellViT and PromptNucSeg take it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from catalog.errors import InputError, UsageError
from reproduce.contracts import Case, Dataset, Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TYPES = ("neoplastic", "inflammatory", "connective", "dead", "epithelial")
COUNTS = {1: 2656, 2: 2523, 3: 2722}


class PanNuke(Dataset):
    """Plugin `pannuke`. Option `classes`: `types` (default) or `nuclei`, all of them one class."""

    name = "pannuke"
    version = 1
    title = "PanNuke"
    licence = "CC BY-NC-SA 4.0; not redistributed here"
    access = (
        "Download the folds from warwick.ac.uk/fac/cross_fac/tia/data/pannuke, unpack them beside "
        "each other and pass the folder with --data."
    )
    homepage: str | None = "https://warwick.ac.uk/fac/cross_fac/tia/data/pannuke"
    modalities = ("pathology",)
    labels = TYPES
    dimensionality: Literal["2d", "3d"] = "2d"
    splits: Mapping[str, str] = {
        f"cellvit-fold-{number - 1}": f"Fold {number} of the owners, {count:,} patches"
        for number, count in COUNTS.items()
    }
    may_show_images = False
    options: Mapping[str, str] = {
        "classes": "types (five, by default) or nuclei (all of them one class)"
    }

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases `<tissue>/<fold>_<number>`, as the release of CellViT numbers them from fold 0.
        Raises `InputError` saying which file is missing, or how many patches there should be."""
        import numpy as np

        from reproduce.ground.reading import need_folder

        self.need_split(split)
        need_folder(root, self.title, self.access)
        fold = int(split[-1]) + 1
        files = {name: self._file(root, fold, name) for name in ("images", "masks", "types")}
        tissues = np.load(files["types"], allow_pickle=False)
        if len(tissues) != COUNTS[fold]:
            raise InputError(
                f"{files['types']}: expected {COUNTS[fold]:,} patches of fold {fold}, "
                f"got {len(tissues):,}."
            )
        found = [
            Case(f"{tissue}/{fold - 1}_{n}", files, meta={"number": n})
            for n, tissue in enumerate(tissues.tolist())
        ]
        return sorted(found, key=lambda case: case.id)

    def _file(self, root: Path, fold: int, name: str) -> Path:
        part = "masks" if name == "masks" else "images"
        own = [root / f"fold{fold}", root / f"fold_{fold}", root / f"Fold {fold}"]
        inner = f"{part}/fold{fold}/{name}.npy"
        for folder in own:
            for place in (f"{name}.npy", inner, f"Fold {fold}/{inner}"):
                if (path := folder / place).is_file():
                    return path
        raise InputError(
            f"{root}: no {name}.npy of fold {fold}; expected it as "
            f"fold_{fold}/Fold {fold}/{inner}. {self.access}"
        )

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Patch, masks of its classes, and the number of each pixel's nucleus."""
        import numpy as np

        classes = options.get("classes", "types")
        if classes not in ("types", "nuclei"):
            raise UsageError(f"data set option classes: expected types or nuclei, got {classes!r}.")
        number = case.meta["number"]
        image = _patch(case.files["images"], number, 3)
        apart = _apart(_patch(case.files["masks"], number, len(TYPES) + 1))
        if classes == "nuclei":
            apart = {"nuclei": np.maximum.reduce(list(apart.values()))}
        masks = {name: numbers > 0 for name, numbers in apart.items()}
        return Sample.of_image(case, image.astype(np.uint8), masks, objects=apart)


def _patch(path: Path, number: int, channels: int) -> NDArray[Any]:
    """(H, W, channels) of one patch, without reading the others."""
    import numpy as np

    try:
        whole = np.load(path, mmap_mode="r", allow_pickle=False)
        patch = np.asarray(whole[number])
    except (OSError, ValueError, IndexError) as error:
        raise InputError(f"{path}: patch {number} cannot be read ({error}).") from error
    if patch.ndim != 3 or patch.shape[2] != channels or not np.isfinite(patch).all():
        raise InputError(
            f"{path}: patch {number}: expected (H, W, {channels}) numbers, got {patch.shape}."
        )
    if (patch != np.rint(patch)).any() or patch.min() < 0 or (channels == 3 and patch.max() > 255):
        raise InputError(
            f"{path}: patch {number}: expected whole numbers{' up to 255' * (channels == 3)}, got "
            f"{patch.min():g} to {patch.max():g}."
        )
    return patch


def _apart(channels: NDArray[Any]) -> dict[str, NDArray[np.int32]]:
    """Type -> number of each pixel's nucleus, no number twice; a later type lies over others."""
    import numpy as np

    found: dict[str, NDArray[np.int32]] = {}
    used = 0
    for index, name in enumerate(TYPES):
        values, inverse = np.unique(channels[..., index], return_inverse=True)
        inverse = inverse.reshape(channels.shape[:2]).astype(np.int32) + (values[0] != 0)
        numbers = np.where(inverse > 0, inverse + used, 0).astype(np.int32)
        used += int(inverse.max())
        for before in found.values():
            before[numbers > 0] = 0
        found[name] = numbers
    return found


PLUGIN = PanNuke()
