"""The reference: of a data set, or of a folder of masks without images."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from catalog.errors import InputError, PrerequisiteError, UsageError
from reproduce.contracts import Case, Dataset, Geometry, Sample
from reproduce.ground.plugins import plugin
from reproduce.ground.reading import check_options
from reproduce.predictions.pairing import mask_files
from reproduce.predictions.request import Request
from reproduce.readers import ClassMap, MaskFile, read_mask
from reproduce.readers.classes import declared_in, found_in
from reproduce.readers.rules import one_class

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ONLY = "foreground"  # what the class of masks is called that nobody named


@dataclass(frozen=True, slots=True)
class Truth:
    """The reference of one case.

    masks  class name -> bool array of `geometry.shape`
    valid  where pixels count, or None: everywhere
    """

    masks: Mapping[str, NDArray[np.bool_]]
    valid: NDArray[np.bool_] | None
    geometry: Geometry


class Truths(Protocol):
    """References of all cases.

    cases     sorted by id
    names     what class numbers mean, also in predictions unless they say otherwise; None: nothing
              says it
    recorded  what it is, for the protocol of a result
    """

    cases: list[Case]
    names: ClassMap | None
    recorded: Mapping[str, Any]

    def load(self, case: Case) -> Truth:
        """Read one. Raises `InputError` naming the file that cannot be read."""

    def told(self, fits: Callable[[Sequence[str]], bool]) -> str:
        """What the cases are of; `fits` says whether the predictions pair with other ids."""


def truths_of(request: Request) -> Truths:
    """Raises `UsageError` unless one of the two kinds of reference is asked for."""
    if (request.references is None) == (request.dataset is None):
        raise UsageError(
            "say what the predictions are scored against: --reference FOLDER with masks, or "
            "--dataset NAME with --data FOLDER."
        )
    if request.references is not None:
        return FolderTruths(request, request.references)
    return DatasetTruths(request)


class DatasetTruths:
    """References of a data set plugin."""

    def __init__(self, request: Request) -> None:
        assert request.dataset is not None
        if request.data is None:
            raise UsageError(f"--data: say where the data set {request.dataset} lies.")
        self.dataset: Dataset = plugin("datasets", request.dataset)
        self.request, self.data = request, request.data
        self.split, self.others = split_used(request)
        check_options(self.dataset.title, self.dataset.options, request.options)
        self.cases = self.dataset.cases(self.data, self.split, request.options)
        if not self.cases:
            raise InputError(
                f"{self.data}: no case in split {self.split!r} of {self.dataset.title}."
            )
        option = request.options.get("labels")
        self.names = ClassMap.of(option, "option labels") if option else declared_in(self.data)
        self.recorded: Mapping[str, Any] = {
            "dataset": request.dataset,
            # JSON has only text as keys: {1: liver} becomes {"1": liver}
            "dataset_options": json.loads(json.dumps(dict(request.options))),
            "split": self.split,
        }

    def load(self, case: Case) -> Truth:
        """As the plugin loads it; numbers are names where the plugin calls classes by them."""
        sample = self.dataset.load(case, self.request.options)
        if self.names is None and all(name.isdecimal() for name in sample.labels):
            self.names = ClassMap.numbered(map(int, sample.labels))
        if not sample.is_image:
            return Truth(sample.labels, sample.valid, _geometry(sample))
        plane = sample.plane(0)
        return Truth(plane.labels, plane.valid, _geometry(sample))

    def told(self, fits: Callable[[Sequence[str]], bool]) -> str:
        """The split that was taken, and the one that the files fit where another does."""
        first = "" if self.request.split else " (the first; none was named)"
        text = f"{self.request.dataset}, split {self.split!r}{first}"
        for other in self.others:
            try:
                cases = self.dataset.cases(self.data, other, self.request.options)
            except (InputError, UsageError):
                continue  # its files are not here: nobody predicted them
            if fits([case.id for case in cases]):
                return f"{text}; they are those of --split {other}"
        return text + (f"; the others are {', '.join(self.others)}" if self.others else "")


def split_used(request: Request) -> tuple[str, list[str]]:
    """The split of a data set that is scored, and the others there are."""
    splits = list(plugin("datasets", request.dataset or "").splits) or ["all"]
    used = request.split or splits[0]
    return used, [name for name in splits if name != used]


def _geometry(sample: Sample) -> Geometry:
    """The grid of a case: as its file says it, else what the sample says."""
    if sample.geometry is not None:
        return sample.geometry
    if sample.is_image:
        return Geometry(sample.shape[1:], sample.in_plane_mm)
    return Geometry(sample.shape, sample.spacing_mm)


class FolderTruths:
    """References in files of their own, folders in folders included; the id is the path.

    Classes are what --label says, else labels.json or dataset.json in the folder, else segments by
    their label; without any, one class where every file has one object, else every number.
    """

    def __init__(self, request: Request, folder: Path) -> None:
        if not folder.is_dir():
            raise PrerequisiteError(f"--reference {folder}: no such folder on this machine.")
        self.key = request.key
        named = mask_files(folder)
        if len(set(named.values())) < len(named):
            twice = sorted(n for n in named.values() if list(named.values()).count(n) > 1)
            raise InputError(f"{folder}: several files are called {twice[0]}; which one counts?")
        self.folder = folder
        self.cases = [
            Case(id=name, files={"label": path})
            for path, name in sorted(named.items(), key=lambda item: item[1])
        ]
        labels = request.labels
        self.names = ClassMap.of(labels, "--label") if labels else declared_in(folder)
        self.found: ClassMap | None = None  # what the files hold, where they name their segments
        self.single = False
        if self.names is None:
            self._look(list(named))
        self.recorded: Mapping[str, Any] = {"reference": "folder of masks"}

    def _look(self, paths: list[Path]) -> None:
        """Find out which classes there are where nothing names them."""
        masks = (read_mask(path, self.key) for path in paths)
        self.single = all(not found.segments and is_single(found) for found in masks)
        if self.single:
            return
        found = found_in(paths, self.key)
        if found.declared:
            self.names = found
        else:
            self.found = found

    def load(self, case: Case) -> Truth:
        """Read one file, all classes; an object without a name is `foreground`."""
        return truth_of(read_mask(case.files["label"], self.key), self.names or self.found)

    def told(self, fits: Callable[[Sequence[str]], bool]) -> str:
        """The folder."""
        return f"{self.folder}"


def truth_of(found: MaskFile, names: ClassMap | None) -> Truth:
    """The classes of a mask; names None: its one object, called `foreground`."""
    if names is None:
        return Truth({ONLY: one_class(found)}, None, found.geometry)
    read = names.read(found)
    return Truth(read.masks, read.valid, found.geometry)


def is_single(found: MaskFile) -> bool:
    """Whether a mask has one object on an empty background."""
    try:
        one_class(found)
    except InputError:
        return False
    return True


def with_spacing(truth: Truth, case: Case, spacing_mm: Sequence[float]) -> Truth:
    """The truth with the size of a pixel that its file lacks: one for all axes, or one an axis.

    Raises `InputError` where the file says another size, or the number of axes is another.
    """
    axes = len(truth.geometry.shape)
    if not spacing_mm:
        return truth
    given = tuple(spacing_mm) * axes if len(spacing_mm) == 1 else tuple(spacing_mm)
    if len(given) != axes:
        raise InputError(f"case {case.id}: --spacing has {len(given)} lengths for {axes} axes.")
    own = truth.geometry.spacing_mm
    if own is not None and any(abs(a - b) > 1e-3 for a, b in zip(own, given, strict=True)):
        raise InputError(
            f"case {case.id}: its file says {' x '.join(f'{s:g}' for s in own)} mm a pixel; "
            "--spacing is for files that say nothing. Leave it out."
        )
    return replace(truth, geometry=replace(truth.geometry, spacing_mm=given))
