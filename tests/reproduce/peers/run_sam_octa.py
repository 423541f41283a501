"""ShellRedia/SAM-OCTA: `LoRA_Sam.forward` with ResizeLongestSide, as `test_sam_octa.py`."""

import numpy as np
import torch
from authors import REAL, Answers, weights
from PIL import Image
from sam_lora_image_encoder import LoRA_Sam
from segment_anything import sam_model_registry
from segment_anything.utils.transforms import ResizeLongestSide

answers = Answers("sam_octa", strip="module.")
wrapped = torch.nn.DataParallel(LoRA_Sam(sam_model_registry["vit_b"](), 4))
wrapped.load_state_dict(weights("sam_octa"), strict=True)
network = wrapped.module.eval()
path = sorted((REAL / "rossa" / "image").iterdir())[0]
image = np.asarray(Image.open(path).convert("RGB"))
points, labels = [[60, 70], [200, 150], [-100, -100]], [1, 1, 0]
for side in (1024, 224):
    resize = ResizeLongestSide(side)
    pixels = torch.from_numpy(image.transpose(2, 0, 1).copy())[None].float()
    size = tuple(pixels.shape[-2:])
    with torch.no_grad():
        probability = network(
            resize.apply_image_torch(pixels),
            size,
            resize.apply_coords_torch(torch.tensor([points]), size),
            torch.tensor([labels], dtype=torch.float32),
        )
    answers.add(
        "point",
        f"{path.name} of rossa",
        image,
        probability[0, 0],
        prompt={"points": points, "labels": labels},
        options={"longest_side": side},
        threshold=0.8,
    )
answers.write()
