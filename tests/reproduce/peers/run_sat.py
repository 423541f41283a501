"""zhaoziheng/SAT: `Maskformer` with the data and windows of `inference.py`; no text encoder.

Of its three sizes of U-Net, which it builds all, only the one asked for is built.
With PEER_LAYOUTS the names and shapes of its state dicts are written there, and nothing is run.
"""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import torch
from authors import OUT, Answers, definitions, weights
from made import stack_of

sys.path.insert(0, "model/dynamic-network-architectures-main")
import dynamic_network_architectures.architectures.unet as unets
from data import inference_dataset
from scipy.ndimage import gaussian_filter

answers = Answers()
plain = unets.PlainConvUNet
SIZES = {"UNET": (64, 64, 128, 256, 512, 768), "UNET-L": (128, 128, 256, 512, 1024, 1536)}
SMALL = (4, 4, 8, 16, 32, 48)
asked = SimpleNamespace(size="", widths=())


def chosen(**given):
    if given["features_per_stage"] != SIZES[asked.size]:
        return None
    return plain(**given | {"features_per_stage": asked.widths})


unets.PlainConvUNet = chosen
from model import maskformer  # noqa: E402

bell = definitions(
    "evaluate/inference_engine.py", "compute_gaussian", gaussian_filter=gaussian_filter
)


def network_of(size, widths, window):
    asked.size, asked.widths = size, widths
    network = maskformer.Maskformer(size, window, [32, 32, 32])
    if widths != SIZES[size]:
        first, last = network.projection_layer, network.mask_embed_proj
        first[0] = torch.nn.Linear(sum(widths), first[0].out_features)
        last[2] = torch.nn.Linear(last[2].in_features, widths[0])
    return network


def run(part, name, stack, spacing, layout, size, widths, window):
    network = network_of(size, widths, window)
    network.load_state_dict({k.removeprefix("module."): v for k, v in weights(layout).items()})
    network.eval()
    names = ["liver", "spleen"]
    embedded = weights("sat_names")
    queries = [torch.stack([embedded[f"text.{name}"] for name in names])]
    values = stack_of(stack)
    affine = np.diag([*spacing[::-1], 1.0])
    image = nibabel.Nifti1Image(values.transpose(2, 1, 0).astype(np.float32), affine)
    nibabel.save(image, OUT / "image.nii.gz")
    datum = {"image": str(OUT / "image.nii.gz"), "label": names, "modality": "ct"}
    img, *_ = inference_dataset.load_image(datum)
    img = torch.as_tensor(np.asarray(img)).float()
    patches, places = inference_dataset.split_3d(img, crop_size=window)
    weight = torch.tensor(bell["compute_gaussian"](tuple(window)))
    total = torch.zeros((len(names), *img.shape[1:]))
    counts = torch.zeros_like(total)
    filled = SimpleNamespace(patch_size=window)
    pad = inference_dataset.Inference_Dataset._pad_if_necessary
    for patch, (y1, y2, x1, x2, z1, z2) in zip(patches, places, strict=True):
        y2, x2, z2 = (min(a, b) for a, b in zip((y2, x2, z2), img.shape[1:], strict=True))
        given = pad(filled, patch[None]).repeat(1, 3, 1, 1, 1)
        with torch.no_grad():
            found = torch.sigmoid(network(queries=queries, image_input=given))[0]
        inner = np.s_[: y2 - y1, : x2 - x1, : z2 - z1]
        there = np.s_[:, y1:y2, x1:x2, z1:z2]
        total[there] += found[(slice(None), *inner)] * weight[inner]
        counts[there] += weight[inner]
    answers.add_stack(
        part,
        name,
        stack,
        total / counts,
        weights=[layout, "sat_names"],
        strip="module.",
        options={"window": ",".join(map(str, window))},
        spacing=spacing,
        take="grid",
    )


CT = {"of": "ct", "cut": [[0, 16], [180, 270], [160, 240]], "hu": [-150, 250]}
CT_NAME = "slices 0 to 15 of CT_Lesion_000001_02_01_008-023.npz cut to 90x80, at 5 x 0.8 x 0.8 mm"
WAVES = {"of": "waves", "cut": [[0, 5], [0, 40], [0, 56]], "hu": [-150, 250]}
if folder := os.environ.get("PEER_LAYOUTS"):
    for name, size, widths in (
        ("sat", "UNET", SIZES["UNET"]),
        ("sat_scaled", "UNET", SMALL),
        ("sat_pro", "UNET-L", SIZES["UNET-L"]),
        ("sat_pro_scaled", "UNET-L", SMALL),
    ):
        with torch.device("meta"):
            state = network_of(size, widths, [64, 32, 32]).state_dict()
        made = {f"module.{key}": list(value.shape) for key, value in state.items()}
        Path(folder, f"{name}.json").write_text(json.dumps(made), "utf-8")
    sys.exit()
if "PEER_SMALL" not in os.environ:
    # Windows of 64x64x32 voxels instead of 288x288x96 for time.
    run("text", CT_NAME, CT, [5.0, 0.8, 0.8], "sat", "UNET", SIZES["UNET"], [64, 64, 32])
for layout, size in (("sat_scaled", "UNET"), ("sat_pro_scaled", "UNET-L")):
    run("small network", "waves", WAVES, [6.0, 1.0, 0.8], layout, size, SMALL, [64, 32, 32])
answers.write()
