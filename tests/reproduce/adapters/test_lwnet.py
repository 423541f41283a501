"""The positive control: lwnet's released weights give its printed numbers, by an own short path
and through the harness; the four published runs hold what they say."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from catalog.errors import InputError
from catalog.records import Result
from reproduce.adapters.lwnet import PLUGIN
from reproduce.adapters.lwnet.network import WNet
from reproduce.checkpoints.loading import read_state
from reproduce.contracts import Plane
from reproduce.ground.plugins import plugin
from reproduce.models.declaring import resolve_options


@pytest.fixture(scope="module")
def state(real: Path) -> dict[str, torch.Tensor]:
    return read_state(real / "lwnet_wnet_drive" / "model_checkpoint.pth", "model_state_dict")


@pytest.fixture
def random_state() -> dict[str, torch.Tensor]:
    """Weights for what does not depend on them."""
    torch.manual_seed(3)
    return WNet().state_dict()


def build(state: dict[str, torch.Tensor], **options: object) -> object:
    return PLUGIN.build(state, resolve_options(PLUGIN, options), "cpu", "float32")


def samples(real: Path, split: str) -> list[Plane]:
    data = plugin("datasets", "drive")
    return [data.load(case, {}).plane(0) for case in data.cases(real / "drive", split, {})]


def test_parameters_are_the_released_ones() -> None:
    assert sum(p.numel() for p in WNet().parameters()) == 68_482


def test_keys_must_match(random_state: dict[str, torch.Tensor]) -> None:
    broken = dict(random_state)
    broken["unet3.x"] = broken.pop("unet1.final.bias")
    with pytest.raises(InputError) as caught:
        build(broken)
    assert "unet1.final.bias" in str(caught.value)
    assert "unet3.x" in str(caught.value)


@pytest.mark.parametrize("flips", [False, True])
def test_grids_and_shapes(random_state: dict[str, torch.Tensor], flips: bool) -> None:
    model = build(random_state, flips=flips)
    image = np.random.default_rng(0).integers(0, 255, (60, 50, 3), dtype=np.uint8)
    label = np.zeros((60, 50), bool)
    label[10:20, 10:20] = True
    valid = np.zeros((60, 50), bool)
    valid[5:55, 8:48] = True
    sample = Plane(image, {"vessel": label}, valid)
    with torch.inference_mode():
        (embedding,) = model.encode([sample])
        small = model.predict(embedding, [], "model_input")  # type: ignore[attr-defined]
        full = model.predict(embedding, [], "original")  # type: ignore[attr-defined]
    assert small.scores.shape == (1, 1, 512, 512)
    assert full.scores.shape == (1, 1, 60, 50)
    assert not full.scores[0, 0][torch.from_numpy(~valid)].any(), (
        "nothing outside the field of view"
    )
    steps = full.scores * 255
    assert torch.allclose(steps, steps.round(), atol=1e-4), (
        "stored as 8-bit, like the official code"
    )
    reference = model.reference(sample, "model_input")  # type: ignore[attr-defined]
    assert reference.valid is None
    assert reference.labels["vessel"].shape == (512, 512)
    # 10 of 50 rows and 10 of 40 columns of the crop are vessel
    assert reference.labels["vessel"].mean() == pytest.approx(0.2 * 0.25, rel=0.05)
    assert model.reference(sample, "original").valid is valid  # type: ignore[attr-defined]


def test_printed_numbers_by_a_plain_loop(real: Path, state: dict[str, torch.Tensor]) -> None:
    """AUC by ranks and pooled Dice, as utils/evaluation.py describes them; no statistics table."""
    from scipy.stats import rankdata

    model = build(state)
    scores, truth = [], []
    for sample in samples(real, "lwnet-val"):
        with torch.inference_mode():
            (embedding,) = model.encode([sample])
            found = model.predict(embedding, [], "model_input")  # type: ignore[attr-defined]
        scores.append(found.scores.numpy().ravel())
        reference = model.reference(sample, "model_input")  # type: ignore[attr-defined]
        truth.append(reference.labels["vessel"].ravel())
    p, g = np.concatenate(scores), np.concatenate(truth)
    ranks, positive = rankdata(p), int(g.sum())
    auc = (ranks[g].sum() - positive * (positive + 1) / 2) / (positive * (len(g) - positive))
    hard = p > 0.5
    dice = 2 * (hard & g).sum() / (hard.sum() + g.sum())
    assert f"{100 * auc:.2f}" == "98.59"
    assert f"{100 * dice:.2f}" == "80.96"
    printed = (real / "lwnet_wnet_drive" / "val_metrics.txt").read_text()
    assert "98.59" in printed
    assert "80.96" in printed


@pytest.mark.slow
def test_second_protocol_on_the_test_images(real: Path, state: dict[str, torch.Tensor]) -> None:
    """DRIVE test 01-20, inside the field of view, flips, threshold 0.4196: mean Dice 0.8277."""
    model = build(state, flips=True)
    values = []
    for sample in samples(real, "test"):
        with torch.inference_mode():
            (embedding,) = model.encode([sample])
            found = model.predict(embedding, [], "original")  # type: ignore[attr-defined]
        valid = sample.valid
        assert valid is not None
        hard = found.scores[0, 0].numpy()[valid] > 0.4196
        g = sample.labels["vessel"][valid]
        values.append(2 * (hard & g).sum() / (hard.sum() + g.sum()))
    assert np.mean(values) == pytest.approx(0.8277, abs=5e-5)


# -------------------------------------------------------------------------- the published runs

FOUR = {  # (grid, flips) -> pooled Dice at 0.5, at 0.4196
    ("model_input", False): ("0.8096", "0.8040"),
    ("model_input", True): ("0.8114", "0.8063"),
    ("original", False): ("0.8213", "0.8138"),
    ("original", True): ("0.8233", "0.8162"),
}


def published(root: Path) -> dict[tuple[str, bool], tuple[Path, Result]]:
    found = {}
    for path in sorted((root / "reproduce" / "results").glob("lwnet-*/result.json")):
        result = msgspec.json.decode(path.read_bytes(), type=Result)
        key = result.protocol["grid"], result.protocol["adapter_options"]["flips"]
        found[key] = (path.parent, result)
    return found


@pytest.mark.parametrize("key", FOUR)
def test_published_statistics_give_the_numbers(root: Path, key: tuple[str, bool]) -> None:
    """Recomputed from the committed table: stored thresholds, and the histogram alone."""
    from reproduce.scoring import score
    from reproduce.statistics import read_statistics

    folder, result = published(root)[key]
    table = read_statistics(folder / "statistics.parquet")
    for threshold, expected in zip((0.5, 0.4196), FOUR[key], strict=True):
        value = score(table, "pooled/1", "dice", threshold=threshold).value
        assert f"{value:.4f}" == expected
        tp = fp = fn = 0
        for entry in table["histogram"].to_pylist():
            if entry is None:
                continue
            after = np.asarray(entry["index"]) > round(threshold * entry["bins"])
            positive, negative = np.asarray(entry["positive"]), np.asarray(entry["negative"])
            tp += positive[after].sum()
            fn += positive[~after].sum()
            fp += negative[after].sum()
        assert f"{2 * tp / (2 * tp + fp + fn):.4f}" == expected
    assert all(check.passed for check in result.checks)
    assert result.environment["harness"]["dirty"] is False


def test_published_claims_are_reproduced(root: Path) -> None:
    document = json.loads((root / "reproduce" / "results" / "verdicts.json").read_text("utf-8"))
    states = {v["claim"]: v for v in document["verdicts"] if v["project"] == "lwnet"}
    for claim in ("lwnet/validation-dice", "lwnet/validation-auc"):
        assert states[claim]["state"] == "reproduced"
        assert states[claim]["comparability"] == "A"
        assert states[claim]["run"] == published(root)["model_input", False][1].run


def test_runs_of_another_protocol_serve_no_claim(root: Path) -> None:
    for key, (_, result) in published(root).items():
        assert bool(result.claims) == (key == ("model_input", False))


def test_an_option_that_the_data_set_has_not_is_refused(root: Path) -> None:
    from catalog.errors import UsageError
    from catalog.registry import Registry
    from reproduce.planning.recipes import Request, find_claims, recipe

    for project, claim in find_claims(Registry.load(root), "lwnet"):
        with pytest.raises(UsageError, match=r"no option 'observr'.*Did you mean observer"):
            recipe(project, claim, Request(dataset={"observr": 2}))


def test_plain_command_is_the_published_run(root: Path, real: Path) -> None:
    """`reproduce run lwnet` plans, from the files here, exactly the run that is published; its id
    is by the rule of its time."""
    from catalog.registry import Registry
    from reproduce.planning.recipes import Request, build_spec, find_claims, group, recipe

    claims = find_claims(Registry.load(root), "lwnet")
    (members,) = group([recipe(project, claim, Request()) for project, claim in claims])
    weights = real / "lwnet_wnet_drive" / "model_checkpoint.pth"
    spec, prompts, _ = build_spec(members, real / "drive", [weights])
    assert prompts.first is None
    first = msgspec.structs.replace(spec, schema="run/1")
    assert first.run_id() == published(root)["model_input", False][1].run != spec.run_id()
    assert spec.claims == published(root)["model_input", False][1].claims
