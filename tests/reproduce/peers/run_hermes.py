"""yhygao/universal-medical-image-segmentation: its network and windows, its steps to 1.5 mm.

As `nii2npy.py` does they are made of a volume here; cutting around the reference is left out. There
is no way back to the volume's own grid in the release.
"""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import SimpleITK
import torch
import yaml
from authors import Answers, definitions, weights
from inference.inference3d import inference_sliding_window
from made import stack_of
from model.dim3.hermes_unet import Hermes_UNet

sys.path.append("training/dataset/dim3")
import dataset_config

answers = Answers()
config = yaml.safe_load(Path("config/universal/hermes_resunet_3d.yaml").read_text("utf-8"))
resample = definitions("dataset_conversion/utils.py", "ResampleXYZAxis", sitk=SimpleITK)
resample = resample["ResampleXYZAxis"]
SIZES = ("kernel_size", "block", "num_block", "norm", "tn", "mn")


def network(layout, **sizes):
    kept = {key: config[key] for key in SIZES} | {"scale": config["down_scale"]}
    made = Hermes_UNet(**{"in_ch": 1, "base_ch": config["base_chan"]} | kept | sizes)
    made.load_state_dict(weights(layout))
    return made.eval()


def prepared(values, spacing, ct, side):
    """`ResampleImage` and `nii2npy.py` without their files; axes to left, posterior, superior."""
    image = SimpleITK.GetImageFromArray(values[:, ::-1, ::-1].copy())
    image.SetSpacing(spacing[::-1])
    image = resample(image, (1.5, 1.5, spacing[0]), SimpleITK.sitkBSpline)
    image = resample(image, (1.5, 1.5, 1.5), SimpleITK.sitkNearestNeighbor)
    array = SimpleITK.GetArrayFromImage(image).astype(np.float32)
    ends = (-991, 500) if ct else [np.percentile(array, p, axis=None) for p in (2, 98)]
    array = np.clip(array, *ends)
    mean, std = np.mean(array), np.std(array)
    array -= mean
    array /= std
    source = Path("dataset_conversion/nii2npy.py").read_text("utf-8")
    start = source.index("def pad")  # the rest of that file does not compile
    space = {"np": np, "math": __import__("math")}
    source = source[start : source.index("dataset_list")].replace("128", str(side))
    exec(compile(source, "nii2npy.py", "exec"), space)
    return space["pad"](array, array)[0].astype(np.float32)


def run(part, name, stack, spacing, layout, task, side, **sizes):
    values = stack_of(stack)
    tokens = np.array(dataset_config.dataset_lab_map[task.removesuffix("_t2")])
    count, longest = len(tokens), max(config["dataset_classes_list"])
    tokens = np.pad(tokens, (0, longest + 1 - count), constant_values=-1)
    kind = dataset_config.dataset_modality_map[task]
    found = inference_sliding_window(
        network(layout, **sizes),
        torch.from_numpy(prepared(values, spacing, kind == 0, side))[None, None],
        torch.from_numpy(tokens)[None],
        torch.tensor([[kind]]),
        SimpleNamespace(window_size=[side] * 3),
    )
    answers.add_stack(
        part,
        name,
        stack,
        found[0, :count],
        weights=[layout],
        options={"task": task} | ({} if side == 128 else {"window": side}),
        spacing=spacing,
        take="grid",
    )


# Windows of 64 voxels instead of 128 for time.
CT = {"of": "ct", "cut": [[0, 16], [180, 290], [160, 270]], "hu": [-150, 250]}
CT_NAME = "slices 0 to 15 of CT_Lesion_000001_02_01_008-023.npz cut to 110x110, at 5 x 0.8 x 0.8 mm"
if "PEER_SMALL" not in os.environ:
    run("none", CT_NAME, CT, [5.0, 0.8, 0.8], "hermes", "bcv", 64)
waves = {"of": "waves", "cut": [[0, 5], [0, 60], [0, 72]], "hu": [-150, 250]}
run("small network", "waves", waves, [4.0, 1.0, 0.7], "hermes_scaled", "chaos_t2", 32, base_ch=16)
answers.write()
