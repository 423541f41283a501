"""DICOM that the tests make: series with pydicom, segmentations with highdicom, structure sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

Array = NDArray[Any]

# Rows run obliquely, no two axes alike: every exchanged or flipped axis shows.
TURN = np.deg2rad(20)
OBLIQUE = (np.cos(TURN), np.sin(TURN), 0.0, -np.sin(TURN) * 0.8, np.cos(TURN) * 0.8, 0.6)
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
STEP_MM, ROWS_MM, COLUMNS_MM = 2.5, 0.8, 0.7
FRAME, STUDY = "1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.2"
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"


def values(shape: tuple[int, int, int] = (6, 12, 10)) -> Array:
    """Hounsfield-like numbers, another in every voxel."""
    return (np.arange(np.prod(shape)).reshape(shape) * 3 - 1000).astype(np.int16)


def write_series(
    folder: Path,
    stored: Array,
    cosines: Sequence[float] = AXIAL,
    names: Sequence[int] | None = None,
    slopes: Sequence[tuple[float, float]] | None = None,
    series: str = "1.2.826.0.1.3680043.8.498.3",
) -> list[Path]:
    """One file a slice, in the order of the volume; `names` are the numbers in the files' names."""
    folder.mkdir(parents=True, exist_ok=True)
    normal = np.cross(cosines[:3], cosines[3:])
    found = []
    for index, plane in enumerate(stored):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.file_meta.MediaStorageSOPClassUID = CTImageStorage
        image.SOPClassUID, image.SOPInstanceUID = (
            CTImageStorage,
            generate_uid(entropy_srcs=[series, str(index)]),
        )
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.SeriesInstanceUID, image.StudyInstanceUID = series, STUDY
        image.FrameOfReferenceUID, image.Modality = FRAME, "CT"
        image.PatientID, image.PatientName = "p1", "made^"
        image.PatientBirthDate = image.PatientSex = image.StudyDate = image.StudyTime = ""
        image.AccessionNumber = image.StudyID = image.ReferringPhysicianName = ""
        image.Manufacturer, image.PositionReferenceIndicator = "made", ""
        image.SeriesNumber, image.InstanceNumber = 1, 1  # numbers say nothing of the place
        image.ImageOrientationPatient = [round(float(c), 9) for c in cosines]
        place = np.array([-40.0, 25.0, 10.0]) + normal * STEP_MM * index
        image.ImagePositionPatient = [round(float(p), 6) for p in place]
        image.PixelSpacing, image.SliceThickness = [ROWS_MM, COLUMNS_MM], 1.0
        image.Rows, image.Columns = plane.shape
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
        image.PixelRepresentation = 1
        slope, intercept = (slopes or [(1.0, 0.0)] * len(stored))[index]
        image.RescaleSlope, image.RescaleIntercept = str(slope), str(intercept)
        image.PixelData = plane.astype("<i2").tobytes()
        found.append(folder / f"{(names or range(len(stored)))[index]:03d}.dcm")
        image.save_as(found[-1], enforce_file_format=True)
    return found


def write_segmentation(
    path: Path, series: Sequence[Path], masks: Mapping[str, Array], fractional: bool = False
) -> Path:
    """A DICOM-SEG object by highdicom; masks (D, H, W) in the order of the series' files."""
    algorithm = hd.AlgorithmIdentificationSequence(
        name="made", version="1", family=codes.cid7162.ArtificialIntelligence
    )
    described = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=codes.SCT.Tissue,
            segmented_property_type=codes.SCT.Tissue,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=algorithm,
        )
        for number, name in enumerate(masks, start=1)
    ]
    kinds = hd.seg.SegmentationTypeValues
    array = np.stack(list(masks.values()), axis=-1)
    segmentation = hd.seg.Segmentation(
        source_images=[pydicom.dcmread(file) for file in series],
        pixel_array=array.astype(np.float32 if fractional else np.uint8),
        segmentation_type=kinds.FRACTIONAL if fractional else kinds.BINARY,
        segment_descriptions=described,
        series_instance_uid=generate_uid(entropy_srcs=["seg"]),
        series_number=2,
        sop_instance_uid=generate_uid(entropy_srcs=[path.name]),
        instance_number=1,
        manufacturer="made",
        manufacturer_model_name="made",
        software_versions="1",
        device_serial_number="1",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    segmentation.save_as(path)
    return path


def write_structures(
    path: Path,
    series: Sequence[Path],
    contours: Mapping[str, Sequence[tuple[str, Array]]],
    frame: str = FRAME,
) -> Path:
    """An RTSTRUCT by pydicom: region -> (kind, points (N, 3) in mm, left posterior superior)."""
    first = pydicom.dcmread(series[0], stop_before_pixels=True)
    content = Dataset()
    content.file_meta = FileMetaDataset()
    content.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    content.file_meta.MediaStorageSOPClassUID = content.SOPClassUID = STRUCTURE_SET
    content.SOPInstanceUID = generate_uid(entropy_srcs=[path.name])
    content.file_meta.MediaStorageSOPInstanceUID = content.SOPInstanceUID
    content.Modality, content.PatientID = "RTSTRUCT", "p1"
    content.SeriesInstanceUID = generate_uid(entropy_srcs=["rt"])
    content.StudyInstanceUID = STUDY
    item, study, of_frame = Dataset(), Dataset(), Dataset()
    item.SeriesInstanceUID = first.SeriesInstanceUID
    study.RTReferencedSeriesSequence = [item]
    of_frame.FrameOfReferenceUID, of_frame.RTReferencedStudySequence = frame, [study]
    content.ReferencedFrameOfReferenceSequence = [of_frame]
    content.StructureSetROISequence, content.ROIContourSequence = [], []
    for number, (name, drawn) in enumerate(contours.items(), start=3):
        region, lines = Dataset(), Dataset()
        region.ROINumber, region.ROIName = number, name
        lines.ReferencedROINumber, lines.ContourSequence = number, []
        for kind, points in drawn:
            line = Dataset()
            line.ContourGeometricType, line.NumberOfContourPoints = kind, len(points)
            line.ContourData = [f"{value:.5f}" for value in np.asarray(points).ravel()]
            lines.ContourSequence.append(line)
        content.StructureSetROISequence.append(region)
        content.ROIContourSequence.append(lines)
    path.parent.mkdir(parents=True, exist_ok=True)
    content.save_as(path, enforce_file_format=True)
    return path


def in_patient(series: Sequence[Path], plane: int, rows_columns: Any) -> Array:
    """Places (row, column) on a slice -> (N, 3) mm, by the formula of DICOM PS3.3 C.7.6.2.1.1."""
    head = pydicom.dcmread(series[plane], stop_before_pixels=True)
    cosines = np.asarray(head.ImageOrientationPatient, float)
    places = np.asarray(rows_columns, float)
    rows_mm, columns_mm = map(float, head.PixelSpacing)
    start = np.asarray(head.ImagePositionPatient, float)
    along: Array = start + places[:, 1:] * columns_mm * cosines[:3]
    return along + places[:, :1] * rows_mm * cosines[3:]


def rectangle(top: float, left: float, bottom: float, right: float) -> Array:
    """Corners (row, column) half a pixel outside the pixels from top, left to bottom, right."""
    t, l_, b, r = top - 0.5, left - 0.5, bottom + 0.5, right + 0.5
    return np.array([[t, l_], [t, r], [b, r], [b, l_]])
