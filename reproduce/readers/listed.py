"""Volumes of public collections whose cases have numbers, and the lists that others released."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError, UsageError
from reproduce.contracts import Case, Dataset, Sample
from reproduce.ground.reading import need_folder
from reproduce.readers.classes import ClassMap
from reproduce.readers.volumes import files_with, labelled, read_volume

ALL = "train"  # every case that has a public label


@dataclass(frozen=True, slots=True)
class Members:
    """One set of a collection.

    image, label  files below the folder of the set, with the number of a case as `{:03d}`
    classes       name -> numbers in the label files
    lists         split -> numbers of its cases
    """

    image: str
    label: str
    classes: Mapping[str, tuple[int, ...]]
    lists: Mapping[str, tuple[int, ...]]

    def name(self, number: int) -> str:
        """What a case is called: its label file without suffixes, or the folder that it lies in."""
        path = Path(self.label.format(number))
        inner = Path(self.label)
        return path.parent.name if "{" in inner.parent.name else path.name.split(".")[0]

    def numbers(self, folder: Path) -> tuple[int, ...]:
        """Numbers of all cases whose label lies in the folder."""
        before, _, rest = self.label.partition("{")
        after = rest.partition("}")[2]
        found = folder.glob(f"{before}*{after}")
        texts = (path.relative_to(folder).as_posix() for path in found)
        cut = (text.removeprefix(before).removesuffix(after) for text in texts)
        return tuple(sorted(int(text) for text in cut if text.isdigit()))


class Listed(Dataset):
    """A collection of `Members` by name; of one set alone, its name is "".

    Options: `set` (which one, where there are several), `labels` (another class map, see
    `reproduce.readers.classes`), `window` [low, high] and `values` as in plugin `volumes`.
    """

    version = 1
    licence = ""
    access = ""
    homepage: str | None = None
    modalities: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    dimensionality: Literal["2d", "3d"] = "3d"
    may_show_images = False
    keeps_values = True
    options: Mapping[str, str] = {
        "labels": "a class map (`reproduce.readers.classes`)",
        "window": "[low, high]: the values that become black and white",
        "values": "uint8, or stored: numbers as in the file",
    }
    sets: Mapping[str, Members] = {}

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """The cases of a list, sorted by id. `root` is the folder of the set, or
        the one that it lies in under its name. Raises `InputError` naming what is missing."""
        need_folder(root, self.title, self.access)
        name, members = self._members(options, f"{root}: ")
        if split not in (ALL, *members.lists):
            where = f" of {name}" if name else ""
            known = ", ".join((ALL, *members.lists))
            raise UsageError(f"{root}: {self.name}{where} has no split {split!r}; known: {known}")
        inner = root / name
        folder = inner if name and inner.is_dir() else root
        numbers = members.numbers(folder) if split == ALL else members.lists[split]
        found = {
            members.name(n): (folder / members.image.format(n), folder / members.label.format(n))
            for n in numbers
        }
        missing = [path for pair in found.values() for path in pair if not path.is_file()]
        if missing or not found:
            told = ", ".join(path.relative_to(folder).as_posix() for path in missing[:5])
            raise InputError(
                f"{folder}: {len(missing)} of {2 * len(found)} files of {name or self.name}, split "
                f"{split}, are missing{': ' if told else ''}{told}. {self.access}"
            )
        return [
            Case(id=id, files={**files_with("image", image), **files_with("label", label)})
            for id, (image, label) in sorted(found.items())
        ]

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Volume (D, H, W), bytes or values as stored; masks by class; spacing in mm.

        Raises `InputError` where image and label do not lie on one grid, with the difference."""
        image, grid = read_volume(case.files["image"], "image")
        declared = options.get("labels")
        names = (
            ClassMap.of(declared, "option labels")
            if declared
            else ClassMap(self._members(options)[1].classes)
        )
        return labelled(case, image, grid, options, names)

    def _members(self, options: Mapping[str, Any], place: str = "") -> tuple[str, Members]:
        """The set that is meant; the only one where there is one. `place`: for the message."""
        if "set" not in self.options:
            return next(iter(self.sets.items()))
        name = str(options.get("set"))
        if name not in self.sets:
            known = ", ".join(self.sets)
            raise UsageError(f"{place}{self.name} needs the option set: {known}; got {name}")
        return name, self.sets[name]
