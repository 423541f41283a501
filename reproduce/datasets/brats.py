"""BraTS: brain tumours on four MR sequences, in the folders of 2021 and of 2023.

2023 and later: `<case>/<case>-{t1n,t1c,t2w,t2f,seg}.nii.gz`; enhancing tumour is 3. Up to 2021:
`<case>/<case>_{t1,t1ce,t2,flair,seg}.nii.gz`; it is 4. Necrosis is 1 and oedema 2 in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError, UsageError
from reproduce.contracts import Case, Dataset, Sample

SEQUENCES = ("t1", "t1c", "t2", "flair")  # the order of the channels
NAMES = (
    ("-t1n.nii.gz", "-t1c.nii.gz", "-t2w.nii.gz", "-t2f.nii.gz", "-seg.nii.gz"),
    ("_t1.nii.gz", "_t1ce.nii.gz", "_t2.nii.gz", "_flair.nii.gz", "_seg.nii.gz"),
)
# split -> how the names of its cases begin
PARTS = {"all": ""} | {
    f"2023-{part}": f"BraTS-{part.upper()}-" for part in ("gli", "men", "ped", "ssa")
}
CLASSES: Mapping[str, tuple[int, ...]] = {
    "whole tumour": (1, 2, 3, 4),
    "tumour core": (1, 3, 4),
    "enhancing tumour": (3, 4),
}


class Brats(Dataset):
    """Plugin `brats`. Labels: the three regions that the challenge scores; they lie within each
    other. Options: `sequence` (one of the four, or `all`: four channels), `window` and `values` as
    in plugin `volumes`, `labels` (another class map), `cut` and `axes` for a release that does not
    take volumes whole, or not turned."""

    name = "brats"
    version = 1
    title = "BraTS: brain tumours on four MR sequences"
    licence = "the challenge's terms, after registration"
    access = (
        "Register for the challenge at Synapse, download its training data, unpack them and pass "
        "the folder that holds one folder a case with --data."
    )
    homepage: str | None = "https://www.synapse.org/Synapse:syn51156910"
    modalities: tuple[str, ...] = ("mri",)
    labels: tuple[str, ...] = tuple(CLASSES)
    dimensionality: Literal["2d", "3d"] = "3d"
    splits: Mapping[str, str] = {
        split: f"every case with a label below the folder{start and f', called {start}...'}"
        for split, start in PARTS.items()
    }
    may_show_images = False
    keeps_values = True
    options: Mapping[str, str] = {
        "sequence": f"{', '.join(SEQUENCES)}, or all: four channels in that order (all)",
        "labels": "a class map (`reproduce.readers.classes`)",
        "window": "[low, high]: the values that become black and white",
        "values": "uint8, or stored: numbers as in the file",
        "cut": "true: to the box around all that is above 0 in any sequence; planes beside it are "
        "no part of the case (false)",
        "axes": "turned to superior, anterior, right, or stored: as in the files (turned)",
    }

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """Cases by name. Raises `InputError` naming sequences that a case lacks."""
        from reproduce.ground.reading import need_folder

        self.need_split(split)
        wanted = _sequences(options)
        need_folder(root, self.title, self.access)
        found = []
        for *sequences, label in NAMES:
            for path in sorted(root.glob(f"*/{PARTS[split]}*{label}")):
                start = path.name.removesuffix(label)
                files = {
                    name: path.parent / f"{start}{end}"
                    for name, end in zip(SEQUENCES, sequences, strict=True)
                    if name in wanted
                }
                found.append(Case(id=start, files={**files, "label": path}))
        missing = [p for case in found for p in case.files.values() if not p.is_file()]
        if missing or not found:
            told = ", ".join(path.relative_to(root).as_posix() for path in missing[:3])
            raise InputError(
                f"{root}: {f'{len(missing)} files are missing: {told}' if missing else 'no case'}. "
                f"{self.access}"
            )
        return sorted(found, key=lambda case: case.id)

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Volume (D, H, W), or (D, H, W, 4) of all sequences; masks by region; spacing in mm.

        Raises `InputError` where sequences and label do not lie on one grid, with the difference.
        """
        import numpy as np

        from reproduce.readers import ClassMap
        from reproduce.readers.grids import box_around, cut_out, difference
        from reproduce.readers.intensities import as_taken
        from reproduce.readers.volumes import labelled, read_volume

        turn = _choice(options, "axes", ("turned", "stored")) == "turned"
        cut = _choice(options, "cut", (False, True))
        read = {name: read_volume(case.files[name], name, turn) for name in _sequences(options)}
        (first, (image, grid)), *others = read.items()
        for name, (_, other) in others:
            if off := difference(other, grid):
                raise InputError(
                    f"{case.files[name]}: it does not lie on the grid of {first}: {off}. Get the "
                    "case again."
                )
        declared = options.get("labels")
        names = ClassMap.of(declared, "option labels") if declared else ClassMap(CLASSES)
        sample = labelled(case, image, grid, options, names)
        if others:
            channels = [as_taken(values, options, case.files[n]) for n, (values, _) in read.items()]
            values = np.stack(channels, axis=-1)
            sample = replace(sample, values=values)
        if not cut:
            return sample
        inside = np.any([values > 0 for values, _ in read.values()], axis=0)
        return cut_out(sample, box_around(inside))


def _choice(options: Mapping[str, Any], name: str, known: tuple[Any, ...]) -> Any:
    """An option that is one of a few values, the first where it is not given."""
    given = options.get(name, known[0])
    if given not in known:
        offered = " or ".join(str(one).lower() for one in known)
        raise UsageError(f"option {name}: expected {offered}, got {given!r}")
    return given


def _sequences(options: Mapping[str, Any]) -> tuple[str, ...]:
    """The sequences that are read. Raises `UsageError` for a name that is none."""
    given = options.get("sequence", "all")
    if given == "all":
        return SEQUENCES
    if given not in SEQUENCES:
        raise UsageError(f"option sequence: expected {', '.join(SEQUENCES)} or all, got {given!r}")
    return (str(given),)


PLUGIN = Brats()
