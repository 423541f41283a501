"""Masks as a DICOM SEG object that refers to the series they lie on.

What identifies a person in the series (name, number, dates, physicians, descriptions) goes into the
object only when that is asked for. Its unique identifiers do: without them nothing says which
images the masks belong to.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.files import disk_full_told, whole
from reproduce.predicting import NOTICE

if TYPE_CHECKING:
    from reproduce.predicting.taken import Painter

#: What is taken from the headers of a series: its identifiers, its grid, the form of its pixels.
NEEDED = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    *("FrameOfReferenceUID", "PositionReferenceIndicator", "Modality", "InstanceNumber"),
    *("ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "SliceThickness"),
    *("SpacingBetweenSlices", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel"),
    *("PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "SharedFunctionalGroupsSequence"),
    *("PerFrameFunctionalGroupsSequence", "DimensionOrganizationSequence"),
    *("DimensionIndexSequence", "ImageType", "FrameIncrementPointer", "DimensionOrganizationType"),
)
#: What has to be in every object, empty where nobody asked for it.
BLANK = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
    *("AccessionNumber", "StudyID", "ReferringPhysicianName"),
)


def write_seg(
    path: Path,
    painter: Painter,
    numbers: Mapping[str, int],
    keep_patient: bool,
    made_by: Mapping[str, str],
) -> bool:
    """A binary segmentation, one segment a class that has a pixel (overlaps are kept); False where
    none has, for the standard knows no empty object.

    Raises `InputError` where the disk is full.
    """
    import highdicom as hd
    import numpy as np
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    from reproduce.predicting.writing import as_stored

    masks = {name: painter.mask(name) for name in painter.labels}
    masks = {name: mask for name, mask in masks.items() if mask.any()}
    if not masks:
        return False
    headers = _headers(list(painter.sample.case.files.values()), keep_patient)
    stacked = np.stack([as_stored(painter.sample, m)[0] for m in masks.values()], axis=-1)
    algorithm = hd.AlgorithmIdentificationSequence(
        name=made_by["model"][:64],
        version=made_by["version"][:64],
        family=codes.cid7162.ArtificialIntelligence,
    )
    described = [
        hd.seg.SegmentDescription(
            segment_number=place,
            segment_label=name[:64],
            segmented_property_category=codes.SCT.AnatomicalStructure,
            segmented_property_type=codes.SCT.AnatomicalStructure,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
            algorithm_identification=algorithm,
            tracking_id=f"class {numbers[name]}",
            tracking_uid=generate_uid(),
        )
        for place, name in enumerate(masks, start=1)
    ]
    found: Any = hd.seg.Segmentation(
        source_images=headers,
        pixel_array=stacked.astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=described,
        series_instance_uid=generate_uid(),
        series_number=1,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="sam4mis",
        manufacturer_model_name="sam4mis reproduce predict",
        software_versions=made_by["harness"][:64],
        device_serial_number="none",
        series_description=NOTICE,
        content_description=NOTICE,
    )
    with disk_full_told(path), whole(path) as temporary:
        found.save_as(temporary)
    return True


def _headers(paths: list[Path], keep_patient: bool) -> list[Any]:
    """The headers of a series in the order of its slices, without what identifies a person."""
    import pydicom
    from pydicom.dataset import Dataset

    from reproduce.readers.dicom_series import in_order

    found: list[Dataset] = []
    for path in in_order(paths):
        full = pydicom.dcmread(path, stop_before_pixels=True)
        if keep_patient:
            found.append(full)
            continue
        bare = Dataset()
        for name in NEEDED:
            if name in full:
                bare[name] = full[name]
        for name in BLANK:
            setattr(bare, name, "")
        bare.file_meta = full.file_meta
        found.append(bare)
    return found
