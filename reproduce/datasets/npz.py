"""Volumes as npz: the layout of MedSAM's and the CVPR challenges' files.

One file a case with `imgs` (D, H, W) uint8, `gts` (D, H, W) class numbers (0 background) and
`spacing` in mm as (x, y, z), the reverse of the array's axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError, UsageError
from reproduce.contracts import Case, Sample


class Npz:
    """Plugin `npz`. Option `labels`: class number -> name; without it every class of a file is
    called by its number."""

    name = "npz"
    version = 1
    title = "npz volumes (MedSAM, CVPR challenges)"
    licence = "the data's own"
    access = "Put files with imgs, gts and spacing into one folder and pass it with --data."
    homepage: str | None = None
    modalities: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    dimensionality: Literal["2d", "3d"] = "3d"
    splits: Mapping[str, str] = {"all": "every .npz file of the folder"}
    may_show_images = False

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """One case per file, by name."""
        from reproduce.reading import files_of, need_folder

        if split != "all":
            raise UsageError(f"npz has no split {split!r}; known: all")
        need_folder(root, self.title, self.access)
        files = files_of(root, (".npz",))
        if not files:
            raise InputError(f"{root}: no .npz file there. {self.access}")
        return [Case(id=name, files={"volume": path}) for name, path in files.items()]

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Volume, masks by class, spacing in array order (z, y, x)."""
        import numpy as np

        from reproduce.reading import read_with, same_size

        path = case.files["volume"]

        def reader(path: Path) -> dict[str, Any]:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
                missing = sorted({"imgs", "gts"} - set(content.files))
                if missing:
                    raise InputError(
                        f"{path}: expected imgs and gts, got {', '.join(content.files) or '-'}."
                    )
                return {
                    name: content[name]
                    for name in ("imgs", "gts", "spacing")
                    if name in content.files
                }

        content = read_with(path, "volume", reader)
        image, classes = content["imgs"], content["gts"]
        same_size(image.shape[: classes.ndim], classes.shape, path, path)
        spacing = content.get("spacing")
        names = {int(k): str(v) for k, v in (options.get("labels") or {}).items()}
        numbers = sorted(set(map(int, np.unique(classes))) - {0})
        if not names:
            names = {number: str(number) for number in numbers}
        if unknown := sorted(set(numbers) - set(names)):
            raise InputError(f"{path}: class numbers {unknown} have no name; known: {names}.")
        masks = {name: classes == number for number, name in names.items()}
        return Sample(
            case=case,
            image=image,
            labels=masks,
            spacing_mm=None if spacing is None else tuple(float(v) for v in spacing[::-1]),
        )


PLUGIN = Npz()
