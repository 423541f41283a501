"""cchen-cc/MA-SAM: `MA-SAM/test.py: test_single_volume` with `Fact_tt_Sam`."""

import os
import sys
from pathlib import Path

import numpy as np
import torch
from authors import Answers, saved, without_cuda
from made import stack_of

without_cuda()
os.chdir("MA-SAM")
sys.path.insert(0, str(Path.cwd()))
import test as release  # noqa: E402 - MA-SAM/test.py
from sam_fact_tt_image_encoder import Fact_tt_Sam  # noqa: E402
from segment_anything.build_sam import _build_sam  # noqa: E402

answers = Answers()
VIT_B = {
    "encoder_embed_dim": 768,
    "encoder_depth": 12,
    "encoder_num_heads": 12,
    "encoder_global_attn_indexes": [2, 5, 8, 11],
}
SMALL = VIT_B | {
    "encoder_embed_dim": 32,
    "encoder_depth": 2,
    "encoder_num_heads": 2,
    "encoder_global_attn_indexes": [1],
}


def windows(stack, stored):
    """Five slices around each as their script stores them, brought to 0-1 as in `inference`.

    The stack has rows towards anterior and columns towards right, as our readers give it.
    """
    flat = np.flip(stack, (1, 2) if stored == "ras" else 1).transpose(1, 2, 0)
    padded = np.concatenate([flat[..., :1]] * 2 + [flat] + [flat[..., -1:]] * 2, axis=-1)
    found = []
    for index in range(len(stack)):
        image = np.clip(padded[..., index : index + 5], release.HU_min, release.HU_max)
        image = (image - release.HU_min) / (release.HU_max - release.HU_min) * 255.0
        image = (np.float32(image) - release.data_mean) / release.data_std
        found.append((image - image.min()) / (image.max() - image.min() + 0.00000001))
    return np.stack(found)


def run(part, name, stack, layouts, sizes, side, classes, rank, stored):
    sam, _ = _build_sam(
        **sizes,
        num_classes=classes,
        image_size=side,
        pixel_mean=[0.0, 0.0, 0.0],
        pixel_std=[1.0, 1.0, 1.0],
        checkpoint=saved(layouts[0]),
    )
    network = Fact_tt_Sam(sam, rank, s=1.0)
    network.load_parameters(saved(layouts[1]))
    seen = []
    forward = network.forward

    def watched(*arguments):
        found = forward(*arguments)
        seen.append(found["masks"])
        return found

    network.forward = watched
    images = windows(stack_of(stack), stored)
    maps = []
    counted = release.calculate_metric_percase
    release.calculate_metric_percase = lambda pred, _: maps.append(pred.copy()) or 0
    release.test_single_volume(
        images[None], np.zeros((1, *images.shape)), network, classes, True, [side, side]
    )
    release.calculate_metric_percase = counted
    masks = np.flip(np.stack(maps), (2, 3) if stored == "ras" else 2)
    answers.add_stack(
        part,
        name,
        stack,
        seen[2],
        masks=masks.copy(),
        weights=layouts,
        options={"stored": stored, "image_size": side},
        take="window",
    )


np.random.seed(0)
torch.manual_seed(0)
ct = {"of": "ct", "cut": [[5, 10], [0, 512], [0, 512]], "hu": [-250, 300]}
name = "slices 5 to 9 of CT_Lesion_000001_02_01_008-023.npz, as -250 to 300 HU"
run("none", name, ct, ["sam_vit_b", "ma_sam"], VIT_B, 512, 12, 32, "las")
waves = {"of": "waves", "cut": [[0, 5], [0, 96], [0, 96]], "hu": [-250, 300]}
for stored in ("las", "ras"):
    small = ["sam_scaled", "ma_sam_scaled"]
    run("small network", "waves", waves, small, SMALL, 96, 3, 4, stored)
answers.write()
