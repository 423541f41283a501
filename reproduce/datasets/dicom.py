"""DICOM series with DICOM-SEG objects or RTSTRUCT, as archives (TCIA, IDC) hand them out.

A case is one segmentation object or structure set with the image series it refers to, in any
folders. Which file belongs to which series, and where a slice lies, is read from the headers; names
of files mean nothing. Arrays are brought to (superior, anterior, right), values are those of the
series' unit (rescaled).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from catalog.errors import InputError
from reproduce.contracts import Case, Dataset, Sample

SUFFIXES = (".dcm", ".seg", ".ima")
MASKS = ("SEG", "RTSTRUCT")  # modalities of what says where things are


class Dicom(Dataset):
    """Plugin `dicom`. Labels are the labels of the segments or regions; one that a case lacks is
    empty there. Options: `window`: [low, high] in the unit of the series (Hounsfield for CT),
    mapped to 0-255; without it the 0.5 and 99.5 percentiles of positive values. `labels`: a class
    map of segment labels (several may make one class)."""

    name = "dicom"
    version = 2
    title = "DICOM series with DICOM-SEG or RTSTRUCT"
    licence = "the data's own"
    access = (
        "Put the image series and the segmentation objects or structure sets that refer to them "
        "below one folder and pass it with --data."
    )
    homepage: str | None = None
    modalities: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    dimensionality: Literal["2d", "3d"] = "3d"
    splits: Mapping[str, str] = {
        "all": "every segmentation object and structure set below the folder, with its series"
    }
    may_show_images = False
    options: Mapping[str, str] = {
        "labels": "a class map (`reproduce.readers.classes`)",
        "window": "[low, high]: the values that become black and white",
        "values": "uint8, or stored: numbers as in the file",
    }
    keeps_values = True

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        """One case per object, by its path. Raises `InputError` naming objects whose series is not
        there, and files that are not DICOM."""
        from reproduce.ground.reading import need_folder, need_readable, read_with

        self.need_split(split)
        need_folder(root, self.title, self.access)
        series: dict[str, list[tuple[Path, str]]] = {}
        objects: list[tuple[Path, _Head]] = []
        for path in sorted(p for p in root.rglob("*") if p.suffix.lower() in SUFFIXES):
            need_readable(path)
            head = read_with(path, "DICOM file", _head)
            if head.modality in MASKS:
                objects.append((path, head))
            else:
                series.setdefault(head.series, []).append((path, head.frame_of_reference))
        if not objects:
            raise InputError(
                f"{root}: no DICOM-SEG object and no RTSTRUCT there or below. {self.access}"
            )
        segments = tuple(dict.fromkeys(name for _, head in objects for name in head.segments))
        found, without = [], []
        for path, head in objects:
            name = path.relative_to(root).with_suffix("").as_posix()
            here = [uid for uid in head.refers_to if uid in series]
            if len(here) != 1:
                without.append(f"{name} (refers to {', '.join(head.refers_to) or 'no series'})")
                continue
            images = series[here[0]]
            _need_one_frame(path, head, images)
            files = {f"image:{n:04d}": image for n, (image, _) in enumerate(images)}
            found.append(
                Case(
                    id=name,
                    files={"label": path, **files},
                    patient=head.patient,
                    meta={"segments": segments},
                )
            )
        if without:
            raise InputError(
                f"{root}: {len(without)} of {len(objects)} segmentation objects are without the "
                f"image series they refer to: {'; '.join(without[:3])}. {self.access}"
            )
        return found

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        """Volume (D, H, W), bytes or in the unit of the series; a mask per segment or region;
        spacing in mm. Raises `InputError` where image and segments share no grid."""
        from reproduce.readers import ClassMap
        from reproduce.readers.dicom_series import read_series
        from reproduce.readers.volumes import labelled

        paths = [path for role, path in case.files.items() if role.startswith("image")]
        image, grid = read_series(paths)
        option = options.get("labels")
        found = ClassMap.of_segments(case.meta["segments"])
        names = ClassMap.of(option, "option labels") if option else found
        return labelled(case, image, grid, options, names)


@dataclass(frozen=True, slots=True)
class _Head:
    """What the header of a DICOM file says; of a mask also its series, and names of segments."""

    modality: str
    series: str
    frame_of_reference: str
    patient: str | None
    refers_to: list[str]
    segments: list[str]


def _head(path: Path) -> _Head:
    import pydicom

    from reproduce.readers.dicom_seg import names_of
    from reproduce.readers.rtstruct import regions_of

    content = pydicom.dcmread(path, stop_before_pixels=True)
    modality = str(content.Modality)
    frame = str(content.get("FrameOfReferenceUID", ""))
    refers = [str(i.SeriesInstanceUID) for i in content.get("ReferencedSeriesSequence", [])]
    segments = names_of(content) if modality == "SEG" else []
    if modality == "RTSTRUCT":
        segments = list(regions_of(content).values())
        for of_frame in content.get("ReferencedFrameOfReferenceSequence", []):
            frame = str(of_frame.get("FrameOfReferenceUID", frame))
            for study in of_frame.get("RTReferencedStudySequence", []):
                items = study.get("RTReferencedSeriesSequence", [])
                refers += [str(item.SeriesInstanceUID) for item in items]
    return _Head(
        modality=modality,
        series=str(content.SeriesInstanceUID),
        frame_of_reference=frame,
        patient=str(content.get("PatientID", "")) or None,
        refers_to=list(dict.fromkeys(refers)),
        segments=segments,
    )


def _need_one_frame(path: Path, head: _Head, images: list[tuple[Path, str]]) -> None:
    """Raise `InputError` where positions in a mask and in its series have different origins."""
    for image, frame in images:
        if head.frame_of_reference and frame and frame != head.frame_of_reference:
            raise InputError(
                f"{path}: its positions are of another frame of reference than those of "
                f"{image.name} in the series it refers to. Register the two yourself and say so."
            )


PLUGIN = Dicom()
