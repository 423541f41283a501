"""WZH0120/SAM2-UNet: `test.py` with `dataset.py: TestDataset`, up to the logits at image size."""

import shutil

import numpy as np
import torch
from authors import OUT, POLYP, REAL, Answers, weights
from PIL import Image

torch.nn.Module.to = lambda self, *_, **__: self  # the builder moves the network to CUDA
from dataset import TestDataset  # noqa: E402
from SAM2UNet import SAM2UNet  # noqa: E402

answers = Answers("sam2_unet")
network = SAM2UNet()
network.load_state_dict(weights("sam2_unet"), strict=True)
network.eval()
CT_SLICE = REAL / "sam_med2d_demo" / "images" / "amos_0507_31.png"
for path in (POLYP, CT_SLICE):
    image = np.asarray(Image.open(path).convert("RGB"))
    folder, truth = OUT / path.stem, OUT / f"{path.stem}-truth"
    folder.mkdir()
    truth.mkdir()
    shutil.copy(path, folder)
    Image.fromarray(image[:, :, 0] * 0).save(truth / "nothing.png")
    loader = TestDataset(f"{folder}/", f"{truth}/", 352)
    pixels, shown, _ = loader.load_data()
    with torch.no_grad():
        logits, _, _ = network(pixels)
    logits = torch.nn.functional.interpolate(
        logits, size=shown.shape, mode="bilinear", align_corners=False
    )
    answers.add(
        "none",
        path.name,
        image,
        logits[0, 0],
        input=pixels[0],
        options={"map": "logits"},
        # Random weights make them all positive.
        threshold=float(logits.median()),
        file=str(path.relative_to(REAL)),
        read="rgb",
    )
answers.write()
