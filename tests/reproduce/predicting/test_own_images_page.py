"""Every command of the page *Models on your own images* runs as it stands there, on polyps that are
made and eyes that are real.

SAM's weights are seeded: in the official layout for a small network, and (slow) for ViT-B; those of
lwnet are the released ones.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from seeded import layout, seeded, seeded_state
from small_networks import SAM
from typer.testing import CliRunner

from reproduce.cli import app
from reproduce.ground.plugins import VARIABLE, plugins

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "site" / "docs" / "own-images.md"
COMMANDS = [
    line.partition("  #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    for line in block.splitlines()
    if line.startswith("sam4mis ")
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page takes for granted but eyes: two polyps, prompts, weights."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "polyps").mkdir()
    (folder / "drawn").mkdir()
    rows, points = ["image,label,x0,y0,x1,y1"], ["image,label,x,y,positive"]
    coco: dict[str, list[object]] = {"images": [], "annotations": [], "categories": []}
    coco["categories"].append({"id": 1, "name": "polyp"})
    noise = np.random.default_rng(0)
    y, x = np.mgrid[:256, :320]
    for number, name in enumerate(("first", "second")):
        polyp = ((x - 150 - 40 * number) / 60) ** 2 + ((y - 120) / 40) ** 2 < 1
        picture = noise.integers(0, 60, (256, 320, 3)) + 120 * polyp[..., None]
        Image.fromarray(picture.astype(np.uint8)).save(folder / "polyps" / f"{name}.png")
        Image.fromarray(polyp.astype(np.uint8) * 255).save(folder / "drawn" / f"{name}.png")
        rows_, columns = np.nonzero(polyp)
        x0, y0, x1, y1 = (int(v) for v in (columns.min(), rows_.min(), columns.max(), rows_.max()))
        rows.append(f"{name},polyp,{x0},{y0},{x1},{y1}")
        points.append(f"{name},polyp,{(x0 + x1) // 2},{(y0 + y1) // 2},1")
        coco["images"].append({"id": number, "file_name": f"{name}.png"})
        box = [x0, y0, x1 - x0, y1 - y0]
        coco["annotations"].append({"image_id": number, "category_id": 1, "bbox": box})
    (folder / "groups.csv").write_text("case,patient,size\nfirst,0,large\nsecond,1,large\n")
    (folder / "boxes.csv").write_text("\n".join(rows) + "\n")
    (folder / "points.csv").write_text("\n".join(points) + "\n")
    (folder / "coco.json").write_text(json.dumps(coco))
    torch.save(seeded_state(SAM), folder / "weights.pt")
    line = {"weight": torch.tensor([0.1]), "bias": torch.tensor([-10.0])}
    save_file(line, folder / "line.safetensors")
    return folder


def eyes(real: Path, desk: Path) -> None:
    """Two eyes and their vessels as drawn; the weights of lwnet in the cache, as a download leaves
    them."""
    if (desk / "eyes").is_dir():
        return
    for name in ("eyes", "vessels-drawn", "cache/manual"):
        (desk / name).mkdir(parents=True)
    for number in ("01", "02"):
        shutil.copy(real / f"drive/test/images/{number}_test.tif", desk / "eyes")
        drawn = real / f"drive/test/1st_manual/{number}_manual1.gif"
        shutil.copy(drawn, desk / f"vessels-drawn/{number}_test.gif")
    shutil.copy(real / "lwnet_wnet_drive/model_checkpoint.pth", desk / "cache/manual")


def run(command: str, desk: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Type a command; its words."""
    monkeypatch.chdir(desk)
    monkeypatch.setenv("SAM4MIS_ROOT", str(ROOT))
    monkeypatch.setenv("SAM4MIS_CACHE", str(desk / "cache"))
    monkeypatch.setenv(VARIABLE, "")
    plugins.cache_clear()
    words = shlex.split(command)
    assert words[:2] == ["sam4mis", "reproduce"]
    done = CliRunner().invoke(app, words[2:], catch_exceptions=False)
    plugins.cache_clear()
    assert done.exit_code == 0, done.output
    return words


def predicted(words: list[str], desk: Path) -> None:
    """Both cases are done, with their masks."""
    out = desk / words[words.index("--out") + 1]
    document = json.loads((out / "predict.json").read_text("utf-8"))
    assert [case["status"] for case in document["cases"]] == ["done", "done"]
    assert all((out / case["masks"]).is_file() for case in document["cases"])


@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=lambda n: COMMANDS[n][8:60])
def test_a_command_of_the_page_runs_as_it_stands(
    number: int, desk: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if any(name in COMMANDS[number] for name in ("eyes/", "vessels")):
        eyes(request.getfixturevalue("real"), desk)
    words = run(COMMANDS[number], desk, monkeypatch)
    if words[2] == "predict" and "--dry-run" not in words:
        predicted(words, desk)
    if words[2] == "run":
        out = desk / words[words.index("--out") + 1]
        document = json.loads((out / "report.json").read_text("utf-8"))
        for model in document["models"].values():
            assert not model["failed"]
        if "lwnet" in document["models"]:  # trained on the other half of DRIVE
            dice = document["models"]["lwnet"]["measurements"][0]
            assert (dice["metric"], dice["value"] > 0.8) == ("dice", True)


@pytest.mark.slow
def test_a_command_of_the_page_runs_with_vit_b(
    desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = next(one for one in COMMANDS if "boxes.csv" in one)
    torch.save(seeded(layout("sam_vit_b")), tmp_path / "weights.pt")
    command = command.replace(" weights.pt", f" {tmp_path / 'weights.pt'}")
    predicted(run(command.replace("--out found/", f"--out {tmp_path}/"), desk, monkeypatch), desk)
