"""The authors' side of the suite `endtoend`, each in a process of its own.

`python -m benchmarks.theirs SCENARIO FOLDER [CHECK-OUT]`: reads what `benchmarks.endtoend` laid
into FOLDER, runs the authors' own loop, writes its masks into FOLDER/theirs and its mean Dice into
FOLDER/theirs.json. Their code is used as it lies in the check-out; where it wants a card, the
identity stands for `cuda`.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CLICKS = 5


def polyps_by_box(work: Path, code: Path) -> float:
    """The loop of papers on SAM: `SamPredictor`, one box an image, NumPy's Dice."""
    import numpy as np
    import torch
    from PIL import Image
    from segment_anything import SamPredictor, sam_model_registry

    predictor = SamPredictor(sam_model_registry["vit_b"](checkpoint=str(work / "sam_vit_b.pth")))
    scores = []
    for file in sorted((work / "images").iterdir()):
        truth = np.asarray(Image.open(work / "masks" / file.name)) > 127
        rows, columns = np.nonzero(truth)
        box = np.array([columns.min(), rows.min(), columns.max(), rows.max()])
        predictor.set_image(np.asarray(Image.open(file).convert("RGB")))
        with torch.no_grad():
            masks, _, _ = predictor.predict(box=box, multimask_output=False)
        Image.fromarray(masks[0].astype(np.uint8) * 255).save(work / "theirs" / file.name)
        both = np.logical_and(masks[0], truth).sum()
        scores.append(2 * both / (masks[0].sum() + truth.sum()))
    return float(np.mean(scores))


def samed_volume(work: Path, code: Path) -> float:
    """SAMed's `test.py`, with `--is_savenii`."""
    import torch

    torch.Tensor.cuda = lambda self, *_, **__: self
    torch.nn.Module.cuda = lambda self, *_, **__: self
    sys.path.insert(0, str(code))
    os.chdir(code)
    arguments = {
        "volume_path": work,
        "list_dir": work,
        "output_dir": work / "theirs",
        "ckpt": work / "sam_vit_b.pth",
        "lora_ckpt": work / "samed_lora.pth",
    }
    sys.argv = ["test.py", *(f"--{k}={v}" for k, v in arguments.items()), "--is_savenii"]
    runpy.run_path("test.py", run_name="__main__")
    told = (work / "theirs" / "test_log" / "log.txt").read_text("utf-8")
    return float(told.rpartition("mean_dice : ")[2].split()[0])


def sam_med3d_volume(work: Path, code: Path) -> float:
    """`validate_paired_img_gt` and `compute_metrics`, as in medim_val_single.py."""
    import medim

    sys.path.insert(0, str(code))
    from utils.infer_utils import validate_paired_img_gt
    from utils.metric_utils import compute_metrics

    model = medim.create_model(
        "SAM-Med3D", pretrained=True, checkpoint_path=str(work / "sam_med3d.pth")
    )
    image, truth, out = (str(work / f / "a.nii.gz") for f in ("images", "masks", "theirs"))
    validate_paired_img_gt(model, image, truth, out, num_clicks=CLICKS)
    found = compute_metrics(gt_path=truth, pred_path=out, metrics=["dice"], classes=None)
    return _mean(found)


def _mean(found: Any) -> float:
    """The one number in what `compute_metrics` hands back."""
    while not isinstance(found, int | float):
        found = next(iter(found.values() if isinstance(found, dict) else found))
    return float(found)


def sam2_video(work: Path, code: Path) -> float:
    """SAM 2's video predictor on a folder of frames: a box on one, then both ways."""
    import numpy as np
    import torch
    from PIL import Image

    sys.path.insert(0, str(code))
    from sam2.build_sam import build_sam2_video_predictor

    predictor = build_sam2_video_predictor(
        "configs/sam2.1/sam2.1_hiera_t.yaml", str(work / "sam2_1_tiny.pth"), device="cpu"
    )
    truth = np.load(work / "truth.npy")
    middle = len(truth) // 2
    rows, columns = np.nonzero(truth[middle])
    box = np.array([columns.min(), rows.min(), columns.max(), rows.max()], np.float32)
    masks = np.zeros(truth.shape, bool)
    with torch.inference_mode():
        state = predictor.init_state(video_path=str(work / "frames"))
        for reverse in (False, True):
            predictor.reset_state(state)
            predictor.add_new_points_or_box(state, middle, 1, box=box)
            for at, _, logits in predictor.propagate_in_video(state, reverse=reverse):
                masks[at] = (logits[0, 0] > 0).numpy()
    for number, mask in enumerate(masks):
        Image.fromarray(mask.astype(np.uint8) * 255).save(work / "theirs" / f"{number:05}.png")
    return float(2 * (masks & truth).sum() / (masks.sum() + truth.sum()))


def nnunet_folder(work: Path, code: Path) -> float:
    """`nnUNetv2_evaluate_simple` in one process."""
    sys.path.insert(0, str(code))
    from nnunetv2.evaluation.evaluate_predictions import (
        evaluate_simple_entry_point,
    )

    summary = work / "theirs" / "summary.json"
    places = [str(work / "masks"), str(work / "images")]
    sys.argv = ["evaluate", *places, "-l", "1", "2", "3", "-o", str(summary), "-np", "1"]
    evaluate_simple_entry_point()
    return float(json.loads(summary.read_text("utf-8"))["foreground_mean"]["Dice"])


SCENARIOS: dict[str, Callable[[Path, Path], float]] = {
    f.__name__: f
    for f in (polyps_by_box, samed_volume, sam_med3d_volume, sam2_video, nnunet_folder)
}

if __name__ == "__main__":
    name, folder, *code = sys.argv[1:]
    place = Path(folder)
    (place / "theirs").mkdir(exist_ok=True)
    dice = SCENARIOS[name](place, Path(*code))
    (place / "theirs.json").write_text(json.dumps(dice), "utf-8")
