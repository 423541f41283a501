"""DICOM series with DICOM-SEG or RTSTRUCT, all made here by pydicom and highdicom.

What a series is, is checked against SimpleITK's reading of the same files: by positions in mm.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from made_dicom import (
    AXIAL,
    COLUMNS_MM,
    OBLIQUE,
    ROWS_MM,
    STEP_MM,
    in_patient,
    rectangle,
    values,
    write_segmentation,
    write_series,
    write_structures,
)
from numpy.typing import NDArray

from catalog.errors import InputError
from reproduce.contracts import Sample
from reproduce.ground.plugins import plugin
from reproduce.predictions import Request, score_predictions
from reproduce.readers import read_mask
from reproduce.readers.dicom_series import read_series

Array = NDArray[Any]
sitk: Any = SimpleITK
RAW = {"values": "stored"}
CLOSED = "CLOSED_PLANAR"


def block(*where: slice) -> Array:
    """A mask on the grid of `values`."""
    mask = np.zeros(values().shape, bool)
    mask[where] = True
    return mask


LIVER = block(slice(1, 4), slice(2, 8), slice(3, 9))
TUMOUR = block(slice(2, 6), slice(5, 10), slice(5, 7))  # overlaps the liver and leaves it


def loaded(root: Path, options: dict[str, Any] | None = None) -> Sample:
    data = plugin("datasets", "dicom")
    (case,) = data.cases(root, "all", {})
    return data.load(case, {**RAW, **(options or {})})


def told(root: Path) -> str:
    with pytest.raises(InputError) as error:
        loaded(root)
    return str(error.value)


def where(sample: Sample, mask: Array) -> set[tuple[float, ...]]:
    """Places in mm (left, posterior, superior) of the voxels of a mask."""
    assert sample.geometry is not None
    assert sample.geometry.affine is not None
    index = np.c_[np.argwhere(mask), np.ones(int(mask.sum()))]
    ras = (index @ sample.geometry.affine.T)[:, :3]
    return {tuple(np.round(p * (-1, -1, 1), 3) + 0.0) for p in ras}


def expected(series: list[Path], mask: Array) -> set[tuple[float, ...]]:
    """The same of a mask in the order of the files, by the formula of the standard."""
    found: set[tuple[float, ...]] = set()
    for plane in np.flatnonzero(mask.any(axis=(1, 2))):
        places = in_patient(series, int(plane), np.argwhere(mask[plane]))
        found |= {tuple(np.round(p, 3) + 0.0) for p in places}
    return found


@pytest.mark.parametrize("cosines", [AXIAL, OBLIQUE, (0, 1, 0, 0, 0, -1)])
def test_a_series_is_what_simpleitk_reads(cosines: tuple[float, ...], tmp_path: Path) -> None:
    """Slices lie out of order under names that mean nothing, rescaled to Hounsfield."""
    shuffled = [4, 0, 5, 2, 1, 3]
    slopes = [(2.0, -24.0)] * 6
    files = write_series(tmp_path / "x", values(), cosines, names=shuffled, slopes=slopes)
    write_segmentation(tmp_path / "seg" / "a.dcm", files, {"liver": LIVER, "tumour": TUMOUR})
    sample = loaded(tmp_path)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in files])
    image = reader.Execute()
    assert sample.geometry is not None
    assert sample.geometry.affine is not None
    assert sorted(np.round(sample.spacing_mm or (), 3)) == sorted([STEP_MM, ROWS_MM, COLUMNS_MM])
    for index in np.ndindex(sample.shape):
        ras = sample.geometry.affine @ [*index, 1.0]
        place = image.TransformPhysicalPointToIndex([-ras[0], -ras[1], ras[2]])
        assert sample.values[index] == image[place]
    # axes run closest to superior, anterior, right
    own = sample.geometry.affine[:3, :3] / np.linalg.norm(sample.geometry.affine[:3, :3], axis=0)
    assert (own[[2, 1, 0], [0, 1, 2]] > 0.5).all()
    assert where(sample, sample.labels["liver"]) == expected(files, LIVER)
    assert where(sample, sample.labels["tumour"]) == expected(files, TUMOUR)


def test_slopes_differ_from_slice_to_slice(tmp_path: Path) -> None:
    """As in PET; a whole number of counts becomes a fraction."""
    slopes = [(0.5 + index, 3.0) for index in range(6)]
    series, _ = read_series(write_series(tmp_path, values(), slopes=slopes))
    wanted = np.stack([v * s + i for v, (s, i) in zip(values(), slopes, strict=True)])
    assert series.dtype == np.float32
    np.testing.assert_allclose(series[:, ::-1, ::-1], wanted)


def test_whole_numbers_stay_small(tmp_path: Path) -> None:
    series, _ = read_series(write_series(tmp_path, values(), slopes=[(1.0, -1024.0)] * 6))
    assert series.dtype.itemsize <= 4
    assert series.dtype.kind == "i"
    assert (series[:, ::-1, ::-1] == values().astype(int) - 1024).all()


def test_fractional_segments_are_cut_at_one_half(tmp_path: Path) -> None:
    files = write_series(tmp_path / "x", values())
    shares = np.where(LIVER, 0.8, np.where(TUMOUR, 0.3, 0.0))
    write_segmentation(tmp_path / "a.seg", files, {"liver": shares}, fractional=True)
    sample = loaded(tmp_path)
    assert where(sample, sample.labels["liver"]) == expected(files, LIVER)


def test_a_segment_that_a_case_lacks_is_empty(tmp_path: Path) -> None:
    files = write_series(tmp_path / "x", values())
    write_segmentation(tmp_path / "a.seg", files, {"liver": LIVER})
    write_segmentation(tmp_path / "b.seg", files, {"tumour": TUMOUR})
    data = plugin("datasets", "dicom")
    for case, counts in zip(data.cases(tmp_path, "all", {}), ((108, 0), (0, 40)), strict=True):
        found = data.load(case, RAW).labels
        assert tuple(int(found[name].sum()) for name in ("liver", "tumour")) == counts


def test_segments_of_one_name_are_one_class(tmp_path: Path) -> None:
    files = write_series(tmp_path / "x", values())
    write_segmentation(tmp_path / "a.seg", files, {"liver": LIVER, "tumour": TUMOUR})
    options = {"labels": {"liver": "whole", "tumour": "whole"}, **RAW}
    data = plugin("datasets", "dicom")
    (case,) = data.cases(tmp_path, "all", options)
    masks = data.load(case, options).labels
    assert {n: int(m.sum()) for n, m in masks.items()} == {"whole": int((LIVER | TUMOUR).sum())}


# ------------------------------------------------------------------------------- structure sets


def ring(files: list[Path]) -> list[tuple[str, Array]]:
    """A block of 6 x 6 pixels with a hole of 2 x 2, on slices 1 and 2."""
    return [
        (CLOSED, in_patient(files, plane, corners))
        for plane in (1, 2)
        for corners in (rectangle(3, 2, 8, 7), rectangle(5, 4, 6, 5))
    ]


def ring_mask() -> Array:
    mask = block(slice(1, 3), slice(3, 9), slice(2, 8))
    mask[:, 5:7, 4:6] = False
    return mask


@pytest.mark.parametrize("cosines", [AXIAL, OBLIQUE])
def test_contours_are_filled_where_they_lie(cosines: tuple[float, ...], tmp_path: Path) -> None:
    """Inner contours are holes; points, and regions nobody drew, have no inside."""
    files = write_series(tmp_path / "x", values(), cosines, names=[3, 1, 2, 0, 5, 4])
    two = [(CLOSED, in_patient(files, 4, rectangle(1, 1, 2, 2)))]
    two += [(CLOSED, in_patient(files, 4, rectangle(7, 6, 8, 9)))]
    point = [("POINT", in_patient(files, 0, [[3, 3]]))]
    regions = {"ring": ring(files), "parts": two, "isocentre": point, "nothing": []}
    write_structures(tmp_path / "rt.dcm", files, regions)
    sample = loaded(tmp_path)
    assert list(sample.labels) == ["ring", "parts", "nothing"]
    assert where(sample, sample.labels["ring"]) == expected(files, ring_mask())
    parts = block(slice(4, 5), slice(1, 3), slice(1, 3)) | block(
        slice(4, 5), slice(7, 9), slice(6, 10)
    )
    assert where(sample, sample.labels["parts"]) == expected(files, parts)
    assert not sample.labels["nothing"].any()


def test_a_hole_by_a_keyhole(tmp_path: Path) -> None:
    """One line that runs in through a channel of no width, round the hole, and out again."""
    files = write_series(tmp_path / "x", values())
    outer, inner = rectangle(3, 2, 8, 7), rectangle(5, 4, 6, 5)[::-1]
    channel = np.array([[outer[0, 0], inner[0, 1]]])
    line = np.vstack([channel, outer[1:], outer[:1], channel, inner, inner[:1]])
    drawn = [(CLOSED, in_patient(files, plane, line)) for plane in (1, 2)]
    write_structures(tmp_path / "rt.dcm", files, {"ring": drawn})
    sample = loaded(tmp_path)
    assert where(sample, sample.labels["ring"]) == expected(files, ring_mask())


def test_contours_of_another_series_are_refused(tmp_path: Path) -> None:
    files = write_series(tmp_path / "x", values())
    moved = [(kind, points + np.array([0, 0, 1.0])) for kind, points in ring(files)]
    write_structures(tmp_path / "rt.dcm", files, {"ring": moved})
    assert "a contour of ring lies 0.4 planes from the nearest plane" in told(tmp_path)
    beyond = [(kind, points + np.array([0, 0, 50.0])) for kind, points in ring(files)]
    write_structures(tmp_path / "rt.dcm", files, {"ring": beyond})
    assert "a contour of ring lies outside the series" in told(tmp_path)
    write_structures(tmp_path / "rt.dcm", files, {"ring": ring(files)}, frame="1.2.3")
    assert "another frame of reference" in told(tmp_path)


# ------------------------------------------------------------------------------- bad series


def edit(path: Path, **fields: Any) -> None:
    content = pydicom.dcmread(path)
    for name, value in fields.items():
        if value is None:
            delattr(content, name)
        else:
            setattr(content, name, value)
    content.save_as(path)


def shear(files: list[Path]) -> None:
    for index, path in enumerate(files):
        edit(path, ImagePositionPatient=[-40, 25 + index, 10 + STEP_MM * index])


BAD: dict[str, tuple[Callable[[list[Path]], None], str]] = {
    "missing": (lambda f: f[2].unlink(), "001.dcm: the next slice, 003.dcm, lies 5 mm further"),
    "twice": (
        lambda f: (shutil.copy(f[2], f[2].with_name("copy.dcm")), None)[1],
        "lie at the same place",
    ),
    "sheared": (shear, "a tilted gantry, 21.8 degrees"),
    "turned": (
        lambda f: edit(f[3], ImageOrientationPatient=[0, 1, 0, 1, 0, 0]),
        "003.dcm: its ImageOrientationPatient is",
    ),
    "smaller": (lambda f: edit(f[3], Rows=6, PixelData=bytes(120)), "003.dcm: 6x10 pixels"),
    "spacing": (lambda f: edit(f[3], PixelSpacing=[1, 1]), "003.dcm: its PixelSpacing is"),
    "placeless": (
        lambda f: edit(f[3], ImagePositionPatient=None),
        "003.dcm: it has no ImagePositionPatient",
    ),
    "coloured": (
        lambda f: edit(f[3], SamplesPerPixel=3, PhotometricInterpretation="RGB"),
        "003.dcm: colours (RGB)",
    ),
    "cut": (lambda f: f[3].write_bytes(f[3].read_bytes()[:-30]), "003.dcm"),
}


def test_whatever_is_cut_off_a_file_is_told(tmp_path: Path) -> None:
    """pydicom reads what is left without a word; the last byte may be one that only fills up."""
    files = write_series(tmp_path / "x", values())
    _, grid = read_series(files)
    objects = {
        "seg": write_segmentation(tmp_path / "a.seg", files, {"ring": ring_mask()}),
        "rt": write_structures(tmp_path / "rt.dcm", files, {"ring": ring(files)}),
    }
    cut = tmp_path / "cut.dcm"
    for path in objects.values():
        content = path.read_bytes()
        for size in range(len(content) // 5, len(content) - 1, len(content) // 25):
            cut.write_bytes(content[:size])
            with pytest.raises(InputError, match=r"cut\.dcm"):
                read_mask(cut, like=grid)
    content = files[2].read_bytes()
    for size in range(len(content) // 5, len(content) - 1, len(content) // 25):
        cut.write_bytes(content[:size])
        with pytest.raises(InputError, match=r"\.dcm"):
            read_series([*files[:2], cut, *files[3:]])


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_volume_is_refused_by_name(name: str, tmp_path: Path) -> None:
    files = write_series(tmp_path / "x", values())
    write_segmentation(tmp_path / "a.seg", files, {"liver": LIVER})
    change, said = BAD[name]
    change(files)
    assert said in told(tmp_path)


def test_a_segment_beyond_its_series_is_refused(tmp_path: Path) -> None:
    """The last slices are not there: nothing is missing between two others."""
    files = write_series(tmp_path / "x", values())
    write_segmentation(tmp_path / "a.seg", files, {"tumour": TUMOUR})
    files[-1].unlink()
    assert "segment tumour reaches out of the image" in told(tmp_path)


def test_a_large_series_is_refused_by_its_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_series(tmp_path / "x", values())
    write_segmentation(tmp_path / "a.seg", files, {"liver": LIVER})
    monkeypatch.setenv("SAM4MIS_FILE_GIB", "0.000001")
    assert "SAM4MIS_FILE_GIB" in told(tmp_path)


# ------------------------------------------------------------------------------- other files


def test_many_frames_in_one_file(real: Path) -> None:
    """The enhanced CT that dcmqi made of a series of three slices."""
    source = real / "dicom_seg" / "dcmqi" / "23x38x3"
    one, grid = read_series([source / "multiframe" / "mf.dcm"])
    several, other = read_series(sorted((source / "image").glob("*.dcm")))
    assert grid.affine is not None
    np.testing.assert_allclose(grid.affine, other.affine, atol=1e-3)
    np.testing.assert_array_equal(one, several)


def test_predictions_in_every_format_of_the_field(tmp_path: Path) -> None:
    """One mask as a DICOM-SEG, structure set, NRRD and MHA against a folder of NRRD volumes."""
    files = write_series(tmp_path / "x", values(), OBLIQUE)
    mask = ring_mask()
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in files])
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.CopyInformation(reader.Execute())
    for folder in ("truth", "nrrd", "mha"):
        (tmp_path / folder).mkdir()
    sitk.WriteImage(image, str(tmp_path / "truth" / "a.nrrd"))
    sitk.WriteImage(image, str(tmp_path / "nrrd" / "a.nrrd"), useCompression=True)
    sitk.WriteImage(image[::-1, :, ::-1], str(tmp_path / "mha" / "a.mha"))
    write_segmentation(tmp_path / "seg" / "a.dcm", files, {"ring": mask})
    write_structures(tmp_path / "rt" / "a.dcm", files, {"ring": ring(files)})
    for folder in ("nrrd", "mha", "seg", "rt"):
        request = Request(tmp_path / folder, references=tmp_path / "truth")
        result, _ = score_predictions(request)
        assert [m.value for m in result.measurements][:1] == [1.0], folder


def test_contours_alone_have_no_grid(tmp_path: Path) -> None:
    files = write_series(tmp_path / "x", values())
    path = write_structures(tmp_path / "rt.dcm", files, {"ring": ring(files)})
    with pytest.raises(InputError, match="contours have no grid of their own"):
        read_mask(path)
