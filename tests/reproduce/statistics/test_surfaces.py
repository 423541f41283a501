"""Surfaces on a device (torch) are those of host memory (NumPy): same distances, same areas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made import MATERIAL, REAL, made_masks
from PIL import Image

from reproduce.statistics import StatisticsBuilder, surface_device
from reproduce.statistics.surface import SurfaceSpec, surface_histogram

NAMES = ("surfel/header/3d", "surfel/reversed/3d", "edge/header/3d", "edge/unit/3d")


def check(one: Any, other: Any, name: str, spacing: Any, device: str = "cpu") -> dict[str, Any]:
    """Both ways; returns the entry."""
    spec = SurfaceSpec.parse(name)
    host = surface_histogram(one, other, spec, spacing)
    on_device = surface_histogram(
        torch.from_numpy(one).to(device), torch.from_numpy(other).to(device), spec, spacing
    )
    assert on_device.keys() == host.keys()
    for key in host:
        if key.endswith("_area"):
            assert on_device[key] == pytest.approx(host[key], rel=1e-12)
        else:
            assert on_device[key] == host[key]
    return host


def blob(shape: tuple[int, ...], seed: int, share: float) -> np.ndarray[Any, Any]:
    """A smooth random mask with several components."""
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5)
    return np.asarray(noise > np.quantile(noise, 1 - share))


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 12)] * 3),
    share=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    spacing=st.tuples(*[st.sampled_from([0.5, 1.0, 2.5])] * 3),
    name=st.sampled_from(NAMES),
    seed=st.integers(0, 100),
)
def test_small_volumes(
    shape: tuple[int, int, int],
    share: float,
    spacing: tuple[float, float, float],
    name: str,
    seed: int,
) -> None:
    check(blob(shape, seed, share), blob(shape, seed + 1, 0.2), name, spacing)


@pytest.mark.parametrize("name", ["surfel/header/2d", "edge/unit/2d", "surfel/unit/expand"])
@pytest.mark.parametrize("spacing", [None, (0.7, 1.3)])
def test_images(name: str, spacing: Any) -> None:
    if spacing is None:
        name = name.replace("header", "unit")
    check(blob((61, 45), 1, 0.2), blob((61, 45), 2, 0.3), name, spacing)


def test_far_apart_where_no_neighbouring_line_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = np.zeros((90, 90, 4), bool), np.zeros((90, 90, 4), bool)
    one[2:6, 2:6, 1:3] = True
    other[80:84, 83:86, 1:3] = True
    entry = check(one, other, "surfel/header/3d", (1.0, 1.0, 3.0))
    assert entry["reference_distance"][0] > 100
    monkeypatch.setattr(surface_device, "TOGETHER", 50)  # many small parts
    assert check(one, other, "edge/header/3d", (1.0, 1.0, 3.0))["reference_distance"][0] > 100


def test_one_or_both_empty() -> None:
    some, none = blob((9, 9), 3, 0.3), np.zeros((9, 9), bool)
    assert check(some, none, "edge/unit/2d", None)["reference_distance"] == [np.inf]
    assert check(none, some, "surfel/unit/2d", None)["reference_distance"] == []
    assert check(none, none, "surfel/unit/2d", None)["spacing_mm"] == []


@pytest.mark.parametrize("material", MATERIAL)
def test_objects_that_were_moved(material: str) -> None:
    masks = list(made_masks().values())
    if material == "real":
        masks = [
            np.asarray(Image.open(path).convert("L")) > 127
            for path in sorted((REAL / "endotect" / "masks").iterdir())[:6]
        ]
    for mask in masks:
        for name in ("surfel/unit/2d", "edge/unit/2d"):
            check(mask, np.roll(mask, (5, -9), (0, 1)), name, None)


@pytest.mark.gpu
def test_surfaces_on_a_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    for name in NAMES:
        one, other = blob((40, 50, 60), 5, 0.2), blob((40, 50, 60), 6, 0.2)
        check(one, other, name, (2.0, 0.8, 0.8), "cuda")
    reference = torch.from_numpy(blob((40, 50), 7, 0.3))[None]
    scores = torch.from_numpy(blob((40, 50), 8, 0.3)).float()[None, None] * 2 - 1
    tables = []
    for device in ("cpu", "cuda"):
        builder = StatisticsBuilder(surface=True)
        builder.add(
            case="a",
            labels=["x"],
            scores=scores.to(device),
            kind="logit",
            reference=reference.to(device),
        )
        tables.append(builder.table())
    assert tables[0].drop(["surfaces"]).equals(tables[1].drop(["surfaces"]))
    ours, theirs = (table["surfaces"].to_pylist()[0] for table in tables)
    assert [e["reference_distance"] for e in ours] == [e["reference_distance"] for e in theirs]
