"""VISTA3D: the way of a volume there and back, by class and with clicks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from monai.networks.nets.vista3d import VISTA3D
from running_bundle import bundle

from catalog.errors import InputError, UsageError
from reproduce.adapters.vista3d.network import HIGHEST_HU, LOWEST_HU, Vista3d, asked, renamed
from reproduce.asking.loop import Evaluator
from reproduce.contracts import Case, Dataset, Prompt, Sample
from reproduce.statistics import StatisticsBuilder


def sample(values: np.ndarray, spacing: Any = (1.5, 1.5, 1.5)) -> Sample:
    return Sample.of_volume(Case("a", {}), values, {}, spacing_mm=spacing)


class Fifth(torch.nn.Module):
    """Stands for VISTA3D's network: the class with number n is where values are above n / 5."""

    def forward(self, *, input_images: Any, class_vector: Any, transpose: bool) -> torch.Tensor:
        assert transpose
        return input_images - class_vector.view(1, -1, 1, 1, 1) / 5


@pytest.mark.parametrize("crop", [False, True])
def test_classes_come_back_to_the_voxels_they_were_seen_in(crop: bool) -> None:
    """A block of high values, in no plane, row or column where another axis' order would put it;
    voxels of another size than the network's, and more of them than a window has."""
    volume = np.full((12, 40, 50), LOWEST_HU, np.float32)
    volume[3:8, 10:30, 5:25] = LOWEST_HU + 0.5 * (HIGHEST_HU - LOWEST_HU)
    volume[4:6, 12:20, 9:15] = HIGHEST_HU
    options = {"spacing_mm": 1.5, "crop": crop, "called": ""}
    model = Vista3d("vista3d", Fifth(), 16, ("liver", "spleen"), options, "cpu", "float32")
    answered = list(model.open(sample(volume, (3.0, 1.5, 1.5))).ask([]).planes("original"))
    assert [one.index for one in answered] == list(range(12))
    assert answered[0].prediction.labels == ("liver", "spleen")
    found = torch.stack([one.prediction.scores[:, 0] for one in answered], dim=1).numpy() > 0.5
    # Halfway between two planes of 3 mm values are in between as well: one plane of leeway.
    for mask, truth in zip(found, (volume > LOWEST_HU, volume == HIGHEST_HU), strict=True):
        assert (mask[:, 10:30, 5:25] | ~truth[:, 10:30, 5:25]).all()
        assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.7
        there, wanted = np.argwhere(mask), np.argwhere(truth)
        assert np.abs(there.min(axis=0) - wanted.min(axis=0)).max() <= 1
        assert np.abs(there.max(axis=0) - wanted.max(axis=0)).max() <= 1


class Organs(Dataset):
    """One volume with two organs, the second of them absent from a second volume."""

    name, version, title, access, licence = "organs", 1, "", "", ""
    homepage, modalities, labels = None, ("ct",), ("liver", "spleen")
    dimensionality, splits, may_show_images = "3d", {"all": ""}, False

    def cases(self, root: Path, split: str, options: Mapping[str, Any]) -> list[Case]:
        return [Case("a", {}), Case("b", {})]

    def load(self, case: Case, options: Mapping[str, Any]) -> Sample:
        brightness = np.zeros((10, 24, 30), np.float32)
        brightness[3:8, 6:16, 5:25] = 0.3
        if case.id == "a":
            brightness[4:6, 8:14, 9:15] = 1.0
        truth = {"liver": brightness > 0.2, "spleen": brightness > 0.6}
        values = LOWEST_HU + brightness * (HIGHEST_HU - LOWEST_HU)
        return Sample.of_volume(case, values, truth, spacing_mm=(1.5, 1.5, 1.5))


def test_a_run_without_prompts_counts_every_class_of_every_volume(root: Path) -> None:
    options = {"spacing_mm": 1.5, "crop": False, "called": ""}
    model = Vista3d("vista3d", Fifth(), 16, ("liver", "spleen"), options, "cpu", "float32")
    spec = msgspec.structs.replace(
        bundle(root, 1).spec, cases=[], rounds=1, adapter="vista3d", seeds=[0], labels={}
    )
    data, builder = Organs(), StatisticsBuilder()
    evaluator = Evaluator(spec=spec, dataset=data, model=model, profile=None, prompts={})
    done = evaluator.evaluate(data.cases(Path(), "all", {}), builder)
    assert not done.failed
    whole = [row for row in builder.table().to_pylist() if row["scope"] == "volume"]
    assert {(row["case"], row["label"]) for row in whole} == {
        (case, label) for case in "ab" for label in data.labels
    }
    for row in whole:
        assert (row["fp"], row["fn"]) == (0, 0), "voxels of the network's own size stay as they are"
    assert sum(row["tp"] for row in whole) == 2 * 5 * 10 * 20 + 2 * 6 * 6


class Near(torch.nn.Module):
    """Stands for VISTA3D's network: an object is what lies within 3 voxels of its first click."""

    def forward(self, *, input_images: Any, patch_coords: Any, point_coords: Any, **_: Any) -> Any:
        starts = torch.tensor([place.start for place in patch_coords[0][-3:]])
        axes = torch.meshgrid(*map(torch.arange, input_images.shape[-3:]), indexing="ij")
        away = torch.stack(axes, dim=-1) + starts - point_coords[0, 0]
        return 3.5 - away.norm(dim=-1)[None, None]


def test_clicks_fall_where_they_were_made() -> None:
    """In a volume with coarse planes that is smaller than a window, and in one that is larger."""
    click = np.array([[3.0, 9.0, 14.0]])  # plane, row, column
    click_prompt = Prompt("a", "x", points=click, point_labels=np.array([1]))
    for side in (16, 32):
        options = {"spacing_mm": 1.5, "crop": False, "called": ""}
        model = Vista3d("vista3d", Near(), side, ("liver",), options, "cpu", "float32")
        volume = np.zeros((9, 20, 28), np.float32)
        session = model.open(sample(volume, (3.0, 1.5, 1.5)))
        answered = list(session.ask([click_prompt, click_prompt]).planes("original"))
        assert answered[0].prediction.labels == ("x", "x")
        for index, radius in ((3, 3), (4, 2)):
            mask = answered[index].prediction.scores[1, 0].numpy() > 0
            rows, columns = np.nonzero(mask)
            assert (rows.min(), rows.max()) == (9 - radius, 9 + radius)
            assert (columns.min(), columns.max()) == (14 - radius, 14 + radius)
        assert not answered[6].prediction.scores.any()
    with pytest.raises(InputError, match="classes or with clicks"):
        session.ask([Prompt.on_plane("a", "x", 1, box_xy=[0, 0, 4, 4])])


class Within(torch.nn.Module):
    """Stands for VISTA3D's network: near the click that the sampler makes of what a window has."""

    special_index = (23, 24, 25, 26, 27, 57, 128)
    sample_points_patch_val = VISTA3D.sample_points_patch_val
    convert_point_label = VISTA3D.convert_point_label

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[list[int], int, int]] = []

    def forward(
        self, *, input_images: Any, patch_coords: Any, labels: Any, val_point_sampler: Any, **_: Any
    ) -> Any:
        points, signs, number = val_point_sampler(labels, patch_coords[0], [1])
        if signs[0, 0] < 0:
            return torch.full((1, 1, *input_images.shape[-3:]), -9999.0)
        starts = torch.tensor([place.start for place in patch_coords[0][-3:]])
        self.told.append(
            ((points[0, 0] + starts).int().tolist(), int(signs[0, 0]), int(number[0, 0]))
        )
        axes = torch.meshgrid(*map(torch.arange, input_images.shape[-3:]), indexing="ij")
        away = torch.stack(axes, dim=-1) - points[0, 0]
        return 2.5 - away.float().norm(dim=-1)[None, None]


def test_a_whole_mask_is_clicked_once_in_every_window_that_has_some_of_it() -> None:
    """Windows of 16 in a volume of 9 planes (filled up to 16), 20 rows and 40 columns; the mask
    lies in the last columns and in part of a column far from them. Places are (r, a, s)."""
    options = {"spacing_mm": 1.5, "crop": False, "called": "growth=hepatic tumor"}
    mask = np.zeros((9, 20, 40), np.bool_)
    mask[3:6, 5:10, 33:38] = True
    mask[2, 12, 1] = True  # nothing is left of it when it is eroded
    volume = np.zeros(mask.shape, np.float32)
    for label, sign, number in (("growth", 3, 26), ("liver", 1, 1)):
        net = Within()
        model = Vista3d("vista3d", net, 16, ("liver",), options, "cpu", "float32")
        session = model.open(sample(volume))
        answered = list(session.ask([Prompt("a", label, mask=mask)]).planes("original"))
        places = {tuple(place) for place, *_ in net.told}
        assert {told[1:] for told in net.told} == {(sign, number)}
        assert (1, 12, 2 + 3) in places, "planes begin 3 later in a volume filled up to a window"
        assert (35, 7, 4 + 3) in places, "the middle of the block"
        assert all(mask[s - 3, a, r] for r, a, s in places)
        found = np.stack([one.prediction.scores[0, 0].numpy() for one in answered]) > 0
        assert found[4, 7, 35]
        assert not found[:, :, 16:30].any()
    with pytest.raises(InputError, match=r"knows no class 'lump'.*adapter\.called=lump=CLASS"):
        session.ask([Prompt("a", "lump", mask=mask)])
    with pytest.raises(UsageError, match="option called: expected NAME=CLASS, got 'growth'"):
        renamed("growth")


def test_masks_are_cut_as_the_values_are() -> None:
    options = {"spacing_mm": 1.5, "crop": True, "called": ""}
    model = Vista3d("vista3d", Within(), 16, ("liver",), options, "cpu", "float32")
    volume = np.full((30, 40, 50), -1000.0, np.float32)
    volume[12:18, 15:30, 20:40] = 40.0
    mask = volume > 0
    given = sample(volume, (3.0, 1.5, 1.5))
    moved, values = model.mask_in_grid(given, mask), model.prepared(given).as_tensor()
    assert moved.shape == values.shape
    inside = values[moved > 0]
    # Between two planes values are in between as well, and the nearest plane has the mask.
    assert inside.min() > 0.2
    assert values[moved == 0].max() < 0.51


def test_what_it_cannot_take_is_said_in_words() -> None:
    options = {"spacing_mm": 1.5, "crop": False, "called": ""}
    model = Vista3d("vista3d", Fifth(), 16, ("liver",), options, "cpu", "float32")
    with pytest.raises(InputError, match="spacing of case a is not known"):
        model.open(sample(np.zeros((4, 4, 4), np.float32), None)).ask([])
    with pytest.raises(UsageError, match="no class 'lever'"):
        asked("liver, lever")
    assert len(asked("all")) == 124
