"""facebookresearch/sam2, bowang-lab/MedSAM2 and jinlab-imvr/Surgical-SAM-2: their video predictors
on a stack of CT slices.

The predictors are built from the releases' own yaml, without hydra. Connected components, which
their code counts on CUDA alone, are counted by OpenCV. PEER_VARIANT: `sam2`, `medsam2`,
`surgical_sam_2`, and with `_scaled` the same code on a network and a made stack small enough for
every run of the tests.
"""

import importlib
import json
import os
from pathlib import Path

import cv2
import numpy as np
import torch
import yaml
from authors import CT, OUT, weights
from made import waves

VARIANT = os.environ["PEER_VARIANT"]
PREDICTORS = {
    "medsam2": "sam2.sam2_video_predictor_npz.SAM2VideoPredictorNPZ",
    "sam2": "sam2.sam2_video_predictor.SAM2VideoPredictor",
    "surgical_sam_2": "sam2.sam2_video_predictor.SAM2VideoPredictor",
}
# What the releases' builders add to the yaml (sam2/build_sam.py: build_sam2_video_predictor).
ADDED = {
    "sam_mask_decoder_extra_args": {
        "dynamic_multimask_via_stability": True,
        "dynamic_multimask_stability_delta": 0.05,
        "dynamic_multimask_stability_thresh": 0.98,
    },
    "binarize_mask_from_pts_for_mem_enc": True,
    "fill_hole_area": 8,
}
#: What the network was trained with, and what their users add where clicks are to correct a video
#: (issue 731): without, following an object again overwrites the plane that was corrected.
CORRECTS = {"add_all_frames_to_correct_as_cond": True}


def made(node):
    """What hydra makes of a node of the configuration."""
    if isinstance(node, dict):
        given = {key: made(value) for key, value in node.items() if key != "_target_"}
        if "_target_" not in node:
            return given
        module, _, name = node["_target_"].rpartition(".")
        return getattr(importlib.import_module(module), name)(**given)
    if isinstance(node, list):
        return [made(value) for value in node]
    return float(node) if node == "1e-6" else node  # a number to hydra, a word to PyYAML


def scaled(tree, side):
    """The sizes of `SCALED` in tests/reproduce/adapters/test_sam2.py."""
    trunk, neck = tree["image_encoder"]["trunk"], tree["image_encoder"]["neck"]
    trunk |= {"embed_dim": 16, "stages": [1, 1, 2, 1], "global_att_blocks": [3]}
    neck |= {"d_model": 128, "backbone_channel_list": [128, 64, 32, 16]}
    neck["position_encoding"]["num_pos_feats"] = 128
    attention = tree["memory_attention"]
    attention["d_model"] = attention["layer"]["d_model"] = 128
    for part in ("self_attention", "cross_attention"):
        attention["layer"][part]["embedding_dim"] = 128
    memory = tree["memory_encoder"]
    memory["in_dim"] = 128
    memory["mask_downsampler"]["embed_dim"] = 128
    memory["fuser"]["layer"]["dim"] = 128


def predictor(config, side, layout, added):
    """The release's predictor for inputs of `side` pixels with seeded weights."""
    folder = "sam2_configs" if SURGICAL else "sam2/configs"
    tree = yaml.safe_load(Path(folder, config).read_text("utf-8"))["model"]
    tree |= added | {
        "_target_": PREDICTORS[VARIANT.removesuffix("_scaled")],
        "image_size": side,
    }
    for part in ("self_attention", "cross_attention"):
        tree["memory_attention"]["layer"][part]["feat_sizes"] = [side // 16, side // 16]
    if VARIANT.endswith("_scaled"):
        scaled(tree, side)
    found = made(tree).eval()
    found.load_state_dict(weights(layout), strict=True)
    return found


def components(mask):
    """(B, 1, H, W) -> number of the component and its area, for every pixel (8 neighbours)."""
    labels, areas = np.zeros(mask.shape, np.int32), np.zeros(mask.shape, np.int32)
    for i, plane in enumerate(mask[:, 0].numpy().astype(np.uint8)):
        _, found, figures, _ = cv2.connectedComponentsWithStats(plane, connectivity=8)
        labels[i, 0] = found
        areas[i, 0] = np.where(found > 0, figures[found, cv2.CC_STAT_AREA], 0)
    return torch.from_numpy(labels), torch.from_numpy(areas)


def state_of(model, volume, side):
    """Their state of a video, with frames as they read them (sam2/utils/misc.py)."""
    from PIL import Image

    frames = [
        np.array(Image.fromarray(plane).convert("RGB").resize((side, side))) / 255.0
        for plane in volume
    ]
    images = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float()
    images -= torch.tensor((0.485, 0.456, 0.406), dtype=torch.float32)[:, None, None]
    images /= torch.tensor((0.229, 0.224, 0.225), dtype=torch.float32)[:, None, None]
    height, width = volume.shape[1:]
    if VARIANT == "medsam2":
        return model.init_state(images, height, width)
    module = importlib.import_module("sam2.sam2_video_predictor")
    module.load_video_frames = lambda **_: (images, height, width)
    return model.init_state("frames")


def ask(model, state, prompts, volume):
    """Give each object what is said about it; the last answer, (objects, 1, H, W) logits."""
    answer = None
    for number, prompt in enumerate(prompts, 1):
        at = {"inference_state": state, "frame_idx": prompt["plane"], "obj_id": number}
        if "mask" in prompt:
            (y0, y1), (x0, x1) = prompt["mask"]
            mask = np.zeros(volume.shape[1:], bool)
            mask[y0:y1, x0:x1] = True
            answer = model.add_new_mask(**at, mask=mask)[2]
            continue
        points = {}
        if "points" in prompt:
            points = {"points": np.array(prompt["points"]), "labels": np.array(prompt["labels"])}
        box = np.array(prompt["box"]) if "box" in prompt else None
        answer = model.add_new_points_or_box(**at, box=box, **points)[2]
    return answer


def followed(model, volume, side, prompts, backward=True, remask=False):
    """(objects, S, H, W) logits: forward, reset, asked again, backward (medsam2_infer_3D_CT.py);
    `remask` as in medsam2_infer_CT_lesion_npz_recist.py."""
    state = state_of(model, volume, side)
    found = np.full((len(prompts), *volume.shape), np.nan, np.float32)
    masks = None
    for reverse in (False, True) if backward else (False,):
        model.reset_state(state)
        if masks is None or not remask:
            answer = ask(model, state, prompts, volume)
        if remask:
            masks = (answer[0, 0] > 0).numpy() if masks is None else masks
            model.add_new_mask(state, prompts[0]["plane"], 1, masks)
        for plane, _, logits in model.propagate_in_video(state, reverse=reverse):
            found[:, plane] = logits[:, 0].numpy()
    return found


def corrected(model, volume, side, prompts, later, backward=True):
    """(rounds, 1, S, H, W) logits: one object followed, then a click a round and followed again in
    the same state. Where it is followed both ways, a click is told to the pass that came by its
    plane: each has planes of its own (as `followed` resets the state), what was asked is of both.
    """
    state = state_of(model, volume, side)
    model.reset_state(state)
    ask(model, state, prompts, volume)
    rounds, own = [], {False: {}, True: {}}
    for click in [None, *later]:
        if click is not None:
            outputs = state["output_dict_per_obj"][0]
            here = state["frames_tracked_per_obj"][0].get(click["plane"], {"reverse": False})
            outputs["non_cond_frame_outputs"] = own[here["reverse"]]
            model.add_new_points_or_box(
                state, click["plane"], 1, click["points"], click["labels"], clear_old_points=False
            )
        found = np.full((1, *volume.shape), np.nan, np.float32)
        tracked = {}
        for reverse in (True, False) if backward else (False,):
            outputs = state["output_dict_per_obj"][0]
            if backward:
                model.propagate_in_video_preflight(state)
                outputs["non_cond_frame_outputs"] = {}
            for plane, _, logits in model.propagate_in_video(state, reverse=reverse):
                found[:, plane] = logits[:, 0].numpy()
            own[reverse] = outputs["non_cond_frame_outputs"]
            tracked |= state["frames_tracked_per_obj"][0]
            state["frames_tracked_per_obj"][0] = {}
        state["frames_tracked_per_obj"][0] = tracked
        rounds.append(found)
    return np.stack(rounds)


SMALL = VARIANT.endswith("_scaled")
SURGICAL = VARIANT.startswith("surgical")
BOX = {"plane": 2, "box": [30, 25, 70, 66] if SMALL else [200, 150, 330, 300]}
ONE = {"plane": 2, "points": [[50.5, 42.25] if SMALL else [250.5, 210.25]], "labels": [1]}
TWO = {"plane": 2, "points": [[50, 42], [11, 9]] if SMALL else [[250, 210], [100, 80]]}
TWO["labels"] = [1, 0]
MASK = {"plane": 2, "mask": [[30, 61], [40, 83]] if SMALL else [[180, 260], [210, 300]]}
BOTH = BOX | ONE
# Clicks of later rounds: on a plane followed forward, backward, the first one, and the first again.
AT = [40.5, 60.25] if SMALL else [240.5, 220.25]
CLICKS = [
    {"plane": plane, "points": [[AT[0] + 3 * plane, AT[1]]], "labels": [plane % 2]}
    for plane in (4, 0, 2, 4)
]
TINY = "sam2.1/sam2.1_hiera_t.yaml"
SURGICAL_YAML = "sam2_hiera_s_512.yaml"
CASES = {
    "sam2": [
        ("sam2_1_tiny", TINY, 512, [BOX], {}),
        ("sam2_1_tiny", TINY, 512, [ONE], {}),
        ("sam2_1_tiny", TINY, 512, [TWO], {}),
        ("sam2_1_tiny", TINY, 512, [MASK], {}),
        ("sam2_1_tiny", TINY, 512, [BOX, MASK], {}),
        ("sam2_tiny", "sam2/sam2_hiera_t.yaml", 512, [BOX], {"backward": False}),
        ("sam2_1_tiny", TINY, 512, [BOX], {}, CLICKS),
        ("sam2_1_tiny", TINY, 512, [MASK], {"backward": False}, CLICKS),
    ],
    "medsam2": [
        ("sam2_1_tiny", "sam2.1_hiera_t512.yaml", 512, [BOX], {}),
        ("sam2_1_tiny", "sam2.1_hiera_t512.yaml", 512, [TWO], {"remask": True}),
        ("sam2_1_tiny", "sam2.1_hiera_t512.yaml", 512, [MASK], {"backward": False}),
    ],
    "surgical_sam_2": [
        ("sam2_small", SURGICAL_YAML, 512, [one], {"backward": False}) for one in (ONE, MASK)
    ],
    "surgical_sam_2_scaled": [
        ("sam2_scaled", SURGICAL_YAML, 128, [one], {"backward": False}) for one in (ONE, MASK)
    ],
    "sam2_scaled": [
        ("sam2_1_scaled", TINY, 128, [BOX], {}),
        ("sam2_1_scaled", TINY, 128, [ONE], {}),
        ("sam2_1_scaled", TINY, 128, [TWO], {}),
        ("sam2_1_scaled", TINY, 128, [BOTH], {}),
        ("sam2_1_scaled", TINY, 128, [MASK], {}),
        ("sam2_1_scaled", TINY, 128, [BOX, MASK], {"backward": False}),
        ("sam2_scaled", "sam2/sam2_hiera_t.yaml", 128, [ONE], {}),
        ("sam2_1_scaled", TINY, 128, [BOX], {}, CLICKS),
        ("sam2_1_scaled", TINY, 128, [ONE], {}, CLICKS),
        ("sam2_1_scaled", TINY, 128, [MASK], {}, CLICKS),
        ("sam2_1_scaled", TINY, 128, [BOX], {"backward": False}, CLICKS),
    ],
}
# 5 of 380 x 470: no square; two more than the memory holds where it is pruned
PLANES = 11 if SURGICAL else 5
SLICES = (5, 5 + PLANES), (60, 440), (30, 500)


def main():
    misc = importlib.import_module("sam2.utils.misc")
    misc.get_connected_components = components
    volume = waves(PLANES)
    if not SMALL:
        with np.load(CT) as content:
            volume = content["imgs"][tuple(slice(*bounds) for bounds in SLICES)].copy()
    arrays, cases = {}, []
    for number, (layout, config, side, prompts, course, *later) in enumerate(CASES[VARIANT]):
        model = predictor(config, side, layout, ADDED | (CORRECTS if later else {}))
        with torch.inference_mode():
            if later:
                scores = corrected(model, volume, side, prompts, *later, **course)
            else:
                scores = followed(model, volume, side, prompts, **course)[None]
            arrays[f"{number}_scores"] = scores
        cases.append(
            {
                "layout": layout,
                "side": side,
                "slices": None if SMALL else SLICES,
                "planes": PLANES,
                "pruned": 2 if SURGICAL else 0,
                "prompts": prompts,
                "later": [click for clicks in later for click in clicks],
                "course": course,
                "arrays": ["scores"],
            }
        )
    np.savez(OUT / "answers.npz", **arrays)
    (OUT / "answers.json").write_text(json.dumps(cases), "utf-8")


main()
