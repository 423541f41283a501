"""A folder of somebody's images, of any mix of kinds: pictures, volumes, DICOM series, videos.

What a file is, its first bytes say. Volumes of nnU-Net's layout (`case_0000.nii.gz`, `case_0001`)
are one case of several channels. Slices of a DICOM series are one case, in whatever folders.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from catalog.errors import InputError, PrerequisiteError, UsageError
from reproduce.contracts import Case, Dataset, Sample
from reproduce.ground.reading import IMAGE_SUFFIXES, in_time, need_readable, read_with
from reproduce.ground.sniffing import sniff
from reproduce.ground.tables import plain
from reproduce.readers.masks import READERS, SUFFIXES

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kind = Literal["picture", "volume", "array", "dicom", "video"]
KINDS: Mapping[str, Kind] = {
    "picture": "picture",
    "nifti": "volume",
    "itk_file": "volume",
    "numpy_file": "array",
    "dicom_seg": "dicom",
}
CHANNEL = re.compile(r"(.+)_(\d{4})")
ARRAYS = ("imgs", "image", "img")  # of an npz: the challenges of MedSAM call it imgs
SLICED = ("CT", "MR", "PT", "NM")  # modalities whose files are slices: they need a place
#: Images and videos of other formats: told, not passed over.
FOREIGN = (
    *(".webp", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".psd", ".svs", ".ndpi", ".mrxs", ".czi"),
    *(".img", ".hdr", ".mgz", ".mat", ".h5", ".mp4", ".avi", ".mov", ".mkv"),
)
NOT_IMAGES = ("SEG", "RTSTRUCT", "SR", "PR", "KO", "RTDOSE", "RTPLAN")


@dataclass(frozen=True, slots=True)
class Found:
    """The cases of a folder, and files that are none: path below it -> why."""

    cases: list[Case]
    unread: dict[str, str]


def kind_of(case: Case) -> Kind:
    """What a case's files are."""
    kind: Kind = case.meta["kind"]
    return kind


def look(folder: Path, video: bool = False, option: str = "--images") -> Found:
    """Everything in a folder and the folders in it that may be an image, sorted by id.

    video  each folder of pictures is a video, frames in the order of the numbers in their names
    option  that names the folder, for messages

    Raises `PrerequisiteError` where there is no such folder, `InputError` where it has no image.
    """
    if not folder.is_dir():
        what = "a file, not a folder" if folder.exists() else "no such folder on this machine"
        raise PrerequisiteError(f"{option} {folder}: {what}.")
    files: dict[Kind, list[Path]] = defaultdict(list)
    unread: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if path.is_dir() or any(part.startswith(".") for part in place.parts):
            continue
        need_readable(path)
        named = path.name.lower().endswith((*SUFFIXES, *IMAGE_SUFFIXES, *FOREIGN))
        if not path.is_file():
            if named:
                unread[place.as_posix()] = "a link that leads to no file"
            continue
        kind = KINDS.get(READERS.get(read_with(path, "file", sniff), ""))
        if kind is not None:
            files[kind].append(path)
        elif named:
            unread[place.as_posix()] = (
                f"this is {sniff(path)}, no image that can be read (PNG, JPEG, TIFF, BMP, NIfTI, "
                "NRRD, MHA, npz and DICOM are)"
            )
    cases = [
        *(_videos(folder, files["picture"]) if video else _singles(folder, files["picture"])),
        *_volumes(folder, files["volume"]),
        *_singles(folder, files["array"], "array"),
        *_series(folder, files["dicom"], unread),
    ]
    if not cases and not unread:
        raise InputError(
            f"{folder}: no image in it. Expected pictures (PNG, JPEG, TIFF, BMP), volumes (NIfTI, "
            "NRRD, MHA, npz) or DICOM series."
        )
    return Found(_told_apart(cases), unread)


def _stem(folder: Path, path: Path) -> str:
    """The path below the folder without its suffix."""
    place = plain(path.relative_to(folder).as_posix())
    known = (*SUFFIXES, *IMAGE_SUFFIXES)
    suffix = next((s for s in known if place.lower().endswith(s)), path.suffix)
    return place[: -len(suffix)] if suffix else place


def _singles(folder: Path, paths: Sequence[Path], kind: Kind = "picture") -> list[Case]:
    return [Case(_stem(folder, path), {"image": path}, meta={"kind": kind}) for path in paths]


def _volumes(folder: Path, paths: Sequence[Path]) -> list[Case]:
    """Volumes by name; channels of one name together, where there is a first one."""
    stems = {_stem(folder, path): path for path in paths}
    found: dict[str, dict[str, Path]] = defaultdict(dict)
    for path in paths:
        stem = _stem(folder, path)
        match = CHANNEL.fullmatch(stem)
        if match and f"{match[1]}_0000" in stems:
            found[match[1]][f"image:{match[2]}"] = path
        else:
            name = stem if stems[stem] == path else path.relative_to(folder).as_posix()
            found[name]["image"] = path
    return [Case(name, files, meta={"kind": "volume"}) for name, files in found.items()]


def _videos(folder: Path, paths: Sequence[Path]) -> list[Case]:
    """Each folder that holds pictures."""
    frames: dict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        frames[path.parent].append(path)
    found = []
    for parent, members in frames.items():
        ordered = sorted(members, key=lambda path: in_time(path.stem))
        files = {f"frame:{path.stem}": path for path in ordered}
        place = parent.relative_to(folder).as_posix()
        name = folder.name if place == "." else place
        meta = {"kind": "video", "frames": tuple(path.stem for path in ordered)}
        found.append(Case(name, files, meta=meta))
    return found


def _series(folder: Path, paths: Sequence[Path], unread: dict[str, str]) -> list[Case]:
    """DICOM files by their series; radiographs and others that have no place are a picture each. A
    case is called after its folder, never after a patient."""
    import pydicom

    found = []
    members: dict[str, list[Path]] = defaultdict(list)
    modality: dict[str, str] = {}
    for path in paths:
        place = path.relative_to(folder).as_posix()
        tags = ["SeriesInstanceUID", "Modality", "ImagePositionPatient", "NumberOfFrames"]
        try:
            head = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags)
        except Exception as error:  # pydicom raises many types for one fact: the file is damaged
            unread[place] = f"a DICOM file that cannot be read ({error})"
            continue
        kind = str(head.get("Modality", ""))
        if kind in NOT_IMAGES:
            continue
        if not (head.get("ImagePositionPatient") or head.get("NumberOfFrames") or kind in SLICED):
            meta = {"kind": "picture", "modality": kind}
            found.append(Case(_stem(folder, path), {"image": path}, meta=meta))
            continue
        series = str(head.get("SeriesInstanceUID", place))
        members[series].append(path)
        modality[series] = kind
    names = [_common(folder, files) for files in members.values()]
    often, used = Counter(names), Counter[str]()
    for name, (series, files) in zip(names, members.items(), strict=True):
        used[name] += 1
        own = name if often[name] == 1 and name else f"{name}/series-{used[name]}".lstrip("/")
        roles = {f"image:{n:04d}": path for n, path in enumerate(files)}
        found.append(Case(own, roles, meta={"kind": "dicom", "modality": modality[series]}))
    return found


def _common(folder: Path, files: Sequence[Path]) -> str:
    """The folder of a series below `folder`; of a single file its own name; "": `folder` itself."""
    if len(files) == 1:
        return _stem(folder, files[0])
    place = files[0].parent.relative_to(folder).as_posix()
    return "" if place == "." else place


def _told_apart(cases: Sequence[Case]) -> list[Case]:
    """Cases by id; those of one name (some disks know no capitals) keep the suffix of their file in
    it, and a number where that is the same."""
    often = Counter(case.id.casefold() for case in cases)
    found = {case.id.casefold(): case for case in cases if often[case.id.casefold()] == 1}
    for case in cases:
        if often[case.id.casefold()] > 1:
            suffix = "".join(next(iter(case.files.values())).suffixes)
            name = own = f"{case.id}{suffix.replace('.', '-')}"
            number = 2
            while name.casefold() in found:
                name, number = f"{own}-{number}", number + 1
            found[name.casefold()] = replace(case, id=name)
    return sorted(found.values(), key=lambda case: case.id)


class OwnImages(Dataset):
    """A folder of images without masks. Options: `window` [low, high] of what has more than eight
    bits, `values` (`uint8`, or `stored`), `channels` (`all`, or the number of one), `spacing_mm`
    [rows, columns] of pictures, `frame_s`."""

    name = "own-images"
    version = 1
    title = "Own images"
    licence = "the data's own"
    access = "Name the folder."
    homepage: str | None = None
    modalities: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    dimensionality: Literal["2d", "3d"] = "3d"  # of any kind: one case at a time
    splits: Mapping[str, str] = {"all": "every image of the folder"}
    may_show_images = False
    options: Mapping[str, str] = {}

    def __init__(self, video: bool = False) -> None:
        self.video = video

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """As `look`."""
        return look(root, self.video).cases

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """A case as a stack, without labels. Raises `InputError` naming the file that cannot be
        read."""
        return _LOADERS[kind_of(case)](case, options)


def _picture(case: Case, options: Mapping[str, Any]) -> Sample:
    from reproduce.readers.picture import read_rgb

    path = case.files["image"]
    if "modality" in case.meta:  # of DICOM
        from reproduce.readers.dicom_series import read_picture
        from reproduce.readers.intensities import as_taken

        values, spacing_mm = read_picture(path)
        values = values if values.ndim == 3 else as_taken(values[None], options, path)[0]
        return Sample.of_image(case, values, {}, spacing_mm=spacing_mm)
    image = read_rgb(path, options.get("window"), mixed=True)
    spacing = options.get("spacing_mm")
    return Sample.of_image(case, image, {}, spacing_mm=tuple(spacing) if spacing else None)


def _volume(case: Case, options: Mapping[str, Any]) -> Sample:
    """One channel (S, H, W), or all of them (S, H, W, C); spacing and place of the first."""
    import numpy as np

    from reproduce.readers.grids import difference
    from reproduce.readers.intensities import as_taken
    from reproduce.readers.volumes import read_volume

    paths = _channels(case, options)
    read = [read_volume(path, "image") for path in paths]
    grid = read[0][1]
    for path, (_, other) in zip(paths, read, strict=True):
        if off := difference(other, grid):
            raise InputError(f"{path}: not on the grid of {paths[0].name}: {off}.")
    values: list[NDArray[Any]] = [
        as_taken(v, options, path) for path, (v, _) in zip(paths, read, strict=True)
    ]
    whole = values[0] if len(values) == 1 else np.stack(values, axis=-1)
    return Sample.of_volume(case, whole, {}, spacing_mm=grid.spacing_mm, geometry=grid)


def _channels(case: Case, options: Mapping[str, Any]) -> list[Path]:
    """The files of the channels that are taken."""
    if "image" in case.files:
        return [case.files["image"]]
    wanted = options.get("channels", 0)
    if wanted == "all":
        return [case.files[role] for role in sorted(case.files)]
    role = f"image:{wanted:04d}"
    if role not in case.files:
        raise InputError(
            f"case {case.id}: no channel {wanted}; it has "
            f"{', '.join(str(int(r.partition(':')[2])) for r in sorted(case.files))}."
        )
    return [case.files[role]]


def _array(case: Case, options: Mapping[str, Any]) -> Sample:
    """The image of an npz or npy: (H, W), (H, W, 3), (D, H, W) or (D, H, W, 3)."""
    from reproduce.readers.intensities import as_taken, picture_bits
    from reproduce.readers.numpy_file import array_of, arrays_of, names_in

    path = case.files["image"]

    def reader(path: Path) -> NDArray[Any]:
        if sniff(path) == "a NumPy array":
            return array_of(path)
        there = names_in(path)
        name = next((n for n in ARRAYS if n in there), there[0] if len(there) == 1 else None)
        if name is None:
            raise InputError(f"{path}: expected an array {ARRAYS[0]}, got {', '.join(there)}.")
        return arrays_of(path, [name])[name]

    values = read_with(path, "image", reader)
    if values.ndim not in (2, 3, 4) or (values.ndim == 4 and values.shape[-1] != 3):
        raise InputError(f"{path}: expected an image or a stack of planes, got {values.shape}.")
    if options.get("values") == "stored":
        values = as_taken(values, options, path)
    elif values.dtype.kind != "u" or values.dtype.itemsize > 1:
        values = picture_bits(values, options.get("window"), path)
    if values.ndim == 2 or (values.ndim == 3 and values.shape[-1] == 3):
        return Sample.of_image(case, values, {}, spacing_mm=options.get("spacing_mm"))
    return Sample.of_volume(case, values, {})


def _dicom(case: Case, options: Mapping[str, Any]) -> Sample:
    from reproduce.readers.dicom_series import read_series
    from reproduce.readers.intensities import as_taken

    paths = list(case.files.values())
    image, grid = read_series(paths)
    values = as_taken(image, options, paths[0])
    return Sample.of_volume(case, values, {}, spacing_mm=grid.spacing_mm, geometry=grid)


def _video(case: Case, options: Mapping[str, Any]) -> Sample:
    import numpy as np

    from reproduce.readers.picture import read_rgb
    from reproduce.readers.sizes import need_room

    paths = list(case.files.values())
    first = read_rgb(paths[0], options.get("window"), mixed=True)
    need_room(paths[0].parent, (len(paths), *first.shape), 1, "the video")
    values = np.empty((len(paths), *first.shape), np.uint8)
    for path, target in zip(paths, values, strict=True):
        image = read_rgb(path, options.get("window"), mixed=True)
        if image.shape != first.shape:
            raise InputError(
                f"{path}: {image.shape[0]}x{image.shape[1]} pixels, the first frame of the video "
                f"has {first.shape[0]}x{first.shape[1]} (rows x columns)."
            )
        target[...] = image
    return Sample(case, values, {}, None, "time", (options.get("frame_s"), None, None))


_LOADERS = {
    "picture": _picture,
    "volume": _volume,
    "array": _array,
    "dicom": _dicom,
    "video": _video,
}


def channels_option(text: str) -> str | int:
    """`all`, or the number of a channel. Raises `UsageError`."""
    if text == "all":
        return text
    if not text.isdecimal() or int(text) > 9999:
        raise UsageError(f"--channels {text}: expected all, or the number of one, such as 0.")
    return int(text)
