"""DICOM series with DICOM-SEG objects, as archives (TCIA, IDC) hand them out: in any folders.

A case is one segmentation object with the image series it refers to. Which file belongs to which
series, and where a slice lies, is read from the headers; names of files mean nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError, UsageError
from reproduce.contracts import Case, Dataset, Sample
from reproduce.readers.intensities import as_taken

SUFFIXES = (".dcm", ".seg", ".ima")


class Dicom(Dataset):
    """Plugin `dicom`. Labels are the labels of the segments. Options: `window`: [low, high] in the
    unit of the series (Hounsfield for CT), mapped to 0-255; without it the 0.5 and 99.5 percentiles
    of positive values. `labels`: a class map of segment labels (several may make one class)."""

    name = "dicom"
    version = 1
    title = "DICOM series with DICOM-SEG"
    licence = "the data's own"
    access = (
        "Put the image series and the segmentation objects that refer to them below one folder and "
        "pass it with --data."
    )
    homepage: str | None = None
    modalities: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    dimensionality: Literal["2d", "3d"] = "3d"
    splits: Mapping[str, str] = {
        "all": "every segmentation object below the folder with the series it refers to"
    }
    may_show_images = False
    options: Mapping[str, str] = {
        "labels": "a class map (`reproduce.readers.classes`)",
        "window": "[low, high]: the values that become black and white",
        "values": "uint8, or stored: numbers as in the file",
    }
    keeps_values = True

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """One case per segmentation object, by its path. Raises `InputError` naming objects whose
        series is not there, and files that are not DICOM."""
        from reproduce.ground.reading import need_folder, need_readable, read_with

        if split != "all":
            raise UsageError(f"dicom has no split {split!r}; known: all")
        need_folder(root, self.title, self.access)
        series: dict[str, list[Path]] = {}
        objects: list[tuple[Path, list[str], str | None]] = []
        for path in sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES):
            need_readable(path)
            modality, uid, wanted, patient = read_with(path, "DICOM file", _header)
            if modality == "SEG":
                objects.append((path, wanted, patient))
            else:
                series.setdefault(uid, []).append(path)
        if not objects:
            raise InputError(f"{root}: no DICOM-SEG object there or below. {self.access}")
        found, without = [], []
        for path, wanted, patient in objects:
            name = path.relative_to(root).with_suffix("").as_posix()
            here = [uid for uid in wanted if uid in series]
            if len(here) != 1:
                without.append(f"{name} (refers to {', '.join(wanted) or 'no series'})")
                continue
            files = {f"image:{n:04d}": image for n, image in enumerate(series[here[0]])}
            found.append(Case(id=name, files={"label": path, **files}, patient=patient))
        if without:
            raise InputError(
                f"{root}: {len(without)} of {len(objects)} segmentation objects are without the "
                f"image series they refer to: {'; '.join(without[:3])}. {self.access}"
            )
        return found

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """uint8 volume (D, H, W), a mask per segment, spacing in mm in that order; axes are turned
        to (superior, anterior, right). Raises `InputError` where image and segments share no
        grid."""

        from reproduce.ground.reading import read_with
        from reproduce.readers import ClassMap, MaskFile
        from reproduce.readers.classes import Labelled
        from reproduce.readers.grids import oriented

        image, segments, affine = read_with(
            case.files["label"], "DICOM series with segments", lambda path: _read(case, path)
        )
        turned, grid = oriented(image, affine)
        label = case.files["label"]
        masks = {name: oriented(mask, affine)[0] for name, mask in segments.items()}
        read = Labelled(masks)
        if names := options.get("labels"):
            found = MaskFile(label, grid, segments=masks)
            read = ClassMap.of(names, "option labels").read(found)
        return Sample.of_volume(
            case,
            as_taken(turned, options, label),
            read.masks,
            read.valid,
            spacing_mm=grid.spacing_mm,
        )


def _header(path: Path) -> tuple[str, str, list[str], str | None]:
    """Modality, series, the series a segmentation refers to, and patient of a DICOM file."""
    import pydicom

    header = pydicom.dcmread(path, stop_before_pixels=True)
    wanted = [str(item.SeriesInstanceUID) for item in header.get("ReferencedSeriesSequence", [])]
    patient = str(header.get("PatientID", "")) or None
    return str(header.Modality), str(header.SeriesInstanceUID), wanted, patient


def _read(case: Case, label: Path) -> tuple[Any, dict[str, Any], Any]:
    """The series as a volume in its unit, segments on its grid, affine (RAS)."""
    import highdicom as hd
    import numpy as np
    import pydicom

    from reproduce.readers.dicom_seg import names_of, need_pixels, to_ras

    images = [path for role, path in case.files.items() if role.startswith("image")]
    need_pixels(images)
    need_pixels([label])
    slices = [pydicom.dcmread(path) for path in images]
    volume = hd.get_volume_from_series(slices)
    objects = hd.seg.segread(label)
    found = objects.get_volume(combine_segments=False, rescale_fractional=True)
    try:
        found = found.match_geometry(volume)
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"{label}: its segments do not lie on the grid of the series they refer to ({error}). "
            "Resample them yourself and say so; masks are never resampled silently."
        ) from error
    array = np.asarray(found.array) > 0.5
    segments = {name: array[..., index] for index, name in enumerate(names_of(objects))}
    return np.asarray(volume.array), segments, to_ras(volume.affine)


PLUGIN = Dicom()
