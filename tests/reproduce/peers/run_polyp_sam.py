"""ricklisz/Polyp-SAM: `scripts/evaluate_all.ipynb`, data set and evaluation cell, on the CPU."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import torch
from authors import OUT, REAL, Answers, saved
from monai.metrics import DiceMetric
from PIL import Image
from segment_anything import sam_model_registry
from segment_anything.utils.transforms import ResizeLongestSide
from torch.utils.data import Dataset
from torchvision import transforms

answers = Answers("sam_vit_b")
notebook = json.loads(Path("scripts/evaluate_all.ipynb").read_text("utf-8"))
cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
space = {
    "cv2": cv2,
    "np": np,
    "os": os,
    "torch": torch,
    "Dataset": Dataset,
    "transforms": transforms,
    "ResizeLongestSide": ResizeLongestSide,
    "Image": Image,
}
for beginning in ("def extract_bboxes", "class ColonDataset"):
    exec(next(cell for cell in cells if beginning in cell), space)
network = sam_model_registry["vit_b"]()
for part in ("image_encoder", "prompt_encoder", "mask_decoder"):
    state = torch.load(saved("sam_vit_b", f"{part}."), weights_only=True)
    getattr(network, part).load_state_dict(state, strict=True)
network.eval()

os.chdir(OUT)
polyps = sorted((REAL / "endotect" / "images").iterdir())[:2]
images, masks = [], []
for number, path in enumerate(polyps):
    (mask,) = (REAL / "endotect" / "masks").glob(f"{path.stem}.*")
    # The notebook was run on Windows: it takes the file's name after a backslash.
    images.append(f"images\\{number}.png")
    masks.append(f"mask{number}.png")
    cv2.imwrite(images[-1], cv2.imread(str(path)))
    cv2.imwrite(masks[-1], cv2.imread(str(mask)))
data = space["ColonDataset"](images, masks, 1024)
for number, path in enumerate(polyps):
    pixels, box, truth, _, original, resized = data[number]
    height, width = original
    scaled = np.array(
        [
            box[:, 1] * 1024 / width,
            box[:, 0] * 1024 / height,
            box[:, 3] * 1024 / width,
            box[:, 2] * 1024 / height,
        ]
    ).transpose()
    with torch.no_grad():
        sparse, dense = network.prompt_encoder(
            points=None, boxes=torch.as_tensor(scaled, dtype=torch.float), masks=None
        )
        low_res, _ = network.mask_decoder(
            image_embeddings=network.image_encoder(pixels[None]),
            image_pe=network.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        logits = network.postprocess_masks(low_res, resized, original)
    measure = DiceMetric()
    measure((torch.sigmoid(logits) > 0.5).float()[0, :], truth.unsqueeze(0))
    answers.add(
        "box",
        path.name,
        np.asarray(Image.open(path).convert("RGB")),
        logits[0, 0],
        input=pixels,
        prompt={"box": [int(v) for v in box[0][[1, 0, 3, 2]]]},
        truth=truth.numpy() > 0,
        dice=float(np.ravel(measure.aggregate().numpy())[0]),
        measure="rows",
    )
answers.write()
