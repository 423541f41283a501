"""Any label map in any container that tells it apart reads back equal; else it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from catalog.errors import InputError
from reproduce.readers import ClassMap, MaskFile, read_mask
from reproduce.readers.rules import one_class, probabilities, scale_of

Array = NDArray[Any]

SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=9)
LABELS = SHAPES.flatmap(lambda shape: arrays.arrays(np.uint8, shape, elements=st.integers(0, 5)))
OBJECTS = SHAPES.flatmap(lambda shape: arrays.arrays(np.bool_, shape))
PICTURES = ("png", "tif", "bmp", "gif")
INTEGERS = ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", ">u2", ">i4")
FLOATS = ("f2", "f4", "f8", ">f4")
NIFTI = ("u1", "u2", "i2", "i4", "f4", "f8", ">i2", ">f4")


@st.composite
def containers(draw: st.DrawFn) -> tuple[str, str]:
    """A suffix and a type of number that it can hold."""
    suffix = draw(st.sampled_from([*PICTURES, "npy", "npz", "nii", "nii.gz"]))
    if suffix in PICTURES:
        types = {"png": ("u1", "u2"), "tif": ("u1", "u2", "f4", "i4")}.get(suffix, ("u1",))
    else:
        types = NIFTI if "nii" in suffix else (*INTEGERS, *FLOATS)
    return suffix, draw(st.sampled_from(types))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("written")


def written(folder: Path, suffix: str, values: Array) -> Path:
    path = folder / f"a.{suffix}"
    if suffix in PICTURES:
        Image.fromarray(values).save(path)
    elif suffix == "npy":
        np.save(path, values)
    elif suffix == "npz":
        np.savez(path, mask=values)
    else:
        nibabel.save(nibabel.Nifti1Image(values.T, np.diag([-1.0, -1.0, 999.0, 1.0])), path)
    return path


def flat(mask: Array) -> Array:
    """Rows and columns of a slice, whatever axes its format has."""
    return mask.reshape(mask.shape[-2:])


@settings(max_examples=150, deadline=None)
@given(labels=LABELS, where=containers())
def test_class_numbers_read_back(folder: Path, labels: Array, where: tuple[str, str]) -> None:
    suffix, dtype = where
    path = written(folder, suffix, labels.astype(dtype))
    read = ClassMap.numbered(range(1, 6)).read(read_mask(path))
    for number in range(1, 6):
        assert (flat(read.masks[str(number)]) == (labels == number)).all()


@settings(max_examples=150, deadline=None)
@given(
    mask=OBJECTS,
    where=containers(),
    background=st.integers(0, 3),
    white=st.integers(1, 255),
)
def test_one_object_reads_back_or_is_refused(
    folder: Path, mask: Array, where: tuple[str, str], background: int, white: int
) -> None:
    suffix, dtype = where
    limit = 127 if dtype == "i1" else 255
    values = np.where(mask, min(white, limit), background).astype(dtype)
    path = written(folder, suffix, values)
    try:
        found = flat(one_class(read_mask(path)))
    except InputError as refusal:
        told = str(refusal)
        assert told.startswith(f"{path}: ")
        told_apart = background == 0 and mask.any() and not mask.all() and white in (1, 255)
        assert not told_apart or dtype == "i1"
        return
    if len(np.unique(values)) == 2:
        assert (found == mask).all()
    else:
        assert found.all() if values.any() else not found.any()


@settings(max_examples=200, deadline=None)
@given(
    values=SHAPES.flatmap(
        lambda shape: arrays.arrays(
            np.int16,
            shape,
            elements=st.one_of(st.integers(0, 3), st.sampled_from([127, 128, 254, 255, 256])),
        )
    ),
    dtype=st.sampled_from(["u2", "i2", "i8", "f4", "f8"]),
    lossy=st.booleans(),
)
def test_what_is_there_is_never_silently_nothing(values: Array, dtype: str, lossy: bool) -> None:
    from reproduce.contracts import Geometry

    found = MaskFile(Path("a"), Geometry(values.shape), values.astype(dtype), lossy=lossy)
    try:
        read = one_class(found)
    except InputError:
        return
    assert read.any() == values.any()


@settings(max_examples=100, deadline=None)
@given(
    tenths=SHAPES.flatmap(lambda s: arrays.arrays(np.uint8, s, elements=st.integers(0, 10))),
    where=containers(),
    scale=st.sampled_from([1, 100, 255, 1000, 65_535]),
)
def test_probabilities_read_back(
    folder: Path, tenths: Array, where: tuple[str, str], scale: int
) -> None:
    """Written on any scale that the type can hold, with certainty somewhere."""
    suffix, dtype = where
    kind = np.dtype(dtype)
    tenths[0, 0] = 10
    exact = tenths * (scale / 10)
    if kind.kind != "f":
        exact = np.rint(exact)
        if scale == 1 or scale > np.iinfo(kind).max:
            return
    elif scale > 1000 and kind.itemsize == 2:
        return  # float16 has no room for it
    path = written(folder, suffix, exact.astype(dtype))
    found = read_mask(path)
    assert scale_of([found], folder) == scale
    read = flat(probabilities(found, scale))
    assert np.abs(read - tenths / 10).max() < 1 / 150
