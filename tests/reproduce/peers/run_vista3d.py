"""Project-MONAI/VISTA: its own network and windows, with the transforms of `configs/infer.yaml`.

Masks as `scripts/validation/val_multigpu_point_patch.py` makes and inverts them.
"""

import json
import os
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
import yaml
from authors import Answers, definitions, weights

os.chdir("vista3d")
sys.path.insert(0, str(Path.cwd()))
import monai.transforms as released  # noqa: E402
from made import stack_of  # noqa: E402
from monai.data import MetaTensor  # noqa: E402
from scripts.sliding_window import sliding_window_inference  # noqa: E402
from scripts.utils.workflow_utils import sample_points_patch_val  # noqa: E402
from vista3d import vista_model_registry  # noqa: E402

answers = Answers("vista3d")
infer_wrapper = definitions("scripts/infer.py", "infer_wrapper")["infer_wrapper"]
numbers = json.loads(Path("data/jsons/label_dict.json").read_text("utf-8"))
config = yaml.safe_load(Path("configs/infer.yaml").read_text("utf-8"))
network = vista_model_registry[config["model"]](in_channels=1, image_size=(128, 128, 128))
network.load_state_dict(weights("vista3d"), strict=True)
network.eval()
# After the two steps that read a file and put the channel first.
steps = []
for step in config["transforms_infer"]["transforms"][2:]:
    kind = step.pop("_target_")
    given = {key: value for key, value in step.items() if key not in ("keys", "dtype")}
    given |= {"pixdim": config["resample_to_spacing"]} if kind == "Spacingd" else {}
    steps.append(getattr(released, kind)(keys="image", **given))
transforms = released.Compose(steps)
CLASSES = ["liver", "spleen", "right kidney"]
# Slices of 8 bits, as Hounsfield units of about the range; 0.8 mm stands for what is not told.
STACK = {"of": "ct", "cut": [[0, 16], [200, 330], [180, 300]], "hu": [-1000, 1040]}
volume = stack_of(STACK)
SPACING = [5.0, 0.8, 0.8]
affine = np.diag([*SPACING[::-1], 1.0])
for side in (128, 64):
    data = transforms(
        {"image": MetaTensor(volume.transpose(2, 1, 0)[None].copy(), affine=torch.tensor(affine))}
    )
    with torch.no_grad():
        logits = sliding_window_inference(
            inputs=data["image"][None],
            roi_size=[side] * 3,
            sw_batch_size=1,
            predictor=partial(infer_wrapper, model=network),
            mode="gaussian",
            overlap=0.625,
            class_vector=torch.tensor([[numbers[name]] for name in CLASSES]),
        )
    inverted = released.Invertd(
        keys="pred",
        transform=transforms,
        orig_keys="image",
        nearest_interp=True,
        to_tensor=True,
    )
    found = inverted({"image": data["image"], "pred": MetaTensor(logits[0] > 0).float()})["pred"]
    answers.add_stack(
        "none",
        f"CT_Lesion_000001 (16x130x120 voxels, windows of {side})",
        STACK,
        np.asarray(logits[0]),
        input=np.asarray(data["image"][0]),
        masks=np.asarray(found).transpose(0, 3, 2, 1) > 0.5,
        options={"classes": ",".join(CLASSES), "window": side},
        spacing=SPACING,
    )
# One object, clicked on and off, as val_multigpu_point_iterative.py asks; (r, a, s) in the file.
CLICKS, LABELS = np.array([[60.0, 50.0, 7.0], [20.0, 90.0, 11.0]]), [1, 0]
data = transforms(
    {"image": MetaTensor(volume.transpose(2, 1, 0)[None].copy(), affine=torch.tensor(affine))}
)
there = torch.linalg.inv(data["image"].affine) @ torch.tensor(affine)
points = torch.from_numpy(CLICKS) @ there[:3, :3].T + there[:3, 3]
with torch.no_grad():
    logits = sliding_window_inference(
        inputs=data["image"][None],
        roi_size=[64] * 3,
        sw_batch_size=1,
        predictor=partial(infer_wrapper, model=network),
        mode="gaussian",
        overlap=0.625,
        point_coords=points[None].float(),
        point_labels=torch.tensor([LABELS]),
        class_vector=None,
        prompt_class=torch.ones(1, 1) * 600,
        labels=None,
        label_set=None,
        prev_mask=None,
    )
inverted = released.Invertd(
    keys="pred", transform=transforms, orig_keys="image", nearest_interp=False, to_tensor=True
)
found = inverted({"image": data["image"], "pred": logits[0]})["pred"]
answers.add_stack(
    "none",
    "CT_Lesion_000001 (16x130x120 voxels, windows of 64, two clicks)",
    STACK,
    np.asarray(logits[0]),
    input=np.asarray(data["image"][0]),
    masks=np.asarray(found).transpose(0, 3, 2, 1) > 0,
    clicks=CLICKS[:, ::-1].tolist(),
    click_labels=LABELS,
    options={"window": 64},
    spacing=SPACING,
)
# One class, clicked in every window that has some of it, as val_multigpu_point_patch.py asks of the
# data that infer_patch_point.yaml cuts, resamples and turns; a class with signs of its own.
LABEL, BLOCKS = "hepatic tumor", [[[3, 12], [30, 85], [20, 70]], [[9, 14], [60, 110], [64, 100]]]
config = yaml.safe_load(Path("configs/supported_eval/infer_patch_point.yaml").read_text("utf-8"))
steps = []
for step in config["transforms_infer"]["transforms"][2:]:
    kind = step.pop("_target_")
    if kind in ("CropForegroundd", "Spacingd", "Orientationd"):
        step |= {"keys": ["image", "label"]}
        step |= {"source_key": "image"} if kind == "CropForegroundd" else {}
        steps.append(getattr(released, kind)(**step))
    elif kind == "ScaleIntensityRanged":
        steps.append(released.ScaleIntensityRanged(**(step | {"keys": "image"})))
transforms = released.Compose(steps)
mask = np.zeros(volume.shape, np.uint8)
for block in BLOCKS:
    mask[tuple(slice(*ends) for ends in block)] = 1
data = transforms(
    {
        key: MetaTensor(values.transpose(2, 1, 0)[None].copy(), affine=torch.tensor(affine))
        for key, values in (("image", volume), ("label", mask))
    }
)
for side in (96, 64):
    with torch.no_grad():
        logits = sliding_window_inference(
            inputs=data["image"][None],
            roi_size=[side] * 3,
            sw_batch_size=1,
            predictor=partial(infer_wrapper, model=network),
            mode="gaussian",
            overlap=0.625,
            point_coords=torch.zeros(1, 1),
            point_labels=True,
            class_vector=None,
            prompt_class=None,
            labels=data["label"][None].as_tensor().to(torch.uint8),
            label_set=[1],
            use_cfp=True,
            brush_radius=None,
            val_point_sampler=partial(
                sample_points_patch_val,
                mapped_label_set=[numbers[LABEL]],
                max_ppoint=1,
                use_center=True,
            ),
        )
    inverted = released.Invertd(
        keys="pred", transform=transforms, orig_keys="image", nearest_interp=True, to_tensor=True
    )
    found = inverted({"image": data["image"], "pred": MetaTensor(logits[0] > 0).float()})["pred"]
    answers.add_stack(
        "none",
        f"CT_Lesion_000001 (16x130x120 voxels, windows of {side}, a click in each)",
        STACK,
        np.asarray(logits[0]),
        input=np.asarray(data["image"][0]),
        masks=np.asarray(found).transpose(0, 3, 2, 1) > 0.5,
        label=LABEL,
        blocks=BLOCKS,
        options={"window": side, "crop": True},
        spacing=SPACING,
    )
answers.write()
