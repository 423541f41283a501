"""`sam4mis reproduce run PROJECT --data IMAGES --reference MASKS`: scored, compared; no claim.

The numbers are held against another way to them: predict, then score the masks.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from running_bundle import WEIGHTS, write_phantoms

from catalog.errors import InputError, UsageError
from reproduce.cli.arguments import Arguments
from reproduce.cli.own_data import OwnData, own_data_command
from reproduce.cli.predicting import predict_command
from reproduce.ground import plugins as found
from reproduce.predicting.folder import Asked
from reproduce.predictions import Request, score_predictions

EXAMPLES = Path(__file__).resolve().parents[3] / "reproduce" / "templates"


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(found.VARIABLE, "")
    for name in ("plane", "volume", "video"):
        found.add(EXAMPLES / f"{name}_example.py")
    yield
    monkeypatch.undo()
    found.plugins.cache_clear()


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """Weights of the example adapters."""
    path = tmp_path / "line.safetensors"
    tensors = {"weight": torch.tensor([0.1]), "bias": torch.tensor([-10.0])}
    safetensors.torch.save_file(tensors, path)
    return path


def run(tmp_path: Path, own: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """The record that the command leaves."""
    facts: dict[str, Any] = {
        "target": "selftest",
        "data": tmp_path / "data/images",
        "checkpoints": (WEIGHTS,),
        "out": tmp_path / "out",
        "devices": ("cpu",),
    }
    asked: dict[str, Any] = {
        "dataset": "folder",
        "reference": tmp_path / "data/masks",
        "others": (),
        "profile": "house/1",
        "metrics": (),
        "groups": None,
    }
    own_data_command(Arguments(**(facts | changes)), OwnData(**(asked | (own or {}))))
    document: dict[str, Any] = json.loads((tmp_path / "out/report.json").read_text("utf-8"))
    return document


def value(document: dict[str, Any], model: str, metric: str, **subgroup: str) -> Any:
    for measured in document["models"][model]["measurements"]:
        if measured["metric"] == metric and measured.get("subgroup", {}) == subgroup:
            return measured
    raise KeyError(metric)


def test_two_models_are_compared_on_own_images(tmp_path: Path, line: Path) -> None:
    write_phantoms(tmp_path / "data")
    groups = tmp_path / "groups.csv"
    groups.write_text("case,patient,side\np0,a,left\np2,a,right\np5,b,left\np7,c,right\n")
    others = (f"plane-example={line}",)
    document = run(tmp_path, {"others": others, "groups": groups})
    dice = {name: value(document, name, "dice") for name in ("selftest", "plane-example")}
    for name, weights in (("selftest", WEIGHTS), ("plane-example", line)):
        predict_command(
            Asked(
                target=name,
                images=tmp_path / "data/images",
                out=tmp_path / f"masks-{name}",
                checkpoints=(weights,),
                boxes=tmp_path / "data/masks",
                device="cpu",
            )
        )
        request = Request(
            predictions=tmp_path / f"masks-{name}/masks",
            references=tmp_path / "data/masks",
            groups=groups,
        )
        scored, _ = score_predictions(request)
        again = {(m.metric, tuple(m.subgroup.items())): m for m in scored.measurements}
        for measured in document["models"][name]["measurements"]:
            other = again[measured["metric"], tuple(measured.get("subgroup", {}).items())]
            assert measured["value"] == pytest.approx(other.value, abs=1e-12)
            if other.interval is not None:
                assert measured["interval"]["low"] == pytest.approx(other.interval.low, abs=1e-12)
    assert "3 patients" in dice["selftest"]["interval"]["method"]
    (apart,) = [
        d for d in document["differences"] if d["metric"] == "dice" and not d.get("subgroup")
    ]
    expected = dice["selftest"]["value"] - dice["plane-example"]["value"]
    assert apart["value"] == pytest.approx(expected)
    assert apart["interval"]["low"] <= apart["value"] <= apart["interval"]["high"]
    assert apart["interval"]["method"].startswith("paired percentile bootstrap")
    assert value(document, "selftest", "dice", side="left")["n_cases"] == 2
    page = (tmp_path / "out/report.html").read_text("utf-8")
    for words in ("No claim", "never published as a verdict", "side left", "not for clinical use"):
        assert words in page
    rows = list(csv.DictReader((tmp_path / "out/cases.csv").read_text("utf-8").splitlines()))
    assert len(rows) == 2 * 4
    means = {row["model"]: [] for row in rows}
    for row in rows:
        means[row["model"]].append(float(row["dice"]))
        assert row["notice"].startswith("No claim")
    assert np.mean(means["selftest"]) == pytest.approx(dice["selftest"]["value"])


def test_a_model_against_itself_is_never_apart(tmp_path: Path, line: Path) -> None:
    """Drawn together, the difference has no width; drawn apart it would have one."""
    write_phantoms(tmp_path / "data")
    copy = tmp_path / "copy.py"
    text = (EXAMPLES / "plane_example.py").read_text("utf-8")
    copy.write_text(text.replace("plane-example", "plane-twin"))
    found.add(copy)
    document = run(
        tmp_path,
        {"others": (f"plane-twin={line}",), "metrics": ("dice",)},
        target="plane-example",
        checkpoints=(line,),
    )
    (apart,) = document["differences"]
    assert (apart["value"], apart["interval"]["low"], apart["interval"]["high"]) == (0, 0, 0)


def test_the_same_command_goes_on(
    tmp_path: Path, line: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_phantoms(tmp_path / "data")
    changes: dict[str, Any] = {"target": "plane-example", "checkpoints": (line,)}
    first = run(tmp_path, **changes)
    monkeypatch.setattr("reproduce.predicting.job.load_model", None)  # nothing is asked again
    assert value(run(tmp_path, **changes), "plane-example", "dice") == value(
        first, "plane-example", "dice"
    )


def test_volumes_are_scored_whole_under_any_profile(tmp_path: Path, line: Path) -> None:
    values = np.zeros((12, 10, 6), np.float32)
    values[2:8, 3:7, 1:5] = 200
    for folder, stored in (("images", values), ("masks", (values > 0).astype(np.uint8))):
        (tmp_path / "data" / folder).mkdir(parents=True)
        image: Any = nibabel.Nifti1Image(stored, np.diag([-1.0, 1, 2, 1]))
        nibabel.save(image, tmp_path / "data" / folder / "v.nii.gz")
    document = run(
        tmp_path,
        {"profile": "nnunet/1"},
        target="volume-example",
        checkpoints=(line,),
        prompts="box-solid-then-clicks",
    )
    assert value(document, "volume-example", "dice")["value"] == 1
    assert document["models"]["volume-example"]["protocol"]["rounds"] > 1


def test_videos_are_scored_on_the_frames_that_have_a_mask(tmp_path: Path, line: Path) -> None:
    """Followed over all frames; one frame has no mask and does not count, in one the half is
    drawn."""
    for number in range(4):
        values = np.zeros((30, 40), np.uint8)
        values[5:15, 10:30] = 200
        masks = [values > 0, values > 0, None, (values > 0) & (np.arange(40) < 20)]
        for clip in ("one", "two"):
            write(tmp_path / f"data/images/{clip}/{number}.png", values)
            if (mask := masks[number]) is not None:
                write(tmp_path / f"data/masks/{clip}/{number}.png", mask.astype(np.uint8) * 255)
    document = run(tmp_path, {"video": True}, target="video-example", checkpoints=(line,))
    assert document["cases"] == ["one", "two"]
    dice = value(document, "video-example", "dice")
    assert dice["value"] == pytest.approx(2 * 500 / (600 + 500))
    assert dice["n_cases"] == 2


def write(path: Path, values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def test_what_has_no_score_is_told_and_the_rest_is_scored(tmp_path: Path, line: Path) -> None:
    write_phantoms(tmp_path / "data")
    (tmp_path / "data/masks/p0.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    (tmp_path / "data/masks/p2.png").unlink()
    changes: dict[str, Any] = {"target": "plane-example", "checkpoints": (line,), "limit": 3}
    with pytest.raises(InputError, match=r"plane-example: p0: .*p0.png"):
        run(tmp_path, **changes)
    document = json.loads((tmp_path / "out/report.json").read_text("utf-8"))
    assert list(document["models"]["plane-example"]["failed"]) == ["p0"]
    assert document["images_without_mask"] == ["p2"]
    assert value(document, "plane-example", "dice")["counted"]["missing"] == 1


def test_options_of_claims_do_not_go_with_own_images(tmp_path: Path, line: Path) -> None:
    write_phantoms(tmp_path / "data", 1)
    with pytest.raises(UsageError, match="--publish: not for own images"):
        run(tmp_path, publish=True)
    with pytest.raises(UsageError, match="name one project"):
        run(tmp_path, target="selftest/phantom-dice")
    with pytest.raises(UsageError, match="--dataset drive: with --reference it is folder"):
        run(tmp_path, {"dataset": "drive"})
    with pytest.raises(UsageError, match="has no nsdd"):
        run(tmp_path, {"metrics": ("nsdd",)})
    with pytest.raises(UsageError, match="it is there already"):
        run(tmp_path, {"others": ("selftest",)})
    assert not (tmp_path / "out").exists()
