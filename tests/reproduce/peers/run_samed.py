"""hitachinsk/SAMed: `utils.py: test_single_volume`; with PEER_VARIANT samed_s its SAMed_s."""

import os
from importlib import import_module

import numpy as np
import torch
from authors import CT, OUT, Answers, read_volume, saved, without_cuda

without_cuda()
import utils  # noqa: E402 - the release's, after Tensor.cuda is out of the way
from segment_anything import sam_model_registry  # noqa: E402

small_decoder = os.environ.get("PEER_VARIANT") == "samed_s"
lora = "samed_s_lora" if small_decoder else "samed_lora"
answers = Answers("sam_vit_b", lora)
base, _ = sam_model_registry["vit_b"](
    image_size=512,
    num_classes=8,
    checkpoint=saved("sam_vit_b"),
    pixel_mean=[0, 0, 0],
    pixel_std=[1, 1, 1],
)
module = "sam_lora_image_encoder" + ("_mask_decoder" if small_decoder else "")
network = import_module(module).LoRA_Sam(base, 4)
network.load_lora_parameters(saved(lora))
network.eval()
seen = []
forward = network.forward


def watched(*arguments):
    found = forward(*arguments)
    seen.append((arguments[0][0], found["masks"][0]))
    return found


network.forward = watched
slices = [7] if small_decoder else [4, 7]
with np.load(CT) as content:
    images = (content["imgs"][slices] / 255).astype(np.float32)
    truth = (content["gts"][slices] > 0).astype(np.float32)
cut = (slice(0, 1), slice(60, 440), slice(30, 500))  # no square: the way back by zoom
for number, (stack, reference, names) in enumerate(
    (
        (images, truth, [f"slice {n} of {CT.name} (512x512)" for n in slices]),
        (images[cut].copy(), truth[cut].copy(), [f"slice {slices[0]} cut to 380x470"]),
    )
):
    seen.clear()
    utils.test_single_volume(
        torch.from_numpy(stack)[None],
        torch.from_numpy(reference)[None],
        network,
        8,
        True,
        [512, 512],
        [224, 224],
        str(OUT),
        f"volume{number}",
        1,
    )
    labels = read_volume(f"volume{number}_pred.nii.gz")
    for image, name, (pixels, logits), label_map in zip(stack, names, seen, labels, strict=True):
        answers.add("none", name, image, logits, input=pixels, label_map=label_map, take="logits")
answers.write()
