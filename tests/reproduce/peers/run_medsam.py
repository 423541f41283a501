"""bowang-lab/MedSAM: `MedSAM_Inference.py`, run as it is with `--device cpu`."""

import runpy
import sys

import numpy as np
import torch
from authors import OUT, POLYP, REAL, Answers, saved
from PIL import Image

answers = Answers("sam_vit_b")
grey = OUT / "amos_0507_31.png"
Image.open(REAL / "sam_med2d_demo" / "images" / grey.name).convert("L").save(grey)
interpolate = torch.nn.functional.interpolate
for path, box, name in (
    (grey, [100, 120, 300, 330], "amos_0507_31.png of sam_med2d_demo as grey"),
    (POLYP, [30, 60, 400, 310], f"{POLYP.name} of endotect"),
):
    seen = []

    def watched(*arguments, seen=seen, **named):
        seen.append(interpolate(*arguments, **named))
        return seen[-1]

    torch.nn.functional.interpolate = watched
    sys.argv = ["MedSAM_Inference.py", "-i", str(path), "-o", str(OUT), "--device", "cpu"]
    sys.argv += ["-chk", saved("sam_vit_b"), "--box", str(box)]
    found = runpy.run_path("MedSAM_Inference.py")
    torch.nn.functional.interpolate = interpolate
    probability = seen[-1][0, 0]
    assert (found["medsam_seg"] == (probability.numpy(force=True) > 0.5)).all()
    image = np.asarray(Image.open(path).convert("RGB"))
    answers.add(
        "box",
        name,
        image,
        probability,
        input=found["img_1024_tensor"][0],
        prompt={"box": box},
        threshold=0.5,
    )
answers.write()
