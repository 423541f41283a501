"""MIC-DKFZ/nnInteractive: its inference session on a folder as released, a step after another.

With PEER_LAYOUTS names and shapes of its state dicts are written there, and nothing is run.
"""

import gzip
import json
import os
import sys
from pathlib import Path

import numpy as np
import torch
from authors import OUT, Answers
from made import stack_of
from nnInteractive.inference.inference_session import nnInteractiveInferenceSession
from nnInteractive.trainer.nnInteractiveTrainer import nnInteractiveTrainer_stub
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from seeded import layout, seeded

NAME = "3d_fullres_ps192_bs24"
SETTINGS = "inference_session_class.json"
LAYERS = "torch.nn.modules"
UNET = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet"


def plans_of(widths, blocks, patch):
    """ResEnc L of nnU-Net with one decoder convolution a stage, as the 411,387,150 bytes of the
    release say; the names of its plans."""
    given = {
        "n_stages": len(widths),
        "features_per_stage": widths,
        "conv_op": f"{LAYERS}.conv.Conv3d",
        "kernel_sizes": [[3, 3, 3]] * len(widths),
        "strides": [[1, 1, 1]] + [[2, 2, 2]] * (len(widths) - 1),
        "n_blocks_per_stage": blocks,
        "n_conv_per_stage_decoder": [1] * (len(widths) - 1),
        "conv_bias": True,
        "norm_op": f"{LAYERS}.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    architecture = {
        "network_class_name": UNET,
        "arch_kwargs": given,
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    configuration = {"patch_size": [patch] * 3, "architecture": architecture}
    return {"dataset_name": "Dataset225_nnInteractiveV2", "configurations": {NAME: configuration}}


SIZES = {
    "nninteractive": ([32, 64, 128, 256, 320, 320], [1, 3, 4, 6, 6, 6], 192),
    "nninteractive_scaled": ([4, 8, 8, 8], [1, 1, 1, 1], 64),
}
if folder := os.environ.get("PEER_LAYOUTS"):
    for name, size in SIZES.items():
        plans = PlansManager(plans_of(*size))
        configuration = plans.get_configuration(NAME)
        with torch.device("meta"):
            network = nnInteractiveTrainer_stub.build_network_architecture(
                plans, configuration, 8, 2, False
            )
        document = {
            "source": "MIC-DKFZ/nnInteractive @ 154d9c6bdd887f1140419e26d7e8b173926cddd7",
            "documents": {
                "plans.json": plans.plans,
                SETTINGS: {
                    "inference_class": "nnInteractiveInferenceSession",
                    "point_radius": 4,
                    "preferred_scribble_thickness": 2,
                },
            },
            "tensors": {k: list(v.shape) for k, v in network.state_dict().items()},
        }
        packed = gzip.compress(json.dumps(document).encode(), mtime=0)
        Path(folder, f"{name}.json.gz").write_bytes(packed)
    sys.exit()

answers = Answers()


def session_of(name, zoom):
    """A folder as released, read by their own loader."""
    document = layout(name)
    model = OUT / name
    (model / "fold_0").mkdir(parents=True, exist_ok=True)
    for file, held in document["documents"].items():
        (model / file).write_text(json.dumps(held), "utf-8")
    dataset = {"channel_names": {"0": "any"}, "labels": {"background": 0, "object": 1}}
    (model / "dataset.json").write_text(json.dumps(dataset), "utf-8")
    state = {k: v for k, v in seeded(document).items() if not k.startswith("file.")}
    saved = {
        "network_weights": state,
        "trainer_name": "nnInteractiveTrainer_stub",
        "init_args": {"configuration": NAME},
    }
    torch.save(saved, model / "fold_0/checkpoint_final.pth")
    session = nnInteractiveInferenceSession(
        torch.device("cpu"), torch_n_threads=torch.get_num_threads(), do_autozoom=zoom
    )
    session.initialize_from_trained_model_folder(str(model), 0)
    return session


def run(part, name, stack, weights, asked, zoom):
    """`asked`: a prompt an object, as `test_adapters_stacks.py: prompt_of` reads it."""
    session = session_of(weights, zoom)
    session.network.eval()
    values = stack_of(stack)
    session.set_image(values[None].astype(np.float32))
    session.set_target_buffer(np.zeros(values.shape, np.uint8))
    masks = []
    for prompt in asked:
        session.reset_interactions()
        steps = []
        if "box" in prompt:
            low, high = prompt["box"]
            box = [[a, b + 1] for a, b in zip(low, high, strict=True)]
            steps.append(lambda box=box: session.add_bbox_interaction(box, True))
        if "mask" in prompt:
            drawn = np.zeros(values.shape, np.uint8)
            drawn[prompt["plane"]] = np.asarray(prompt["mask"])
            steps.append(lambda drawn=drawn: session.add_lasso_interaction(drawn, True))
        for place, sign in zip(prompt.get("points", ()), prompt.get("labels", ()), strict=True):
            steps.append(
                lambda place=place, sign=sign: session.add_point_interaction(
                    tuple(place), include_interaction=sign > 0
                )
            )
        for step in steps:
            np.random.seed(0)  # where they draw patches to refine
            step()
        masks.append(session.target_buffer.copy())
    answers.add_stack(
        part,
        name,
        stack,
        np.stack(masks)[:, None].astype(np.float32),
        masks=np.stack(masks) > 0,
        weights=[weights],
        strip="",
        options={"zoom": zoom},
        prompts=asked,
        take="scores",
    )


def drawn_on(shape, rows, columns):
    mask = np.zeros(shape, int)
    mask[slice(*rows), slice(*columns)] = 1
    return mask.tolist()


WAVES = {"of": "waves", "cut": [[0, 5], [0, 40], [0, 56]], "hu": [-150, 250]}
SMALL = [
    {"plane": 2, "points": [[2, 20, 30], [3, 5, 50]], "labels": [1, 0]},
    {"plane": 1, "box": [[1, 8, 10], [1, 30, 40]], "points": [[1, 12, 14]], "labels": [1]},
    {"plane": 2, "mask": drawn_on((40, 56), (10, 30), (12, 40))},
]
run("small network", "waves", WAVES, "nninteractive_scaled", SMALL, False)
CT = {"of": "ct", "cut": [[0, 16], [180, 270], [160, 240]], "hu": [-150, 250]}
NAMED = "slices 0 to 15 of CT_Lesion_000001_02_01_008-023.npz cut to 90x80"
run("real slices", f"{NAMED}, small network", CT, "nninteractive_scaled", SMALL[:1], False)
CORNER = WAVES | {"cut": [[0, 5], [0, 24], [0, 24]]}
ONE = [{"plane": 2, "points": [[2, 12, 12]], "labels": [1]}]
run("zoomed", "a made volume", CORNER, "nninteractive_scaled", ONE, True)
if "PEER_SMALL" not in os.environ:
    one = {"plane": 8, "box": [[8, 30, 20], [8, 60, 60]]}
    run("box", f"{NAMED}, full network", CT, "nninteractive", [one], False)
answers.write()
