"""bowang-lab/MedSAM, branch LiteMedSAM: `CVPR24_LiteMedSAM_infer.py: MedSAM_infer_npz_2D`."""

import sys
from pathlib import Path

import numpy as np
import torch
from authors import CT, OUT, POLYP, REAL, Answers, saved
from PIL import Image

answers = Answers("lite_medsam")
(OUT / "in").mkdir()
sys.argv = ["x", "-lite_medsam_checkpoint_path", saved("lite_medsam"), "-i", str(OUT / "in")]
sys.argv += ["-o", str(OUT / "out"), "-png_save_dir", str(OUT / "png")]
source = Path("CVPR24_LiteMedSAM_infer.py").read_text("utf-8").split("if __name__ ==")[0]
space = {"__name__": "release"}
exec(compile(source, "CVPR24_LiteMedSAM_infer.py", "exec"), space)
network = space["medsam_lite_model"].eval()
seen = []
postprocess = network.postprocess_masks


def watched(*arguments):
    seen.append(postprocess(*arguments))
    return seen[-1]


network.postprocess_masks = watched
DEMO = REAL / "sam_med2d_demo" / "images" / "amos_0507_31.png"
DRIVE = REAL / "drive" / "test" / "images" / "01_test.tif"
for path, boxes in (
    (POLYP, [[31, 63, 402, 310], [100, 90, 205, 181]]),
    (DEMO, [[100, 121, 233, 270]]),
    (CT, [[190, 200, 333, 402]]),
    (DRIVE, [[71, 80, 201, 302]]),
):
    if path == CT:
        image = np.repeat(np.load(CT)["imgs"][7][:, :, None], 3, -1)
    else:
        image = np.asarray(Image.open(path).convert("RGB"))
    np.savez(OUT / "in" / "2D.npz", imgs=image, boxes=np.array(boxes))
    seen.clear()
    with torch.no_grad():
        space["MedSAM_infer_npz_2D"](str(OUT / "in" / "2D.npz"))
    for box, logits in zip(boxes, seen, strict=True):
        answers.add("box", path.name, image, logits[0, 0], prompt={"box": box})
answers.write()
