"""What a data set gives: cases, and each of them loaded as a stack of planes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from catalog.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: What lies along a stack's first axis; `none`: an image, which is a stack of one plane.
Along = Literal["none", "depth", "time"]
#: Distance of planes (mm, or s along time), of rows and of columns (mm); None: unknown.
Spacing = tuple[float | None, float | None, float | None]


@dataclass(frozen=True, slots=True)
class Case:
    """One image, volume or video of a data set, not loaded yet. `files` maps a role to a path."""

    id: str
    files: Mapping[str, Path]
    patient: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plane:
    """One plane of a sample: what a model that sees one plane at a time gets.

    image   (H, W) or (H, W, 3), values as stored
    labels  class name -> (H, W) bool; an empty mask is a mask
    valid   (H, W) bool: where pixels count (field of view), or None: everywhere
    objects class name -> (H, W) numbers of its objects, as in `Sample`
    """

    image: NDArray[Any]
    labels: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    valid: NDArray[np.bool_] | None = None
    objects: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Geometry:
    """The grid of a mask or an image, as its file says it.

    shape       (H, W), or (D, H, W) with slices along the first axis
    spacing_mm  one value per axis in array order, or None where the file has none
    affine      4x4, array index (d, h, w, 1) -> position in mm (right, anterior, superior), or None
    stored      the affine of the file's own order, where the array was turned from it; else None
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...] | None = None
    affine: NDArray[np.float64] | None = None
    stored: NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A loaded case: a stack of S planes of H rows and W columns.

    values  (S, H, W), (S, H, W, 3) RGB, or (S, H, W, C) of other channels (sequences of one
            region), as stored
    labels  class name -> (S, H, W) bool; every class of the data set, those without a pixel too
    valid   (S, H, W) bool: where pixels count (in the field of view, outside labels called
            `ignore`), or None: everywhere
    along   what lies along the first axis
    spacing distance of planes (mm, or s where time lies along), of rows and of columns (mm);
            None where the data has none
    geometry  where a volume's voxels lie in the patient; None: its file does not say it
    objects class name -> (S, H, W) int32: which object each pixel of the class is of, from 1;
            only of classes whose objects the data tell apart
    """

    case: Case
    values: NDArray[Any]
    labels: Mapping[str, NDArray[np.bool_]]
    valid: NDArray[np.bool_] | None = None
    along: Along = "none"
    spacing: Spacing = (None, None, None)
    geometry: Geometry | None = None
    objects: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)

    @classmethod
    def of_image(
        cls,
        case: Case,
        image: NDArray[Any],
        labels: Mapping[str, NDArray[np.bool_]],
        valid: NDArray[np.bool_] | None = None,
        spacing_mm: tuple[float, float] | None = None,
        objects: Mapping[str, NDArray[np.int32]] | None = None,
    ) -> Sample:
        """An image as a stack of one plane.

        image (H, W) or (H, W, 3); labels, valid and objects (H, W); spacing_mm of rows and of
        columns
        """
        return cls(
            case,
            image[None],
            {name: mask[None] for name, mask in labels.items()},
            None if valid is None else valid[None],
            spacing=(None, *spacing_mm) if spacing_mm else (None, None, None),
            objects={name: numbers[None] for name, numbers in (objects or {}).items()},
        )

    @classmethod
    def of_volume(
        cls,
        case: Case,
        volume: NDArray[Any],
        labels: Mapping[str, NDArray[np.bool_]],
        valid: NDArray[np.bool_] | None = None,
        spacing_mm: Sequence[float] | None = None,
        geometry: Geometry | None = None,
    ) -> Sample:
        """A volume with its depth along the first axis.

        volume, labels, valid (D, H, W); spacing_mm in that order, or None
        """
        spacing: Any = (None, None, None) if spacing_mm is None else tuple(map(float, spacing_mm))
        return cls(case, volume, labels, valid, "depth", spacing, geometry)

    @property
    def is_image(self) -> bool:
        """Whether this is one plane with nothing along the first axis."""
        return self.along == "none"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(S, H, W)."""
        planes, rows, columns = self.values.shape[:3]
        return planes, rows, columns

    @property
    def in_plane_mm(self) -> tuple[float, float] | None:
        """Spacing of rows and columns in mm, or None where either is unknown."""
        _, rows, columns = self.spacing
        return None if rows is None or columns is None else (rows, columns)

    @property
    def spacing_mm(self) -> tuple[float, float, float] | None:
        """Spacing of all three axes in mm; None where one is unknown or the first is none."""
        planes, rows, columns = self.spacing
        if self.along != "depth" or planes is None or rows is None or columns is None:
            return None
        return planes, rows, columns

    def plane(self, index: int) -> Plane:
        """Plane `index`; arrays are views."""
        return Plane(
            self.values[index],
            {name: mask[index] for name, mask in self.labels.items()},
            None if self.valid is None else self.valid[index],
            {name: numbers[index] for name, numbers in self.objects.items()},
        )

    def counted_planes(self) -> Iterator[int]:
        """Indices of the planes in which a pixel counts, in order."""
        for index in range(self.shape[0]):
            if self.valid is None or self.valid[index].any():
                yield index


@dataclass(frozen=True, slots=True)
class Archive:
    """One file that a data set is distributed in.

    file     its name, as its owners call it
    urls     addresses, tried in order; (): only a person can get it, `Dataset.access` says how
    folders  what is kept: path in the archive -> path below the data set's folder; a first part `*`
             stands for one folder of any name
    sha256, md5, bytes  of the archive; None: not known, or packed anew for every request
    content  sha256 of what `sha256sum` prints of all that is kept, sorted by path below the data
             set's folder; None: the archive's own hash decides
    splits   that need it; (): all do
    source   where address and hashes were read
    """

    file: str
    urls: tuple[str, ...]
    folders: Mapping[str, str]
    source: str
    sha256: str | None = None
    md5: str | None = None
    bytes: int | None = None
    content: str | None = None
    splits: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """What messages call it."""
        return self.file


@dataclass(frozen=True, slots=True)
class CaseList:
    """Which files the cases of a split are, in one hash: what shows that a folder holds them.

    sha256  `reproduce.obtaining.identity.case_list` of the cases
    source  what shows that those files are the released ones
    options  option of the reader -> values it is the list with (None: left out). A list says which
             files lie in which role, not how they are called: of two observers' masks the one's
             files stand where the other's belong. Options that are not named may be any.
    """

    split: str
    sha256: str
    source: str
    options: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def is_of(self, split: str, options: Mapping[str, Any]) -> bool:
        """Whether it is the list of a split that is read with these options."""
        return self.split == split and all(
            options.get(name) in values for name, values in self.options.items()
        )


class Dataset(Protocol):
    """A plugin in `reproduce/datasets`."""

    name: str
    version: int
    title: str
    licence: str
    access: str  # how a user gets it, one or two sentences
    homepage: str | None
    modalities: tuple[str, ...]
    labels: tuple[str, ...]  # () when they depend on the folder
    dimensionality: Literal["2d", "3d"]
    splits: Mapping[str, str]  # split -> who defined it and what is in it
    may_show_images: bool  # whether its licence lets us publish image excerpts
    options: Mapping[str, str] = {}  # option -> what it does; any other name is refused
    archives: tuple[Archive, ...] = ()  # files it is distributed in, for `fetch-data`
    case_lists: tuple[CaseList, ...] = ()  # several of a split where it is released as several
    generated: bool = False  # made here: nothing has to be fetched or lie anywhere
    keeps_values: bool = False  # has the option `values=stored`, for models that take no bytes

    def need_split(self, split: str) -> None:
        """Raises `UsageError` for a split that the data set does not have."""
        if split not in self.splits:
            raise UsageError(f"{self.name} has no split {split!r}; known: {', '.join(self.splits)}")

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """The cases of a split, sorted by id. Raises `InputError` naming what is missing, and
        `UsageError` for a split that there is none of."""

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Read one case. Raises `InputError` naming the file that cannot be read."""


class Through(Dataset):
    """A data set that reads its cases through another: all but `load` is the other's."""

    def __init__(self, plugin: Dataset) -> None:
        self.plugin = plugin
        self.name, self.version, self.title = plugin.name, plugin.version, plugin.title
        self.licence, self.access, self.homepage = plugin.licence, plugin.access, plugin.homepage
        self.modalities, self.labels, self.splits = plugin.modalities, plugin.labels, plugin.splits
        self.dimensionality = plugin.dimensionality
        self.may_show_images, self.keeps_values = plugin.may_show_images, plugin.keeps_values
        self.options, self.generated = plugin.options, plugin.generated
        self.archives, self.case_lists = plugin.archives, plugin.case_lists

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """As the other's."""
        return self.plugin.cases(root, split, options)

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """As the other's."""
        return self.plugin.load(case, options)
