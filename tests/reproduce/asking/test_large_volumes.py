"""What is done in the box around a target is the same as over the whole volume.

Each is held against the plain way, written here once more.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, generate_binary_structure, label

from reproduce.models.cubes import Resampled
from reproduce.prompting.clicks import error_click
from reproduce.prompting.places import place
from reproduce.prompting.regions import regions
from reproduce.readers.intensities import to_uint8
from reproduce.statistics.components import component_overlaps
from reproduce.statistics.surface_host import bounding_box

Mask = NDArray[np.bool_]
SHAPES = st.one_of(st.tuples(*[st.integers(1, 9)] * 2), st.tuples(*[st.integers(1, 7)] * 3))


@st.composite
def masks(draw: Any, number: int) -> list[Mask]:
    """Masks of one shape that fill a part of it, in blocks so that components have insides."""
    shape = draw(SHAPES)
    found = []
    for _ in range(number):
        mask = np.zeros(shape, bool)
        for _ in range(draw(st.integers(0, 3))):
            start = [draw(st.integers(0, n - 1)) for n in shape]
            mask[tuple(slice(s, s + draw(st.integers(1, 5))) for s in start)] = True
        mask ^= draw(arrays(bool, shape, elements=st.sampled_from([False] * 9 + [True])))
        found.append(mask)
    return found


def depth(mask: Mask) -> NDArray[np.float64]:
    return distance_transform_edt(np.pad(mask, 1))[(slice(1, -1),) * mask.ndim]


@given(masks(1))
@settings(max_examples=25)
def test_places_on_a_mask(both: list[Mask]) -> None:
    (mask,) = both
    if not mask.any():
        return
    deep, pixels = depth(mask), np.argwhere(mask)
    rng = [np.random.default_rng(3) for _ in range(2)]
    assert place(mask, "center-edt", rng[0]) == tuple(
        np.unravel_index(int(deep.argmax()), mask.shape)
    )
    assert place(mask, "first", rng[0]) == tuple(pixels[0])
    assert place(mask, "middle", rng[0]) == tuple(pixels[len(pixels) // 2])
    assert place(mask, "uniform", rng[0]) == tuple(pixels[rng[1].integers(len(pixels))])
    upper = np.argwhere(deep > deep.max() / 2)
    assert place(mask, "upper-half-edt", rng[0]) == tuple(upper[rng[1].integers(len(upper))])


@given(masks(1))
@settings(max_examples=25)
def test_one_of_the_deepest_pixels_by_opencv(both: list[Mask]) -> None:
    import cv2

    (mask,) = both
    if mask.ndim == 3 or not mask.any():
        return
    padded = np.pad(mask.astype(np.uint8), 1)
    deep = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    candidates = np.argwhere(mask & (deep == deep.max()))
    chosen = candidates[np.random.default_rng(3).integers(len(candidates))]
    assert place(mask, "center-l2-5", np.random.default_rng(3)) == tuple(chosen)


@given(masks(2), st.sampled_from([4, 8]))
@settings(max_examples=25)
def test_clicks_into_the_largest_error(both: list[Mask], neighbours: Any) -> None:
    truth, predicted = both
    structure = generate_binary_structure(truth.ndim, 1 if neighbours == 4 else truth.ndim)
    largest: tuple[int, Any] = (0, None)
    for error, sign in ((truth & ~predicted, 1), (predicted & ~truth, 0)):
        labelled, number = label(error, structure)
        for k in range(1, number + 1):
            size = int((labelled == k).sum())
            if size > largest[0]:
                at = np.unravel_index(int(depth(labelled == k).argmax()), truth.shape)
                largest = (size, (tuple(at), sign))
    rng = np.random.default_rng(0)
    assert error_click(truth, predicted, "largest-error-edt", neighbours, rng) == largest[1]
    wrong = np.argwhere(truth ^ predicted)
    drawn = error_click(truth, predicted, "random-error", neighbours, np.random.default_rng(5))
    if len(wrong):
        at = tuple(wrong[np.random.default_rng(5).integers(len(wrong))])
        assert drawn == (at, int(truth[at]))
    else:
        assert drawn is None


@given(masks(1), st.sampled_from([4, 8]), st.sampled_from(["component", "largest", "largest-3"]))
@settings(max_examples=25)
def test_regions_of_a_mask(both: list[Mask], neighbours: Any, per: Any) -> None:
    (mask,) = both
    structure = generate_binary_structure(mask.ndim, 1 if neighbours == 4 else mask.ndim)
    labelled, number = label(mask, structure)
    parts = [labelled == k for k in range(1, number + 1)]
    if per != "component":
        parts = sorted(parts, key=lambda part: -int(part.sum()))[: 1 if per == "largest" else 3]
    wanted = [part for part in parts if part.sum() >= 2]
    found = regions(mask, per, neighbours, 2)
    assert len(found) == len(wanted)
    assert all((one == other).all() for one, other in zip(found, wanted, strict=True))


@given(masks(2))
@settings(max_examples=25)
def test_the_box_around_masks(both: list[Mask]) -> None:
    one, other = both
    where = np.argwhere(one | other)
    box = bounding_box(one, other)
    if not len(where):
        assert box is None
        return
    assert box is not None
    assert [part.start for part in box] == where.min(axis=0).tolist()
    assert [part.stop for part in box] == (where.max(axis=0) + 1).tolist()


@pytest.mark.parametrize("shape", [(9, 14, 11), (3, 40, 5)])
def test_a_mask_on_another_grid(shape: tuple[int, int, int]) -> None:
    grid = Resampled(shape, (3.0, 0.8, 1.5), 1.5)
    mask = np.zeros(shape, bool)
    mask[1:3, 4:11, 2:4] = True
    whole = np.zeros(grid.size, bool)
    part, first = grid.mask(mask)
    whole[tuple(slice(f, f + n) for f, n in zip(first, part.shape, strict=True))] = part
    along = [grid._nearest(axis) for axis in range(3)]
    assert (whole == mask[np.ix_(*along)]).all()


@pytest.mark.parametrize("dtype", ["int16", "uint16", "float32", "int32"])
@pytest.mark.parametrize("window", [None, [-100, 300]])
def test_bytes_of_a_volume_plane_by_plane(dtype: str, window: Any) -> None:
    drawn = np.random.default_rng(1).normal(80, 200, (5, 9, 8))
    volume = (drawn.clip(0) if dtype == "uint16" else drawn).astype(dtype)
    values = volume.astype(np.float64)
    low, high = window or np.percentile(values[values > 0], (0.5, 99.5))
    wanted = (np.clip(values, low, high) - low) / (high - low) * 255.0
    if window is None:
        wanted[values == 0] = 0
    assert (to_uint8(volume, window) == wanted.astype(np.uint8)).all()


def test_components_in_their_box() -> None:
    """A mask moved to where more lies around it has the same components."""
    rng = np.random.default_rng(2)
    truth, predicted = rng.random((2, 6, 7, 8)) < 0.2
    wide = [np.pad(mask, ((3, 1), (0, 4), (2, 2))) for mask in (truth, predicted)]
    assert component_overlaps(*wide) == component_overlaps(truth, predicted)
    assert component_overlaps(truth & False, predicted & False)["reference_size"] == []
