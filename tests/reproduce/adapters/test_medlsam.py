"""MedLSAM beside what `test_adapters_stacks.py` compares: axes, points, slices, boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from made import supports_of
from numpy.typing import NDArray

from catalog.errors import InputError, UsageError
from reproduce.adapters.medlsam.asking import MedLsam, build, corners, drawn, pictured
from reproduce.adapters.medlsam.examples import (
    MARGIN,
    Turned,
    by_pieces,
    examples_of,
    numbers_of,
    points_of,
)
from reproduce.contracts import Case, Geometry, Sample

RAS, LPS = np.diag([1.5, 1.0, 3.0, 1]), np.diag([-1.5, -1.0, 3.0, 1])
OPTIONS = {"boxes": "parts", "slices": "all", "classes": "", "half": True}
SHAPE = (6, 8, 8)


def test_axes_come_to_left_anterior_superior_and_points_back() -> None:
    values = np.arange(24.0).reshape(4, 3, 2)
    for affine, shown in ((RAS, values[::-1]), (LPS, values[:, ::-1])):
        turned = Turned.of(values.shape, affine)
        np.testing.assert_array_equal(turned.brought(values), shown.transpose(2, 1, 0))
        np.testing.assert_allclose(turned.zoom, [1, 1 / 3, 0.5])
        # The voxel (z, y, x) = (1, 0, 3) of the file, where it lies after turning.
        place = np.argwhere(turned.brought(values) == values[3, 0, 1]).astype(float)
        np.testing.assert_array_equal(turned.back(place), [[1, 0, 3]])


def test_corners_are_those_of_the_files_voxels_whatever_its_axes() -> None:
    points = np.array([[2, 0, 0], [0, 3, 0], [0, 0, 1], [5, 0, 0], [0, 6, 0], [0, 0, 4]])
    low, high = corners(points, Turned.of((30, 30, 30), RAS))
    # 3 mm are 1 plane, 3 rows and 2 columns of it; its columns run the other way.
    assert (low.tolist(), high.tolist()) == ([2, 9, 21], [5, 18, 27])


def test_ct_numbers_are_mapped_in_three_pieces() -> None:
    found = by_pieces(np.array([-2000.0, -1000, -600, -200, 0, 200, 850, 1500, 3000]))
    np.testing.assert_allclose(found, [0, 0, 0.1, 0.2, 0.5, 0.8, 0.9, 1, 1], atol=1e-6)
    assert pictured(np.array([-900, -500, 0, 1000, 2000])).tolist() == [0, 0, 0, 255, 255]


def test_points_of_a_class_lie_on_its_sides_part_by_part() -> None:
    mask = np.zeros((12, 9, 9), bool)
    mask[1:10, 2:5, 3:8] = True
    (whole,) = points_of([mask], parts=False)
    assert whole.tolist() == [
        [1, 3, 5], [5, 2, 5], [5, 3, 3], [9, 3, 5], [5, 4, 5], [5, 3, 7],
    ]  # fmt: skip
    (parts,) = points_of([mask], parts=True)
    # Planes 1 to 9 are 8 apart: four parts of two planes.
    assert parts[::6, 0].tolist() == [1, 3, 5, 7]
    assert parts[3::6, 0].tolist() == [3, 5, 7, 9]
    thin = mask.copy()
    thin[4:] = False
    assert [len(p) for p in points_of([mask, thin], parts=True)] == [6, 6], "as many on each"


def test_places_are_drawn_from_the_seed_of_the_release_and_never_on_air() -> None:
    image = np.zeros((90, 100, 110), np.float32)
    image[:, 50:] = 0.5
    places = drawn(image)
    assert [p.tolist() for p in places] == [p.tolist() for p in drawn(image)]
    assert len(places) == 10
    assert all(p[1] >= 50 and abs(p[0] - 45) <= 10 for p in places)
    small = np.ones((2 * MARGIN + 3,) * 3, np.float32)
    assert all((p >= MARGIN).all() and (p <= MARGIN + 3).all() for p in drawn(small))
    with pytest.raises(InputError, match="nothing but air"):
        drawn(np.zeros((90, 90, 90), np.float32))


def shown(**changed: Any) -> dict[str, torch.Tensor]:
    stack = {"of": "waves", "cut": [[0, 5], [0, 20], [0, 24]], "mm": [1.0, 1.0, 5.0]}
    return supports_of([stack, stack]) | changed


def test_examples_that_do_not_fit_are_told_with_the_way_out() -> None:
    assert numbers_of(examples_of(shown())) == [1, 2]
    lacks = shown()
    del lacks["support.1.affine"]
    with pytest.raises(InputError, match=r"1: \['image', 'label'\].*torch\.save"):
        examples_of(lacks)
    with pytest.raises(InputError, match="got none"):
        examples_of({})
    empty = shown(**{"support.1.label": torch.zeros(24, 20, 5)})
    with pytest.raises(InputError, match="no label above 0 is in all"):
        numbers_of(examples_of(empty))


class Fixed:
    """A localiser that has found its boxes, and a SAM that fills them."""

    side = 16

    def __init__(self, boxes: Sequence[Sequence[Any]]) -> None:
        self.given = [np.array(one, float) for one in boxes]

    def shown(self, *_: Any, **__: Any) -> list[Any]:
        return []

    def boxes(self, *_: Any) -> list[NDArray[np.float64]]:
        return self.given


class Filled(MedLsam):
    def probabilities(self, picture: Any, boxes: Any) -> Any:
        found = np.zeros((len(boxes), 16, 16), np.float32)
        for one, (x0, y0, x1, y1) in zip(found, boxes, strict=True):
            # Without the border that is around every box.
            one[int(y0) + 10 : int(y1) - 10, int(x0) + 10 : int(x1) - 10] = 1
        return found


def model(boxes: Any, names: Sequence[str], **options: Any) -> MedLsam:
    made = Filled("medlsam", torch.nn.Identity(), 16, names, OPTIONS | options, "cpu", "float32")
    made.given, made.numbers = [], []
    made.localiser = made.segmenter = Fixed(boxes)  # type: ignore[assignment]
    return made


def sample(geometry: Geometry | None = None, **labels: Any) -> Sample:
    values = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    return Sample.of_volume(Case("c", {}), values, labels, None, (2.0, 1.0, 1.0), geometry)


def test_a_slice_belongs_to_the_last_box_that_holds_it_and_the_topmost_is_left_out() -> None:
    lower, upper = [[0, 0, 0], [2, 4, 4]], [[2, 2, 2], [5, 6, 8]]
    first, second = model([[lower, upper], [lower, upper]], "ab").maps(sample()).bool().numpy()
    expected = np.zeros(SHAPE, bool)
    expected[:2, :4, :4] = True
    expected[2:5, 2:6, 2:8] = True
    assert (first == expected).all()
    assert (second == expected).all()


def test_only_labelled_slices_are_asked_where_the_evaluation_does_so() -> None:
    label = np.zeros(SHAPE, bool)
    label[1, :3, :4] = True  # 12 pixels
    label[2, :2, :5] = True  # 10, not more
    found = model([[[[0, 0, 0], [5, 8, 8]]]], "a", slices="labelled").maps(sample(liver=label))
    assert found.sum(dim=(0, 2, 3)).tolist() == [0, 64, 0, 0, 0, 0]
    own = model([[[[0, 0, 0], [5, 8, 8]]]], "a", slices="labelled").maps(sample())
    assert own.sum(dim=(0, 2, 3)).tolist() == [64, 64, 64, 64, 64, 0], "own images: every slice"


def test_slices_are_seen_as_the_file_has_them_and_masks_come_back() -> None:
    upright = np.zeros((4, 4))
    upright[[2, 1, 0, 3], [0, 1, 2, 3]] = [2, 1, 1, 1]
    stored = upright @ np.diag([1.0, -1, -1, 1])  # rows from front to back, columns to the left
    there = [[[[0, 0, 0], [5, 3, 2]]]]
    as_it_is = model(there, "a").maps(sample(Geometry(SHAPE, (2, 1, 1), upright)))
    turned = model(there, "a").maps(sample(Geometry(SHAPE, (2, 1, 1), upright, stored)))
    assert as_it_is[0, 0, :3, :2].all()
    assert as_it_is[0, 0].sum() == 6
    np.testing.assert_array_equal(turned.flip(2, 3), as_it_is)


def test_names_have_to_be_as_many_as_the_examples_labels() -> None:
    from seeded import layout, seeded

    state = {k.removeprefix("module."): v for k, v in seeded(layout("medlam_scaled")).items()}
    state |= seeded(layout("sam_scaled")) | shown()
    with pytest.raises(UsageError, match="share labels 1, 2, option classes names 1"):
        build(state, OPTIONS | {"classes": "liver"}, "cpu", "float32")
    assert build(state, OPTIONS, "cpu", "float32").classes == ("label 1", "label 2")
