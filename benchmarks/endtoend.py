"""Suite `endtoend`: our command against the authors' own loop, whole processes, same files.

Start-up, reading, prompts, counting and writing count, so both sides are commands, one after the
other (A B A B). Weights are seeded in the layout of the release (`tests/reproduce/layouts`), so
that nothing is downloaded; what they predict is nonsense, alike on both sides (`dice`). The code of
authors lies outside this project: SAM4MIS_PEERS names the folder of its check-outs at the commits
of `reproduce/adapters/agreement/` (`tests/reproduce/peers/README.md`), with the packages that they
import in `libraries`; SAM4MIS_PEER_NNUNET the folder of `nnunetv2`. What has none is listed under
`not_measured`.

polyps_by_box     EndoTect, a box an image, SAM ViT-B: the loop of papers with `SamPredictor`
samed_volume      a made CT of three slices: SAMed's test.py
sam_med3d_volume  a made volume, five clicks: medim_val_single.py
sam2_video        six made frames, a box on the middle one, SAM 2.1 tiny: SAM2VideoPredictor
nnunet_folder     made label maps: `nnUNetv2_evaluate_simple` beside `reproduce score`
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.harness import RESULTS, ROOT, machine, median_ratio, with_kind, write
from benchmarks.material import REAL, seeded_layouts
from benchmarks.theirs import CLICKS

CASES, SHAPE, LABELS = 8, (96, 160, 160), (1, 2, 3)  # of the folder of nnU-Net
IMAGES, SLICES, FRAMES = 1, 3, 6
PEERS, NNUNET = "SAM4MIS_PEERS", "SAM4MIS_PEER_NNUNET"
OURS, THEIRS = "ours", "authors' loop"
ORGANS = ("spleen", "right kidney", "left kidney", "gallbladder", "liver", "stomach", "aorta")


@dataclass(frozen=True)
class Scenario:
    """
    title    what is done
    record   whose check-out the authors' loop needs: a name in `agreement/`; "": a package of ours
    weights  file -> layouts of the seeded state dict in it
    lay      writes the inputs into a folder
    command  the words of our command after `sam4mis`, given that folder
    """

    title: str
    record: str
    weights: Mapping[str, str]
    lay: Callable[[Path], None]
    command: Callable[[Path], list[str]]


def run(say: Callable[[str], None], quick: bool = False, repeats: int = 3) -> dict[str, Any]:
    """Measure, write `results/endtoend-<kind of processor>.json`, return the document. Scenarios
    that cannot be measured now keep what the file says of them (SAM4MIS_ONLY names those asked)."""
    path = RESULTS / f"{with_kind('endtoend')}.json"
    before = json.loads(path.read_text("utf-8"))["scenarios"] if path.is_file() else {}
    only = os.environ.get("SAM4MIS_ONLY", "").split() or list(SCENARIOS)
    scenarios: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for name, scenario in SCENARIOS.items():
        code, why = place_of(name, scenario)
        if why:
            missing[name] = why
        elif name in only:
            scenarios[name] = measured(name, scenario, code, 1 if quick else repeats, say)
        if name not in scenarios and name in before:
            scenarios[name] = before[name]
            missing.pop(name, None)
    document = {
        "title": f"Our command against the authors' loop, CPU with {machine()['arithmetic']}",
        "baseline": OURS,
        "settings": {"images": IMAGES, "slices": SLICES, "frames": FRAMES, "clicks": CLICKS},
        "machine": machine(),
        "scenarios": scenarios,
        "not_measured": missing,
    }
    if not quick and scenarios:
        write(with_kind("endtoend"), document)
    return document


def place_of(name: str, scenario: Scenario) -> tuple[Path, str]:
    """Where the authors' code lies, and why it cannot be run ("": it can)."""
    if name == "polyps_by_box":
        return Path(), "" if REAL.is_dir() else f"the real images are not in {REAL}"
    if name == "nnunet_folder":
        place = Path(os.environ.get(NNUNET, ""))
        there = NNUNET in os.environ and (place / "nnunetv2").is_dir()
        return place, "" if there else f"{NNUNET} names no folder with nnunetv2"
    if PEERS not in os.environ:
        return Path(), f"{PEERS} is not set: tests/reproduce/peers/README.md"
    record = ROOT / "reproduce" / "adapters" / "agreement" / f"{scenario.record}.json"
    said = json.loads(record.read_text("utf-8"))
    folder = f"{said['repository'].replace('/', '+')}@{said['commit'][:8]}"
    place = Path(os.environ[PEERS], folder)
    return place, "" if place.is_dir() else f"{folder} is not in {PEERS}"


def measured(
    name: str, scenario: Scenario, code: Path, repeats: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """A scenario's medians, ratios (authors' over ours), memory (ours over theirs) and Dice."""
    runs: dict[str, list[dict[str, float]]] = {THEIRS: [], OURS: []}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        scenario.lay(work)
        for file, layouts in scenario.weights.items():
            seeded_weights(work / file, layouts)
        libraries = os.environ.get(PEERS) and str(Path(os.environ[PEERS], "libraries"))
        module = ["-W", "ignore", "-m", "benchmarks.theirs", name, str(work), str(code)]
        commands: dict[str, tuple[list[str], list[str]]] = {
            THEIRS: ([sys.executable, *module], [libraries] if libraries else []),
            OURS: ([str(Path(sys.executable).with_name("sam4mis")), *scenario.command(work)], []),
        }
        for number in range(repeats):
            for who, (command, paths) in commands.items():
                shutil.rmtree(work / who, ignore_errors=True)
                taken = whole(command, [str(ROOT), *paths], work / f"{who}.txt")
                runs[who].append(taken)
                say(f"{name} {number + 1}/{repeats} {who}: {taken['wall_s']:.1f} s")
        dice = {
            THEIRS: json.loads((work / "theirs.json").read_text("utf-8")),
            OURS: own_dice(work),
        }
    contenders = {
        who: {
            "wall_s": median(r["wall_s"] for r in each),
            "cpu_s": median(r["cpu_s"] for r in each),
            "wall_all_s": [round(r["wall_s"], 3) for r in each],
            "cpu_all_s": [round(r["cpu_s"], 3) for r in each],
            "peak_mib": round(max(r["peak_mib"] for r in each)),
        }
        for who, each in runs.items()
    }
    mine, other = contenders[OURS], contenders[THEIRS]
    ratios = {
        kind: {THEIRS: round(median_ratio(other[key], mine[key]), 2)}
        for kind, key in (("ratios", "wall_all_s"), ("cpu_ratios", "cpu_all_s"))
    }
    return {
        "title": scenario.title,
        "contenders": contenders,
        **ratios,
        "memory": {OURS: round(mine["peak_mib"] / other["peak_mib"], 2)},
        "dice": dice,
    }


def whole(command: list[str], paths: list[str], told: Path) -> dict[str, float]:
    """What a command took with all processes that it started; what it prints goes into `told`."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    begun = time.perf_counter()
    with told.open("wb") as stream, told.with_suffix(".err").open("wb") as errors:
        process = subprocess.Popen(command, stdout=stream, stderr=errors, env=environment, cwd=ROOT)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        last = told.with_suffix(".err").read_text("utf-8", "replace")[-2000:]
        raise RuntimeError(f"{command[:6]} ended with {process.returncode}: {last}")
    return {
        "wall_s": time.perf_counter() - begun,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mib": used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10),
    }


def own_dice(work: Path) -> float:
    """The mean Dice of our command: of the last round, where there are several."""
    record = work / OURS / "report.json"
    if not record.is_file():  # `score --json`
        found = json.loads((work / f"{OURS}.txt").read_text("utf-8"))["measurements"]
    else:
        (model,) = json.loads(record.read_text("utf-8"))["models"].values()
        found = model["measurements"]
    dice: float = [m["value"] for m in found if m["metric"] == "dice"][-1]
    return dice


def seeded_weights(path: Path, layouts: str) -> None:
    """A state dict of seeded tensors, saved as the release saves its own."""
    import torch

    state = seeded_layouts(layouts)
    key = {"sam_med3d": "model_state_dict", "sam2_1_tiny": "model"}.get(layouts)
    torch.save({key: state} if key else state, path)


# ---------------------------------------------------------------------------------------- inputs


def polyps(work: Path) -> None:
    """Some images of EndoTect with their masks."""
    from PIL import Image

    from benchmarks.material import polyps as read

    for folder in ("images", "masks"):
        (work / folder).mkdir()
    for number, (image, mask) in enumerate(read(IMAGES)):
        Image.fromarray(image).save(work / "images" / f"{number}.png")
        Image.fromarray(mask.astype(np.uint8) * 255).save(work / "masks" / f"{number}.png")


def ball(shape: tuple[int, ...], at: Any, radius: float) -> Any:
    """A bool mask of `shape`."""
    grid = np.indices(shape, sparse=True)
    return sum((g - c) ** 2 for g, c in zip(grid, at, strict=True)) < radius**2


def volume(work: Path, image: Any, labels: Any, spacing: tuple[float, ...]) -> None:
    """An image (D, H, W) and its label map as NIfTI files."""
    import nibabel as nib

    affine = np.diag([*spacing[::-1], 1.0])
    for folder, values in (("images", image), ("masks", labels)):
        (work / folder).mkdir()
        nib.save(nib.Nifti1Image(values.transpose(2, 1, 0), affine), work / folder / "a.nii.gz")


def textured(shape: tuple[int, ...], mask: Any) -> Any:
    """Waves and noise, 0 to 255, brighter inside the mask."""
    rng = np.random.default_rng(0)
    z, y, x = np.indices(shape, sparse=True)
    waves = 90 + 40 * np.sin(x / 9) * np.cos(y / 11) + 2 * z
    return np.clip(waves + 50 * mask + rng.normal(0, 8, shape), 0, 255).astype(np.uint8)


def synapse(work: Path) -> None:
    """A CT as SAMed's preprocessing leaves it, as h5 for its loop and as NIfTI for ours."""
    import h5py

    shape = (SLICES, 512, 512)
    labels = np.zeros(shape, np.uint8)
    for organ in range(1, len(ORGANS) + 2):
        labels[ball(shape, (SLICES / 2, 60 * organ, 50 * organ), 24)] = organ
    image = textured(shape, labels > 0)
    volume(work, image, labels, (3.0, 0.8, 0.8))
    with h5py.File(work / "case0001.npy.h5", "w") as file:
        file["image"], file["label"] = image.astype(np.float32) / 255, labels.astype(np.float32)
    (work / "test_vol.txt").write_text("case0001\n", "utf-8")
    names = {str(n): name for n, name in enumerate((*ORGANS, "pancreas"), 1)}
    (work / "masks" / "labels.json").write_text(json.dumps(names), "utf-8")


def cube(work: Path) -> None:
    """A volume of 1.5 mm with one object."""
    shape = (104, 160, 160)
    mask = ball(shape, (50, 80, 90), 25)
    volume(work, textured(shape, mask).astype(np.int16), mask.astype(np.uint8), (1.5, 1.5, 1.5))


def frames(work: Path) -> None:
    """Frames with a moving disc, as JPEG for the authors' loop and as a stack for ours."""
    from PIL import Image

    shape = (FRAMES, 480, 640)
    truth = np.stack([ball(shape[1:], (200 + 6 * n, 300 + 8 * n), 60) for n in range(FRAMES)])
    stack = textured(shape, truth)
    (work / "frames").mkdir()
    for number, frame in enumerate(stack):
        path = work / "frames" / f"{number:05}.jpg"
        Image.fromarray(frame).convert("RGB").save(path, quality=100, subsampling=0)
        stack[number] = np.asarray(Image.open(path).convert("L"))
    volume(work, stack, truth.astype(np.uint8), (1.0, 1.0, 1.0))
    np.save(work / "truth.npy", truth)


def label_maps(work: Path) -> None:
    """Label maps with balls, and the same moved by a voxel or two."""
    import nibabel as nib

    rng = np.random.default_rng(0)
    for folder in ("masks", "images"):
        (work / folder).mkdir()
    for case in range(CASES):
        maps = [np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)]
        for label in LABELS:
            at, radius = rng.uniform(30, 66, 3), rng.uniform(10, 25)
            for values, move in zip(maps, (0, rng.uniform(-2, 2, 3)), strict=True):
                values[ball(SHAPE, at + move, radius)] = label
        for folder, values in zip(("masks", "images"), maps, strict=True):
            image = nib.Nifti1Image(values, np.diag([1.0, 1.0, 2.0, 1.0]))
            nib.save(image, work / folder / f"case_{case:03}.nii.gz")


def asking(project: str, profile: str, *more: str) -> Callable[[Path], list[str]]:
    """`reproduce run PROJECT` on the folder's images and masks, with the weights that lie there;
    the Dice alone, as the authors' loops print."""

    def command(work: Path) -> list[str]:
        found = ["reproduce", "run", project, "--data", str(work / "images")]
        found += ["--reference", str(work / "masks"), "--profile", profile, "--device", "cpu"]
        for file in SCENARIOS_WEIGHTS[project]:
            found += ["--checkpoint", str(work / file)]
        return [*found, *more, "--out", str(work / OURS)]

    return command


def scoring(work: Path) -> list[str]:
    places = [str(work / "images"), "--reference", str(work / "masks")]
    return ["reproduce", "score", *places, "--profile", "nnunet/1", "--json"]


SCENARIOS_WEIGHTS: Mapping[str, Mapping[str, str]] = {
    "sam": {"sam_vit_b.pth": "sam_vit_b"},
    "samed": {"sam_vit_b.pth": "sam_vit_b", "samed_lora.pth": "samed_lora"},
    "sam-med3d": {"sam_med3d.pth": "sam_med3d"},
    "sam2": {"sam2_1_tiny.pth": "sam2_1_tiny"},
}
BOX = ("--prompts", "box-tight/1", "--set", "adapter.multimask=single", "--metric", "dice")
ONE_SEED = ("--set", "seeds=[0]", "--metric", "dice")
SCENARIOS: Mapping[str, Scenario] = {
    "polyps_by_box": Scenario(
        f"SAM ViT-B, polyps ({IMAGES}), a box each",
        "",
        SCENARIOS_WEIGHTS["sam"],
        polyps,
        asking("sam", "house/1", *BOX),
    ),
    "samed_volume": Scenario(
        f"SAMed, a volume of {SLICES} slices, Dice and HD95 of eight organs",
        "samed",
        SCENARIOS_WEIGHTS["samed"],
        synapse,
        asking("samed", "transunet/1", "--set", "dataset.window=[0,255]"),
    ),
    "sam_med3d_volume": Scenario(
        f"SAM-Med3D, a volume, {CLICKS} clicks",
        "sam-med3d",
        SCENARIOS_WEIGHTS["sam-med3d"],
        cube,
        asking("sam-med3d", "house/1", "--prompts", "clicks-3d-5-random/1", *ONE_SEED),
    ),
    "sam2_video": Scenario(
        f"SAM 2.1 tiny, {FRAMES} frames, a box on the middle one, both ways",
        "sam2",
        SCENARIOS_WEIGHTS["sam2"],
        frames,
        asking("sam2", "house/1", "--prompts", "box-middle-plane/1", *ONE_SEED),
    ),
    "nnunet_folder": Scenario(
        f"Scoring {CASES} predictions of nnU-Net, {len(LABELS)} labels", "", {}, label_maps, scoring
    ),
}
