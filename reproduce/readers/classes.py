"""What the numbers in label files mean: one class map for every reader.

A map is written either way round: `{1: liver, 2: spleen}` (several numbers may have one name and
are then one class), or as in nnU-Net's dataset.json `{"background": 0, "whole": [1, 2], "core": 2}`
(regions may overlap). 0 is background, whatever it is called; pixels of a class called `ignore` are
left out of counting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.ground.reading import read_object
from reproduce.readers.masks import MaskFile, read_mask
from reproduce.readers.rules import BLACK, class_numbers, distinct, one_class
from reproduce.readers.sizes import need_room

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Key = int | str  # a number in the file, or the label of a segment (DICOM-SEG)

IGNORE = "ignore"
FILES = ("labels.json", "dataset.json")
MOST = 255  # class numbers of files that nothing names; more is an image, or numbers of objects


@dataclass(frozen=True, slots=True)
class Labelled:
    """A label file read by a class map.

    masks  class name -> bool array; every class of the map is there, empty or not
    valid  bool array: where pixels count, or None: everywhere
    """

    masks: dict[str, NDArray[np.bool_]]
    valid: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class ClassMap:
    """Class names and what belongs to each.

    classes  name -> numbers (or labels of segments) that belong to it
    ignore   numbers whose pixels are left out of counting
    declared  somebody wrote it; else it is what files hold: a segment that one of them lacks is
              empty there
    """

    classes: Mapping[str, tuple[Key, ...]]
    ignore: tuple[Key, ...] = ()
    declared: bool = True

    @classmethod
    def of(cls, declared: object, source: object) -> ClassMap:
        """A map as people and nnU-Net write it; `source` is where, for messages.

        Raises `InputError` for anything but `{number: name}` or `{name: number or [numbers]}`.
        """
        classes: dict[str, list[Key]] = {}
        for name, keys in _pairs(declared, source):
            classes.setdefault(name, []).extend(key for key in keys if key != 0)
        ignore = classes.pop(IGNORE, [])
        found = {n: tuple(dict.fromkeys(keys)) for n, keys in classes.items() if keys}
        if not found:
            raise InputError(f"{source}: expected at least one class beside the background (0).")
        return cls(found, tuple(ignore))

    @classmethod
    def numbered(cls, numbers: Iterable[int]) -> ClassMap:
        """Every number is a class called by its number."""
        return cls({str(number): (number,) for number in sorted(numbers)})

    @classmethod
    def of_segments(cls, names: Iterable[str]) -> ClassMap:
        """Every named segment is a class; a file may lack some."""
        return cls({name: (name,) for name in names}, declared=False)

    def read(self, found: MaskFile) -> Labelled:
        """Masks of all classes. Raises `InputError` for numbers or segments that have no name."""
        return self._of_segments(found) if found.segments else self._of_numbers(found)

    def _of_numbers(self, found: MaskFile) -> Labelled:
        numbers = class_numbers(found)
        need_room(found.path, (len(self.classes), *numbers.shape), 1, "the stack of all masks")
        keys = {key for own in self.classes.values() for key in own} | set(self.ignore)
        if words := sorted(key for key in keys if isinstance(key, str)):
            raise InputError(
                f"{found.path}: classes are numbers in this file, the map names {', '.join(words)}."
            )
        unknown = sorted(set(distinct(numbers)) - keys - {0})
        shades = found.lossy or (bool(unknown) and unknown[0] > BLACK)
        if shades and list(self.classes.values()) == [(1,)]:  # 0 and 255 instead of 0 and 1
            return Labelled({name: one_class(found) for name in self.classes})
        if found.lossy:
            raise InputError(f"{found.path}: JPEG changes class numbers. Save the mask as PNG.")
        if unknown:
            raise InputError(
                f"{found.path}: class numbers {_few(unknown)} have no name; known: "
                f"{self.told()}. Name them, or give them the name of the class they belong to "
                "(0 is background)."
            )
        if found.shown is not None and (found.shown != numbers).any():
            self._need_one_meaning(found.path, found.shown)
        masks = {name: _one_of(numbers, own) for name, own in self.classes.items()}
        valid = ~_one_of(numbers, self.ignore) if self.ignore else None
        return Labelled(masks, None if valid is None or valid.all() else valid)

    def _need_one_meaning(self, path: Path, greys: NDArray[np.uint8]) -> None:
        """Raise `InputError` where both stored and shown values of a picture fit the map."""
        shown = set(distinct(greys))
        if shown <= {key for own in self.classes.values() for key in own} | {0, *self.ignore}:
            raise InputError(
                f"{path}: stored numbers and the greys of its palette ({_few(sorted(shown))})"
                " are both classes. Save class numbers without a palette."
            )

    def _of_segments(self, found: MaskFile) -> Labelled:
        """Segments by their label, else by their number from 1."""
        import numpy as np

        segments = found.segments
        by_number: dict[Key, str] = dict(enumerate(segments, start=1))
        claimed = [k for own in (*self.classes.values(), self.ignore) for k in own]
        named = {k: str(k) if str(k) in segments else by_number.get(k, "") for k in claimed}
        gone = sorted(str(key) for key, label in named.items() if not label)
        if gone and self.declared:
            raise InputError(
                f"{found.path}: no segment {', '.join(gone)}; it has {', '.join(segments)}."
            )
        shape = found.geometry.shape

        def together(keys: Iterable[Key]) -> NDArray[np.bool_]:
            masks = [segments[named[key]] for key in keys if named[key]]
            return np.logical_or.reduce(masks) if masks else np.zeros(shape, np.bool_)

        masks = {name: together(own) for name, own in self.classes.items()}
        return Labelled(masks, ~together(self.ignore) if self.ignore else None)

    def told(self) -> str:
        """The map in words, for messages.

        >>> ClassMap.of({"background": 0, "O": [1, 2], "H": 2}, "example").told()
        'O = 1, 2; H = 2'
        """
        return "; ".join(f"{n} = {', '.join(map(str, own))}" for n, own in self.classes.items())


def class_map(option: object, root: Path) -> ClassMap | None:
    """The map of a data set: its option `labels` where that is given, else what `labels.json` or
    `dataset.json` in its folder says; None: nothing names classes."""
    return ClassMap.of(option, "option labels") if option else declared_in(root)


def declared_in(folder: Path) -> ClassMap | None:
    """The map of `labels.json`, else of nnU-Net's `dataset.json`, in a folder.

    Raises `InputError` for a file that is no JSON object in UTF-8.
    """
    for name in FILES:
        path = folder / name
        if path.is_file():
            content = read_object(path)
            labels = content if name == "labels.json" else content.get("labels")
            return ClassMap.of(labels, path) if labels else None
    return None


def map_files(option: object, root: Path) -> dict[str, Path]:
    """The file that `class_map` reads, as a file of every case: what it says makes the reference,
    so it is hashed with the masks. Empty where the option, or nothing, names classes."""
    if option:
        return {}
    there = [root / name for name in FILES if (root / name).is_file()]
    return {"classes": there[0]} if there else {}


def found_in(paths: Iterable[Path], key: str | None = None) -> ClassMap:
    """The classes of all files of a data set that names none: class numbers, or named segments.

    Each file is read once a process. A class that one file lacks is then empty there, not absent.
    Raises `InputError` for numbers that cannot be classes, and where some files have numbers and
    some have segments.
    """
    files = list(paths)
    numbers: set[int] = set()
    segments: dict[str, Path] = {}
    for path in files:
        status = path.stat()
        own, named = _classes_in(path, key, status.st_size, status.st_mtime_ns)
        numbers |= own
        segments |= dict.fromkeys(named, path)
    where = files[0].parent
    if segments and numbers:
        raise InputError(
            f"{where}: some files have named segments ({', '.join(list(segments)[:3])}), others "
            "class numbers. Name the classes in labels.json beside the data."
        )
    if segments:
        return ClassMap.of_segments(segments)
    if not numbers:
        raise InputError(
            f"{where}: every label file is empty, so that nothing says which classes there are. "
            'Name them in labels.json beside the data, such as {"1": "liver"}.'
        )
    if min(numbers) < 0 or len(numbers) > MOST:
        raise InputError(
            f"{where}: {len(numbers)} class numbers from {min(numbers)} to {max(numbers)}: these "
            "are no labels, or numbers of objects. Name the classes in labels.json beside the data."
        )
    return ClassMap.numbered(numbers)


@cache
def _classes_in(
    path: Path, key: str | None, size: int, mtime_ns: int
) -> tuple[frozenset[int], tuple[str, ...]]:
    """Class numbers of a file, or the labels of its segments."""
    found = read_mask(path, key)
    if found.segments:
        return frozenset(), tuple(found.segments)
    return frozenset(distinct(class_numbers(found))) - {0}, ()


def _one_of(numbers: NDArray[Any], keys: Sequence[Key]) -> NDArray[np.bool_]:
    """Where numbers are one of the keys; faster than `numpy.isin` for the few that a class has."""
    found: NDArray[np.bool_] = numbers == keys[0]
    for key in keys[1:]:
        found |= numbers == key
    return found


def _pairs(declared: object, source: object) -> Iterable[tuple[str, list[Key]]]:
    """Class name and keys, whichever way round the map is written."""
    if not isinstance(declared, Mapping) or not declared:
        raise InputError(
            f"{source}: expected classes as {{1: liver, 2: spleen}}, got {type(declared).__name__}."
        )
    by_key = all(isinstance(name, str) for name in declared.values())
    for left, right in declared.items():
        name, keys = (right, left) if by_key else (left, right)
        several = keys if isinstance(keys, list | tuple) else [keys]
        parsed = [_key(key) for key in several]
        if not isinstance(name, str) or not name.strip() or not parsed or None in parsed:
            raise InputError(
                f"{source}: expected a class number and a name, got {left!r}: {right!r}. Write "
                'all as {"1": "liver"} or all as {"liver": 1}; several numbers as [1, 2].'
            )
        yield name.strip(), [key for key in parsed if key is not None]


def _key(value: object) -> Key | None:
    """A class number, or the label of a segment; None for anything else.

    >>> _key("3"), _key("left kidney"), _key(True)
    (3, 'left kidney', None)
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, int):
        return value
    text = value.strip()
    return int(text) if text.lstrip("-").isdecimal() else text or None


def _few(numbers: list[int]) -> str:
    more = ", ..." if len(numbers) > 8 else ""
    return f"[{', '.join(map(str, numbers[:8]))}{more}]"
