"""SuperMedIntel/Medical-SAM-Adapter: the steps of `function.py: validation_sam`, on the CPU."""

import argparse
import sys
from types import SimpleNamespace

import numpy as np
import torch
from authors import REAL, Answers, definitions, saved, weights
from models.sam import sam_model_registry
from PIL import Image
from torch.nn import functional
from torchvision import transforms

sys.argv = ["x"]
defaults = vars(definitions("cfg.py", "parse_args", argparse=argparse)["parse_args"]())
theirs = definitions(
    "utils.py",
    *("random_click", "iou", "DiceCoeff", "dice_coeff", "eval_seg"),
    F=functional,
    Function=torch.autograd.Function,
)
polyps = sorted((REAL / "endotect" / "images").iterdir())
small = transforms.Compose([transforms.Resize((256, 256)), transforms.ToTensor()])
everything = Answers()
for side, paths in ((256, polyps[2:4]), (1024, polyps[2:3])):
    name = f"medical_sam_adapter_{side}"
    arguments = SimpleNamespace(**defaults | {"image_size": side, "mod": "sam_adpt"})
    network = sam_model_registry["vit_b"](args=arguments, checkpoint=saved("sam_vit_b"))
    network.load_state_dict(weights(name), strict=True)
    network.eval()
    large = transforms.Compose(
        [
            transforms.Resize((side, side)),
            transforms.ToTensor(),
            transforms.Lambda(lambda x: x * 255),
        ]
    )
    for path in paths:
        image = Image.open(path).convert("RGB")
        (mask_file,) = (REAL / "endotect" / "masks").glob(f"{path.stem}.*")
        mask = Image.open(mask_file).convert("L").point(lambda v: 255 if v > 127 else 0)
        np.random.seed(3)
        _, point = theirs["random_click"](np.array(mask.resize((side, side))) / 255, 1)
        truth = small(mask).int()[None]
        with torch.no_grad():
            pixels = network.preprocess(large(image)[None])
            sparse, dense = network.prompt_encoder(
                points=(
                    torch.as_tensor(point[None, None], dtype=torch.float),
                    torch.as_tensor([[1]], dtype=torch.int),
                ),
                boxes=None,
                masks=None,
            )
            logits, _ = network.mask_decoder(
                image_embeddings=network.image_encoder(pixels),
                image_pe=network.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=False,
            )
            logits = functional.interpolate(
                logits, size=(256, 256), mode="bilinear", align_corners=False
            )
        _, dice = theirs["eval_seg"](logits, truth.float(), (0.1, 0.3, 0.5, 0.7, 0.9))
        everything.add(
            "point" if side == 256 else "point_1024",
            f"{path.name} at {side}",
            np.asarray(image),
            logits[0, 0],
            weights=[name],
            input=pixels[0],
            prompt={"points": [point.tolist()], "labels": [1], "on": "input"},
            grid="model_input",
            mask=np.array(mask) > 0,
            reference=truth[0, 0] == 1,
            dice=float(dice),
            measure="five thresholds",
        )
everything.write()
