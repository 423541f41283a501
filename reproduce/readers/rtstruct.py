"""DICOM structure sets (RTSTRUCT): contours in the patient, filled on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.errors import InputError
from reproduce.contracts import Geometry
from reproduce.ground.reading import read_with
from reproduce.readers.grids import to_ras, told_apart
from reproduce.readers.masks import MaskFile
from reproduce.readers.sizes import need_room

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OFF_PLANE = 0.1  # how far a contour may lie from its plane, in planes; programs round positions
AREAS = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")


def read(path: Path, key: str | None = None, like: Geometry | None = None) -> MaskFile:
    """Every region by its name on the grid `like`, which these files do not have themselves.

    A voxel belongs to a region where its middle lies inside an odd number of its contours, so that
    a contour inside another is a hole. Points and open lines have no inside and are left out.
    Raises `InputError` without a grid that knows its place, for contours that lie between its
    planes or across them, and outside the stack.
    """
    if like is None or like.affine is None or len(like.shape) != 3:
        raise InputError(
            f"{path}: contours have no grid of their own, and nothing here says where voxels lie. "
            "Read it with its image series (data set dicom), or score it against a volume that "
            "knows its place (NIfTI, NRRD, MHA, DICOM-SEG)."
        )
    grid, affine = like, like.affine

    def reader(path: Path) -> MaskFile:
        import pydicom

        content = pydicom.dcmread(path)
        if (
            "ROIContourSequence" not in content
        ):  # pydicom reads what is left of a file without a word
            raise InputError(
                f"{path}: no contours in it: it is cut short, or none were drawn. Get this one "
                "file again and repeat the command."
            )
        regions = regions_of(content)
        need_room(path, (*grid.shape, max(len(regions), 1)), 1, "the volume of all regions")
        contours = {
            int(item.ReferencedROINumber): list(item.get("ContourSequence") or [])
            for item in content.get("ROIContourSequence") or []
        }
        masks = {
            name: _filled(path, name, contours.get(number, []), grid.shape, affine)
            for number, name in regions.items()
        }
        if not masks:
            raise InputError(f"{path}: no region of interest in it.")
        return MaskFile(path, grid, segments=masks)

    return read_with(path, "DICOM structure set", reader)


def regions_of(content: Any) -> dict[int, str]:
    """Number -> name of every region of a structure set that has, or may have, an inside."""
    kinds: dict[int, set[str]] = {}
    for item in content.get("ROIContourSequence") or []:
        drawn = [str(c.get("ContourGeometricType", "")) for c in item.get("ContourSequence") or []]
        kinds[int(item.ReferencedROINumber)] = set(drawn)
    numbered = [
        (int(item.ROINumber), str(item.get("ROIName") or item.ROINumber))
        for item in content.get("StructureSetROISequence") or []
    ]
    kept = [
        (number, name)
        for number, name in numbered
        if not kinds.get(number) or kinds[number] & set(AREAS)
    ]
    return dict(zip([number for number, _ in kept], told_apart(kept), strict=True))


def _filled(
    path: Path,
    name: str,
    contours: Sequence[Any],
    shape: tuple[int, ...],
    affine: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """One region as a mask (D, H, W)."""
    import numpy as np
    from skimage.draw import polygon

    mask = np.zeros(shape, np.bool_)
    to_index = np.linalg.inv(affine) @ to_ras(np.eye(4))
    for contour in contours:
        if contour.ContourGeometricType not in AREAS:
            continue
        points = np.asarray(contour.ContourData, np.float64).reshape(-1, 3)
        if len(points) != contour.get("NumberOfContourPoints", len(points)):
            raise InputError(
                f"{path}: a contour of {name} has {len(points)} points and says "
                f"{contour.NumberOfContourPoints}: the file is damaged. Get it again."
            )
        places = points @ to_index[:3, :3].T + to_index[:3, 3]
        planes = np.rint(places[:, 0])
        plane = int(planes[0])
        off = float(np.abs(places[:, 0] - plane).max())
        if off > OFF_PLANE:
            raise InputError(
                f"{path}: a contour of {name} lies {off:.2g} planes from the nearest plane of the "
                "grid: it was drawn on another series, or across planes. Use the series that it "
                "refers to, or export masks (DICOM-SEG, NIfTI)."
            )
        if not 0 <= plane < shape[0]:
            raise InputError(
                f"{path}: a contour of {name} lies outside the series, {plane} planes from its "
                "first of "
                f"{shape[0]}. Is a part of the series missing?"
            )
        # Outside the picture is cut off; the even-odd rule over all contours of a plane makes holes
        rows, columns = polygon(places[:, 1], places[:, 2], shape[1:])  # type: ignore[no-untyped-call]  # skimage has no types
        mask[plane, rows, columns] ^= True
    return mask
