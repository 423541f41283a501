"""Prompts of several rounds and over several planes, against what other evaluations make.

`interaction_probes.json` holds what the code of CVPR 2025's interactive evaluation, of RadioActive
and of MedSAM2 made of the volumes of `made.py` (`peers/record_interaction.py`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import made_volumes
from numpy.typing import NDArray

from reproduce.contracts import Prompt
from reproduce.ground.plugins import plugin
from reproduce.prompting.boxes import BoxProfile
from reproduce.prompting.key_planes import KeyPlaneProfile
from reproduce.prompting.lines import contour, diameter, skeleton

Mask = NDArray[np.bool_]
DOCUMENT = json.loads(
    (Path(__file__).resolve().parents[1] / "interaction_probes.json").read_text("utf-8")
)
VOLUMES = made_volumes()
PROBES = pytest.mark.parametrize("probe", DOCUMENT["volumes"], ids=lambda p: str(p["volume"]))


def asked(name: str, mask: Mask, seed: int = 0) -> list[Prompt]:
    profile = plugin("prompts", name)
    if profile.scope == "stack":
        return list(profile.prompts("c", "a", mask, seed, None))
    return [p for s in range(len(mask)) for p in profile.prompts("c", "a", mask[s], seed, s)]


def points(prompt: Prompt) -> list[list[float]]:
    assert prompt.points is not None
    found: list[list[float]] = prompt.points.tolist()
    return found


# --------------------------------------------------------------------------------- CVPR 2025


@PROBES
def test_clicks_fall_where_the_cvpr25_evaluation_puts_them(probe: dict[str, Any]) -> None:
    mask, predicted = VOLUMES[probe["volume"]]
    assert int(mask.sum()) == probe["voxels"]
    (first,) = asked("clicks-3d-5-joint", mask)
    assert points(first) == [probe["first"]["place"]]
    assert first.point_labels is not None
    assert first.point_labels.tolist() == [1]
    second = plugin("prompts", "clicks-3d-5-joint").refine(first, mask, predicted)
    assert points(second)[1:] == [probe["click"]["place"]]
    assert second.point_labels.tolist()[1:] == [probe["click"]["label"]]
    (box,) = asked("box-middle-plane-then-clicks", mask)
    corrected = plugin("prompts", "box-middle-plane-then-clicks").refine(box, mask, predicted)
    assert points(corrected) == [probe["click"]["place"]]
    assert corrected.box.tolist() == box.box.tolist()  # type: ignore[union-attr]  # it has one


@PROBES
def test_the_solid_box_is_one_of_the_six_of_get_boxes(probe: dict[str, Any]) -> None:
    mask, _ = VOLUMES[probe["volume"]]
    possible = {tuple(box) for box in probe["box"].values()}
    drawn = set()
    for seed in range(40):
        (prompt,) = asked("box-solid-then-clicks", mask, seed)
        assert prompt.box is not None
        drawn.add(tuple(prompt.box.ravel().tolist()))
    assert drawn == possible


def test_the_area_under_the_clicks_is_that_of_the_cvpr25_evaluation() -> None:
    from reproduce.scoring.task import _trapezoid

    curve = DOCUMENT["area"]
    assert _trapezoid(np.array(curve["dice"])) == pytest.approx(curve["value"], abs=1e-12)


# ------------------------------------------------------------------------------- RadioActive


@PROBES
@pytest.mark.parametrize("number", [3, 5, 10])
def test_boxes_and_points_between_planes_are_radioactives(
    probe: dict[str, Any], number: int
) -> None:
    mask, _ = VOLUMES[probe["volume"]]
    boxes = {p.plane: p.box_xy for p in asked(f"boxes-interpolated-{number}", mask)}
    assert {str(s): xy.tolist() for s, xy in boxes.items() if xy is not None} == probe[
        f"boxes-{number}"
    ]
    found = [points(prompt)[0] for prompt in asked(f"points-interpolated-{number}", mask)]
    assert found == probe[f"points-{number}"]


@PROBES
def test_other_static_prompts_are_radioactives(probe: dict[str, Any]) -> None:
    mask, _ = VOLUMES[probe["volume"]]
    assert [points(p)[0][1:] for p in asked("point-center-mass", mask)] == probe["centres"]
    (solid,) = asked("box-solid", mask)
    assert solid.box is not None
    assert solid.box.tolist() == probe["solid"]
    sliced = {str(p.plane): p.box_xy for p in asked("box-solid-sliced", mask)}
    assert {s: xy.tolist() for s, xy in sliced.items() if xy is not None} == probe["sliced"]
    (line,) = asked("points-3d-5-line", mask)
    assert line.plane is None
    assert points(line) == probe["line"]


def test_a_click_that_is_said_alone_replaces_what_was_said_before() -> None:
    mask, predicted = VOLUMES[0]
    profile = plugin("prompts", "clicks-6-uniform-error-alone")
    (first,) = profile.prompts("c", "a", mask[5], 0, 5)
    second = profile.refine(first, mask[5], predicted[5])
    kept = plugin("prompts", "clicks-6-uniform-error").refine(first, mask[5], predicted[5])
    assert len(points(second)) == 1
    assert points(kept)[0] == points(first)[0]
    assert len(points(kept)) == 2
    s, y, x = map(int, points(second)[0])
    assert mask[s, y, x] != predicted[s, y, x]
    assert second.point_labels.tolist() == [int(mask[s, y, x])]


# ------------------------------------------------------------------------------------- RECIST


@PROBES
def test_diameters_are_told_as_medsam2_tells_them(probe: dict[str, Any]) -> None:
    mask, _ = VOLUMES[probe["volume"]]
    (square,) = asked("recist-box", mask)
    assert square.box_xy is not None
    assert square.box_xy.tolist() == probe["square"]
    (three,) = asked("recist-points-3", mask)
    assert three.points_xy is not None
    assert three.points_xy.tolist() == probe["three"]
    (five,) = asked("recist-points-5", mask)
    line = {tuple(pixel) for pixel in diameter(mask[five.plane or 0]).tolist()}
    drawn = [tuple(place[1:]) for place in points(five)]
    assert set(drawn) <= line
    assert len(set(drawn)) == 5


def test_the_diameter_is_the_longest_distance_of_two_pixels() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        mask = rng.random((12, 15)) < 0.2
        pixels = np.argwhere(mask)
        every = np.linalg.norm(pixels[:, None] - pixels[None], axis=-1)
        line = diameter(mask)
        assert np.linalg.norm(line.max(axis=0) - line.min(axis=0)) == pytest.approx(every.max())


# ---------------------------------------------------------------------------------- scribbles


def test_scribbles_by_hand() -> None:
    bar = np.zeros((9, 21), bool)
    bar[2:7, 3:18] = True  # 5 x 15: its skeleton is the middle row, and a pixel towards corners
    line = skeleton(bar)
    assert set(line[:, 0]) <= {3, 4, 5}
    assert np.median(line[:, 0]) == 4
    assert np.abs(np.diff(line[:, 1])).max() == 1
    (prompt,) = plugin("prompts", "scribble-skeleton-5").prompts("c", "a", bar, 0, None)
    columns = [x for _, _, x in points(prompt)]
    assert columns in (sorted(columns), sorted(columns, reverse=True))
    assert len(columns) == 5
    ring = contour(bar)  # deepest 3: pixels more than 1.5 deep are the 3 x 13 inside
    assert {tuple(pixel) for pixel in ring.tolist()} == {
        (y, x) for y in range(3, 6) for x in range(4, 17) if y in (3, 5) or x in (4, 16)
    }
    assert np.abs(np.diff(ring, axis=0)).max() == 1
    dot = np.zeros((5, 5), bool)
    dot[2, 3] = True
    for name in ("scribble-skeleton-5", "scribble-contour-5"):
        (prompt,) = plugin("prompts", name).prompts("c", "a", dot, 0, None)
        assert points(prompt) == [[0, 2, 3]]


def test_the_longest_way_through_a_skeleton_leaves_side_branches_out() -> None:
    cross = np.zeros((40, 60), bool)
    cross[18:21, 5:55] = True
    cross[5:35, 20:23] = True
    line = skeleton(cross)
    assert np.ptp(line[:, 1]) > 40  # along the long bar
    assert np.linalg.norm(np.diff(line, axis=0), axis=1).max() < 1.5  # without a jump


# ------------------------------------------------------------- propagation, then corrections


def test_corrections_fall_on_the_plane_that_is_most_wrong() -> None:
    mask = np.zeros((6, 12, 12), bool)
    mask[1:5, 2:9, 2:9] = True
    predicted = mask.copy()
    predicted[3, 2:9, 5:9] = False  # 28 missed on plane 3
    predicted[4, 9:12, :] = True  # 36 false on plane 4
    profile = plugin("prompts", "box-largest-plane-then-clicks")
    (first,) = profile.prompts("c", "a", mask, 0, None)
    assert first.plane == 1
    second = profile.refine(first, mask, predicted)
    assert second.plane == 1  # what was asked there stands
    (place,) = points(second)
    assert place[0] == 4
    assert predicted[4, int(place[1]), int(place[2])]
    assert second.point_labels.tolist() == [0]
    predicted[4] = mask[4]
    third = profile.refine(second, mask, predicted)
    assert points(third)[1][0] == 3
    assert third.point_labels.tolist() == [0, 1]
    assert profile.refine(third, mask, mask).points.tolist() == points(third)


def test_a_plane_whose_mask_was_given_is_not_corrected() -> None:
    mask, _ = VOLUMES[0]
    profile = plugin("prompts", "mask-first-plane-then-clicks")
    (first,) = profile.prompts("c", "a", mask, 0, None)
    predicted = mask.copy()
    predicted[2] = False  # its key plane
    assert profile.refine(first, mask, predicted).points is None
    predicted[7, 30] = False
    assert points(profile.refine(first, mask, predicted))[0][:2] == [7, 30]


def test_clicks_of_later_rounds_stay_on_the_key_plane() -> None:
    profile = KeyPlaneProfile(
        "clicks",
        1,
        "clicks on a plane",
        "test",
        "largest",
        asks=BoxProfile("clicks", 1, "a box", "test"),
        click="largest-error-edt",
        looks="key-plane",
        rounds=5,
    )
    mask = np.zeros((5, 8, 9), bool)
    mask[2:4, 2:4, 4:7] = True
    (prompt,) = profile.prompts("c", "a", mask, 0, None)
    predicted = np.zeros_like(mask)
    predicted[2, 2:4, 4:6] = True  # plane 2 lacks its last column; other planes have no say
    assert points(profile.refine(prompt, mask, predicted)) == [[2, 2, 6]]


def test_kinds_of_all_rounds_are_named() -> None:
    assert plugin("prompts", "box-then-clicks").kinds == ("box", "point")
    assert plugin("prompts", "clicks-5").kinds == ("point",)
    assert plugin("prompts", "box-solid-then-clicks").kinds == ("solid-box", "point")
    assert plugin("prompts", "text").kinds == ("text",)
