"""Cccccczh404/H-SAM: `utils.py: test_single_volume`, stages 3 and 2, with `LoRA_Sam`."""

import sys
from types import ModuleType

import numpy as np
import torch
from authors import CT, OUT, Answers, read_volume, saved, without_cuda

without_cuda()
# The snapshot imports a list used in training only from a file that it does not contain.
absent = ModuleType("segment_anything.modeling.utils")
absent.noise_list = None
sys.modules[absent.__name__] = absent
import utils  # noqa: E402
from sam_lora_image_encoder import LoRA_Sam  # noqa: E402
from segment_anything import sam_model_registry  # noqa: E402

answers = Answers("sam_vit_b", "hsam_lora")
base, _ = sam_model_registry["vit_b"](
    image_size=512,
    num_classes=8,
    checkpoint=saved("sam_vit_b"),
    pixel_mean=[0, 0, 0],
    pixel_std=[1, 1, 1],
)
network = LoRA_Sam(base, 5)
network.load_lora_parameters(saved("hsam_lora"))
network.eval()
seen = []
forward = network.forward


def watched(*arguments, **named):
    found = forward(*arguments, **named)
    seen.append((arguments[0][0], found[0]["masks"][0], found[1]["masks"][0]))
    return found


network.forward = watched
with np.load(CT) as content:
    image = (content["imgs"][[7]] / 255).astype(np.float32)
    truth = (content["gts"][[7]] > 0).astype(np.float32)
for stage in (3, 2):
    seen.clear()
    utils.test_single_volume(
        torch.from_numpy(image)[None],
        torch.from_numpy(truth)[None],
        network,
        8,
        True,
        [512, 512],
        [224, 224],
        str(OUT),
        f"stage{stage}",
        1,
        stage=stage,
    )
    pixels, first, second = seen[0]
    labels = read_volume(f"stage{stage}_pred.nii.gz")
    answers.add(
        "none",
        f"slice 7 of {CT.name} (512x512)",
        image[0],
        (first + second) / 2 if stage == 3 else second,
        input=pixels,
        label_map=labels[0],
        take="logits",
        options={"stage": stage},
    )
answers.write()
