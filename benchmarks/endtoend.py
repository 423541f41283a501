"""Suite `endtoend`: our command against the authors' program, whole processes, same files.

Start-up, reading, counting and writing count, so both sides are commands. A peer is a check-out or
an installed package outside this project: the folder that holds it is named by a variable, and what
has none is listed under `not_measured`.

nnunet_folder  made NIfTI label maps, as nnU-Net writes them: `reproduce score --profile nnunet`
               beside `nnUNetv2_evaluate_simple` (SAM4MIS_PEER_NNUNET: the folder of the package)
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.harness import ROOT, machine, median_ratio, with_kind, write

CASES = 8
SHAPE = (96, 160, 160)
LABELS = (1, 2, 3)
NNUNET = "SAM4MIS_PEER_NNUNET"
# Loops of authors that nobody has put here yet.
NOT_WRITTEN = {
    "polyps_by_box": "the authors' loop for SAM ViT-B on polyps by box is not written",
    "samed_volume": "SAMed's own loop is not written",
    "sam_med3d_volume": "SAM-Med3D's own loop is not written",
    "sam2_video": "SAM 2's own video predictor is not written",
}


def run(say: Callable[[str], None], quick: bool = False, repeats: int = 3) -> dict[str, Any]:
    """Measure, write `results/endtoend-<kind of processor>.json`, return the document."""
    scenarios: dict[str, Any] = {}
    missing = dict(NOT_WRITTEN)
    peer = os.environ.get(NNUNET)
    if peer and Path(peer, "nnunetv2").is_dir():
        scenarios["nnunet_folder"] = nnunet_folder(peer, 1 if quick else repeats, say)
    else:
        missing["nnunet_folder"] = f"{NNUNET} names no folder with nnunetv2"
    document = {
        "title": f"Our command against the authors' program, CPU with {machine()['arithmetic']}",
        "baseline": "ours",
        "settings": {"cases": CASES, "shape": SHAPE, "labels": LABELS, "processes": 1},
        "machine": machine(),
        "scenarios": scenarios,
        "not_measured": missing,
    }
    if not quick and scenarios:
        write(with_kind("endtoend"), document)
    return document


def nnunet_folder(peer: str, repeats: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Scoring a folder of predictions, each side in one process for the work."""
    with tempfile.TemporaryDirectory() as work:
        truth, found, summary = Path(work, "truth"), Path(work, "found"), Path(work, "summary.json")
        made(truth, found)
        labels = [str(label) for label in LABELS]
        theirs = "from nnunetv2.evaluation.evaluate_predictions import evaluate_simple_entry_point"
        theirs = f"if __name__ == '__main__':\n    {theirs}\n    evaluate_simple_entry_point()\n"
        script = Path(work, "evaluate.py")  # it starts processes, which import the main module
        script.write_text(theirs, "utf-8")
        arguments = [str(truth), str(found), "-l", *labels, "-o", str(summary), "-np", "1"]
        commands = {
            "nnUNetv2_evaluate_simple": [sys.executable, "-W", "ignore", str(script), *arguments],
            "ours": [
                str(Path(sys.executable).parent / "sam4mis"),
                *("reproduce", "score", str(found), "--reference", str(truth)),
                *("--profile", "nnunet/1", "--json"),
            ],
        }
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
        outputs = {}
        for number in range(repeats):
            for name, command in commands.items():
                outputs[name], taken = whole(command, peer if name != "ours" else None)
                runs[name].append(taken)
                say(f"nnunet_folder {number + 1}/{repeats} {name}: {taken['wall_s']:.2f} s")
        theirs_mean = json.loads(summary.read_text("utf-8"))["foreground_mean"]["Dice"]
    contenders = {
        name: {
            "wall_s": median(r["wall_s"] for r in each),
            "cpu_s": median(r["cpu_s"] for r in each),
            "wall_all_s": [round(r["wall_s"], 3) for r in each],
            "cpu_all_s": [round(r["cpu_s"], 3) for r in each],
        }
        for name, each in runs.items()
    }
    mine, other = contenders["ours"], contenders["nnUNetv2_evaluate_simple"]
    ratios = {
        kind: {"nnUNetv2_evaluate_simple": round(median_ratio(other[key], mine[key]), 2)}  # type: ignore[arg-type]
        for kind, key in (("ratios", "wall_all_s"), ("cpu_ratios", "cpu_all_s"))
    }
    return {
        "title": f"Scoring {CASES} predictions of nnU-Net, {len(LABELS)} labels",
        "contenders": contenders,
        **ratios,
        "mean_dice_of_nnunet": round(theirs_mean, 6),
    }


def made(truth: Path, found: Path) -> None:
    """Label maps with balls, and the same moved by a voxel or two."""
    import nibabel as nib

    rng = np.random.default_rng(0)
    grid = np.indices(SHAPE, sparse=True)
    for folder in (truth, found):
        folder.mkdir()
    for case in range(CASES):
        maps = [np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)]
        for label in LABELS:
            at, radius = rng.uniform(30, 66, 3), rng.uniform(10, 25)
            for volume, move in zip(maps, (0, rng.uniform(-2, 2, 3)), strict=True):
                squares = sum((g - c) ** 2 for g, c in zip(grid, at + move, strict=True))
                volume[squares < radius**2] = label
        for folder, volume in zip((truth, found), maps, strict=True):
            image = nib.Nifti1Image(volume, np.diag([1.0, 1.0, 2.0, 1.0]))
            nib.save(image, folder / f"case_{case:03}.nii.gz")


def whole(command: list[str], peer: str | None) -> tuple[str, dict[str, float]]:
    """What a command prints, and what it took with all processes that it started."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    paths = [str(ROOT), *([peer] if peer else [])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env=environment, cwd=ROOT
    )
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, {"wall_s": wall, "cpu_s": cpu}
