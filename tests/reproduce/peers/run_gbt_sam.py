"""vpulab/gbt-sam: the steps of `function.py: validation_sam` on four slices with their network.

The file itself needs CUDA and packages for training; the transforms are MONAI's, as in `val.py`.
"""

from types import SimpleNamespace

import numpy as np
import torch
import torchvision
from authors import SMALL_SAM, Answers, saved
from made import stack_of
from models.sam.build_sam import _build_sam, sam_model_registry
from models.sam.utils.transforms import ResizeLongestSide
from monai.transforms import Compose, CropForegroundd, Orientationd
from torch.nn.functional import interpolate, pad

answers = Answers()
ready = Compose(
    [
        CropForegroundd(keys=["image", "label"], source_key="image"),
        Orientationd(keys=["image", "label"], axcodes="RAS"),
    ]
)


def network(layout, side, sizes):
    """Theirs with seeded weights; `sizes`: an encoder other than ViT-B's."""
    args = SimpleNamespace(
        image_size=side, mod="sam_lora_depth", thd=True, four_chan=True, mid_dim=12
    )
    builder = _build_sam if sizes else sam_model_registry["vit_b"]
    return builder(args, checkpoint=saved(layout), **sizes).eval()


def asked(net, side, volume, boxes):
    """(S, H, W) logits of a volume (S, H, W, 4); boxes: plane -> (x0, y0, x1, y1) on it."""
    planes, height, width, _ = volume.shape
    where = np.zeros((1, height, width, planes), np.float32)
    image = volume.transpose(3, 1, 2, 0)
    cut = ready({"image": image, "label": where})
    first = np.argwhere((image > 0).any(axis=0)).min(axis=0)  # row, column, plane
    pixels = cut["image"].as_tensor()[None].float()
    high, wide, deep = pixels.shape[2:]
    full = np.full((planes, height, width), -100.0, np.float32)
    for start in range(0, deep, 4):
        chunk = pixels[..., start : start + 4]
        size = chunk.shape[-1]
        chunk = pad(chunk, (0, 4 - size), "constant", 0)
        slices = chunk[0].permute(3, 0, 1, 2)
        slices = torchvision.transforms.Resize((side, side), antialias=None)(slices)
        corners = torch.zeros(4, 4)
        for number in range(size):
            x0, y0, x1, y1 = boxes[start + number + first[2]]
            corners[number] = torch.tensor(
                [x0 - first[1], y0 - first[0], x1 - first[1], y1 - first[0]]
            )
        corners *= torch.tensor([side / wide, side / high] * 2)
        corners = ResizeLongestSide(side).apply_boxes_torch(corners, (side, side))
        with torch.no_grad():
            embedding = net.image_encoder(slices)
            sparse, dense = net.prompt_encoder(points=None, boxes=corners, masks=None)
            logits, _ = net.mask_decoder(
                image_embeddings=embedding,
                image_pe=net.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=False,
            )
            logits = interpolate(logits, size=(high, wide))
        rows, columns = slice(first[0], first[0] + high), slice(first[1], first[1] + wide)
        full[start + first[2] : start + first[2] + size, rows, columns] = logits[:size, 0]
    return full


REAL_STACK = {"of": "brats", "cut": [[60, 66], [0, 160], [0, 160]], "channels": 4}
MADE = {"of": "waves", "cut": [[0, 5], [0, 96], [0, 96]], "channels": 4}
for part, layout, side, sizes, stack, box in (
    # Four slices of 1024 px would take their attention ten gigabytes.
    ("box", "gbt_sam", 512, {}, REAL_STACK, [40, 50, 100, 110]),
    ("small network", "gbt_sam_scaled", 128, SMALL_SAM, MADE, [20, 25, 70, 61]),
):
    volume = stack_of(stack)
    boxes = {n: [v + n for v in box] for n in range(len(volume))}
    scores = asked(network(layout, side, sizes), side, volume, boxes)
    x = [[[n, b[1], b[0]], [n, b[3], b[2]]] for n, b in boxes.items()]
    answers.add_stack(
        part,
        "planes 60 to 65 of BraTS2021_01646.nii.gz, four made channels"
        if part == "box"
        else "waves",
        stack,
        np.stack([np.where(np.arange(len(volume))[:, None, None] == n, scores, 0) for n in boxes]),
        weights=[layout],
        options={"image_size": side},
        prompts=[{"plane": n, "box": corners} for n, corners in zip(boxes, x, strict=True)],
        take="scores",
    )
answers.write()
