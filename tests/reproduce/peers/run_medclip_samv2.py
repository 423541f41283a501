"""HealthX-Lab/MedCLIP-SAMv2: `vision_heatmap_iba`, `postprocess_kmeans` and `prompt_sam.py`.

Their network needs transformers 4: `peers/README.md`. `KMeans` runs with ten beginnings, as in the
version of scikit-learn that they name (1.0.2).
"""

import json
import os
import random
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(os.environ["SAM4MIS_PEERS"]) / "libraries/transformers-4"))
sys.path[:0] = ["saliency_maps", "postprocessing", "segment-anything"]

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from authors import (  # noqa: E402
    OUT,
    POLYP,
    REAL,
    SMALL_SAM,
    Answers,
    definitions,
    never_called,
    probe_of,
    weights,
)
from PIL import Image  # noqa: E402

never_called("pydensecrf", "pydensecrf.densecrf")
import postprocess_saliency_maps as post  # noqa: E402
from model.configuration_biomed_clip import BiomedCLIPConfig  # noqa: E402
from model.modeling_biomed_clip import BiomedCLIPModel  # noqa: E402
from scripts.methods import vision_heatmap_iba  # noqa: E402
from segment_anything import SamPredictor, build_sam_vit_h  # noqa: E402
from sklearn.cluster import KMeans  # noqa: E402
from transformers import BertTokenizer, CLIPImageProcessor  # noqa: E402

post.KMeans = partial(KMeans, n_init=10)
steps = definitions(
    "segment-anything/prompt_sam.py",
    "scoremap2bbox",
    "get_prompts",
    "get_final_mask",
    "write_mask_to_folder",
    cv2=cv2,
    os=os,
)
GIVEN = json.loads(Path("saliency_maps/model/config.json").read_text("utf-8"))
SENTENCE = "A medical scan showing a well defined, round mass suggestive of a tumor."
SEED, VAR = 12, 0.3
answers = Answers()


def smaller():
    """As `layouts/biomedclip_scaled.json.gz`."""
    width = {"hidden_size": 128, "intermediate_size": 256}
    width |= {"num_hidden_layers": 3, "num_attention_heads": 2}
    own = {
        "text": width | {"vocab_size": 64, "max_position_embeddings": 32},
        "vision": width | {"image_size": 64},
        "text_projection": {"hidden_size": 128, "intermediate_size": 80, "projection_dim": 48},
    }
    changed = {"projection_dim": 48}
    for tower, sizes in own.items():
        for key in (f"{tower}_config", f"{tower}_config_dict"):
            changed[key] = GIVEN[key] | sizes
    return GIVEN | changed


def tensors(name):
    """Weights of a layout, and its vocabulary as a file."""
    state = weights(name)
    listed = state.pop("file.vocab.txt")
    (OUT / "vocab.txt").write_bytes(listed.numpy().tobytes())
    return state


def run(part, name, clip, sam, path, layouts, options, **more):
    image = Image.open(path).convert("RGB")
    sets = {"layer": 9, "beta": 2.0, "regions": 1, "apart": False, "coarse": "kmeans"} | options
    processor, tokenizer = CLIPImageProcessor(), BertTokenizer(str(OUT / "vocab.txt"))
    side = GIVEN["vision_config"]["image_size"] if part != "scaled" else 64
    size = {"size": {"shortest_edge": side}, "crop_size": {"height": side, "width": side}}
    pixels = processor(images=image, return_tensors="pt", **size)["pixel_values"]
    tokens = torch.tensor([tokenizer.encode(SENTENCE, add_special_tokens=True)])
    torch.manual_seed(SEED)
    np.random.seed(SEED)
    random.seed(SEED)
    found = vision_heatmap_iba(
        tokens, pixels, clip, sets["layer"], sets["beta"], VAR, ensemble=False, progbar=False
    )
    seen = np.array(image)
    found = cv2.resize(
        np.array(found), (seen.shape[1], seen.shape[0]), interpolation=cv2.INTER_NEAREST
    )
    folders = {key: OUT / key for key in ("maps", "coarse", "masks")}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
    cv2.imwrite(str(folders["maps"] / "a.png"), found * 255)
    args = SimpleNamespace(
        sal_path=str(folders["maps"]),
        output_path=str(folders["coarse"]),
        num_contours=sets["regions"],
        threshold=0.3,
    )
    if sets["coarse"] == "threshold":
        post.postprocess_thresholding(args)
    else:
        post.postprocess_kmeans(args)
    mask = cv2.imread(str(folders["coarse"] / "a.png"), cv2.IMREAD_GRAYSCALE)
    mask = cv2.resize(mask, (seen.shape[1], seen.shape[0]), interpolation=cv2.INTER_NEAREST)
    common = {"weights": layouts, "prompt": {"text": SENTENCE}, "threshold": 0.5}
    name = f"{path.name}, {name}"
    answers.add(
        f"{part} coarse",
        f"{name} (coarse)",
        seen,
        (mask > 0).astype(np.float32),
        **common | {"options": options | {"stage": "coarse"}},
    )
    args = SimpleNamespace(
        prompts="boxes", multicontour=sets["apart"], multimask=False, device="cpu"
    )
    points, labels, boxes, contours = steps["get_prompts"](mask, args)
    with torch.no_grad():
        final = steps["get_final_mask"](SamPredictor(sam), points, labels, boxes, seen, args)
    steps["write_mask_to_folder"](final, "a.png", str(folders["masks"]), contours)
    written = cv2.imread(str(folders["masks"] / "a.png"), cv2.IMREAD_GRAYSCALE)
    print(name, "coarse", int((mask > 0).sum()), "box", boxes.tolist(), int((written > 0).sum()))
    answers.add(
        part,
        name,
        seen,
        (written > 200).astype(np.float32),
        **common | {"options": options},
        **more,
    )


def network(layout, config):
    clip = BiomedCLIPModel(BiomedCLIPConfig(**config))
    clip.load_state_dict(tensors(layout), strict=True)
    return clip.eval()


BUILD = Path("segment-anything/segment_anything/build_sam.py").read_text("utf-8")
exec(
    BUILD.replace("image_size = 1024", "image_size = 128"),
    small := {"__package__": "segment_anything"},
)
sam = small["_build_sam"](**SMALL_SAM)
sam.load_state_dict(weights("sam_small_128"), strict=True)
clip = network("biomedclip_scaled", smaller())
DEMO = REAL / "biomedparse" / "demo"
BRAIN, BREAST, CHEST = (
    DEMO / name for name in ("12_MRI_brain.png", "20_ultrasound_breast.png", "15_X-Ray_chest.png")
)
SMALL = ["biomedclip_scaled", "sam_small_128"]
for path, said, options in (
    (BRAIN, "smaller network", {}),
    (BREAST, "smaller network", {"beta": 1.0}),
    (POLYP, "smaller network", {"coarse": "threshold"}),
    (CHEST, "smaller network, two regions", {"regions": 2, "apart": True}),
    (CHEST, "smaller network, two regions in one box", {"regions": 2}),
):
    run("scaled", said, clip, sam, path, SMALL, options | {"layer": 1}, **probe_of(path))
sam = build_sam_vit_h()
sam.load_state_dict(weights("sam_vit_h"), strict=True)
clip = network("biomedclip", GIVEN)
FULL = ["biomedclip", "sam_vit_h"]
run("text", "full network", clip, sam, BRAIN, FULL, {}, **probe_of(BRAIN))
run("text", "full network", clip, sam, BREAST, FULL, {"beta": 1.0})
answers.write()
