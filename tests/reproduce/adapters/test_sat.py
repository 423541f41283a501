"""SAT: a volume's way there and back, asked by names of which embeddings are held."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
import torch
from running_bundle import bundle
from seeded import layout, seeded

from catalog.errors import InputError, UsageError
from reproduce.asking.loop import Evaluator
from reproduce.asking.replay import prompts_of
from reproduce.contracts import Case, Dataset, Prompt, Sample
from reproduce.ground.plugins import plugin
from reproduce.statistics import StatisticsBuilder

if TYPE_CHECKING:
    from reproduce.adapters.sat.network import SatModel

# In deviations from the mean: the liver of `organs` lies at 3.0, its spleen at 7.1.
NAMES = {"liver": torch.tensor([1.5]), "spleen": torch.tensor([5.0])}
LIVER, SPLEEN = (
    (slice(3, 8), slice(10, 30), slice(5, 25)),
    (slice(4, 6), slice(12, 20), slice(9, 15)),
)


class Brighter(torch.nn.Module):
    """Stands for SAT's network: what a name means lies above its embedding."""

    def forward(self, window: torch.Tensor, names: torch.Tensor) -> torch.Tensor:
        return 20 * (window[0, :1] - names[:, :, None, None])


def model_of(window: tuple[int, ...] = (32, 32, 32)) -> SatModel:
    from reproduce.adapters.sat.network import SatModel  # it imports monai

    model = SatModel(
        "sat", Brighter(), 32, ("liver", "spleen"), {"modality": "ct"}, "cpu", "float32"
    )
    model.window, model.embedded = window, NAMES
    return model


def organs() -> Sample:
    values = np.full((12, 40, 50), 1.0, np.float32)
    values[LIVER], values[SPLEEN] = 400.0, 900.0
    truth = {"Spleen": values > 600, "Liver": values > 200}
    return Sample.of_volume(Case("a", {}), values, truth, spacing_mm=(3.0, 1.0, 1.0))


def masks(answer: Any) -> np.ndarray:
    planes = [one.prediction.scores[:, 0] for one in answer.planes("original")]
    return torch.stack(planes, dim=1).numpy() > 0.5


def test_names_come_back_in_the_order_asked_and_to_their_voxels() -> None:
    """In several windows; in no plane, row or column where another axis' order would put them."""
    given = organs()
    for window in ((32, 32, 32), (64, 64, 32)):
        session = model_of(window).open(given)
        asked = [Prompt("a", name) for name in given.labels]
        answer = session.ask(asked)
        assert answer.labels == ("Spleen", "Liver")
        np.testing.assert_array_equal(masks(answer), list(given.labels.values()))
        whole = session.ask([])
        assert whole.labels == ("liver", "spleen")
        np.testing.assert_array_equal(masks(whole), masks(answer)[::-1])


def test_other_spacing_comes_back_to_its_own_grid() -> None:
    given = organs()
    fine = Sample.of_volume(given.case, given.values, {}, spacing_mm=(5.0, 0.8, 1.2))
    for mask, truth in zip(masks(model_of().open(fine).ask([])), (LIVER, SPLEEN), strict=True):
        assert mask.shape == given.shape
        there = np.argwhere(mask)
        wanted = [[side.start, side.stop - 1] for side in truth]
        np.testing.assert_allclose(np.stack([there.min(0), there.max(0)], 1), wanted, atol=1)


class Organs(Dataset):
    """One volume with two organs."""

    name, version, title, access, licence = "organs", 1, "", "", ""
    homepage, modalities, labels = None, ("ct",), ("Spleen", "Liver")
    dimensionality, splits, may_show_images = "3d", {"all": ""}, False

    def cases(self, root: Path, split: str, options: Any) -> list[Case]:
        return [Case("a", {})]

    def load(self, case: Case, options: Any) -> Sample:
        return organs()


def test_a_run_asks_by_the_names_of_a_volumes_classes(root: Path) -> None:
    profile = plugin("prompts", "text-3d")
    spec = msgspec.structs.replace(
        bundle(root, 1).spec,
        cases=[],
        rounds=1,
        adapter="sat",
        seeds=[0],
        labels={},
        prompt_profile="text-3d/1",
    )
    asked = prompts_of(organs(), profile, [0], None)
    assert [(prompt.label, prompt.plane) for prompt in asked] == [("Spleen", None), ("Liver", None)]
    data, builder = Organs(), StatisticsBuilder()
    evaluator = Evaluator(
        spec=spec, dataset=data, model=model_of(), profile=profile, prompts={"a": asked}
    )
    done = evaluator.evaluate(data.cases(Path(), "all", {}), builder)
    assert not done.failed
    whole = [row for row in builder.table().to_pylist() if row["scope"] == "volume"]
    counted = {row["label"]: (row["tp"], row["fp"], row["fn"]) for row in whole}
    assert counted == {"Liver": (5 * 20 * 20, 0, 0), "Spleen": (2 * 8 * 6, 0, 0)}


def test_windows_lie_half_a_window_apart_and_the_last_one_at_the_end() -> None:
    from reproduce.adapters.sat.network import begins

    assert begins(300, 128) == [0, 64, 128, 172]
    assert begins(100, 128) == begins(128, 128) == [0]
    assert begins(129, 128) == [0, 1]


def test_what_it_cannot_take_is_said_in_words() -> None:
    given, model = organs(), model_of()
    with pytest.raises(InputError, match="no embedding for kidney; the file of names has liver"):
        model.open(given).ask([Prompt("a", "kidney")])
    with pytest.raises(InputError, match="asked by names"):
        model.open(given).ask([Prompt.on_plane("a", "liver", 1, box_xy=[0, 0, 4, 4])])
    with pytest.raises(InputError, match="spacing of case a is not known"):
        model.open(Sample.of_volume(given.case, given.values, {})).ask([])
    empty = Sample.of_volume(given.case, 0 * given.values - 1000, {}, spacing_mm=(1, 1, 1))
    with pytest.raises(InputError, match="values from -1000 to -1000"):
        model.open(empty).ask([])


def test_files_and_options_that_do_not_fit_are_told() -> None:
    state = seeded(layout("sat_scaled"))
    state = {key.removeprefix("module."): value for key, value in state.items()}
    names = seeded(layout("sat_names"))

    def build(tensors: Any, **options: Any) -> Any:
        return plugin("adapters", "sat").build(tensors, options, "cpu", "float32")

    with pytest.raises(
        InputError, match=r"second file with tensors text\.NAME of \(768,\); got none"
    ):
        build(state)
    with pytest.raises(InputError, match=r"text\.liver \(3,\)"):
        build(state | {"text.liver": torch.zeros(3)})
    with pytest.raises(UsageError, match="option classes: no embedding for kidney"):
        build(state | names, classes="liver, kidney")
    with pytest.raises(UsageError, match="three multiples of 32, got '288,288'"):
        build(state | names, window="288,288")
