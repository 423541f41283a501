"""Zch0414/p2sam: `testing/test_utils`, the predictor as `run_medical` calls it."""

import sys

import numpy as np
import timm.layers
import torch
from authors import OUT, POLYP, REAL, Answers, never_called, probe_of, weights
from PIL import Image

# After timm, which looks for some of them.
never_called("matplotlib", "matplotlib.pyplot", "ot", "seaborn", "sklearn")
never_called("sklearn.cluster", "sklearn.manifold")
timm.layers.set_fused_attn(False)  # calls what torch had under a private name then
sys.path.insert(0, "testing")
from test_utils.custom_segment_anything import SamPredictor  # noqa: E402
from test_utils.model import model as release  # noqa: E402

answers = Answers()
encoder = release.make_timm_sam_encoder
SMALL = {"img_size": 128, "embed_dim": 48, "depth": 2, "num_heads": 2, "global_attn_indexes": [1]}
DRIVE = REAL / "drive" / "test" / "images" / "01_test.tif"
BOX, POINTS, LABELS = [30, 60, 300, 310], [[120, 200], [40, 50]], [1, 0]
ASKED = {
    "none": {},
    "box": {"box": np.array(BOX)},
    "point": {"point_coords": np.array(POINTS), "point_labels": np.array(LABELS)},
}
PROMPTS = {"none": None, "box": {"box": BOX}, "point": {"points": POINTS, "labels": LABELS}}


def predictor(layout, side, sizes):
    """Theirs over seeded weights; `sizes`: an encoder other than ViT-B's."""
    release.make_timm_sam_encoder = lambda **given: encoder(**given, **sizes)
    torch.save({"model": weights(layout), "result": 0, "epoch": 0}, OUT / "checkpoint.pth")
    network = release.create_model(
        "vit_b", str(OUT / "checkpoint.pth"), "timm", "lora" in layout, 1, [True, True, True]
    )
    if sizes:  # what `create_model` sets to 1024 itself, and what SAM's builder knows of the size
        network.image_encoder.img_size = side
        network.prompt_encoder.input_image_size = (side, side)
        network.prompt_encoder.image_embedding_size = (side // 16, side // 16)
    return SamPredictor(network.eval())


for layout, side, sizes in (
    ("p2sam_full", 1024, {}),
    ("p2sam_lora", 1024, {}),
    ("p2sam_lora_scaled", 128, SMALL),
):
    theirs = predictor(layout, side, sizes)
    for path, kinds in ((POLYP, ("none", "box", "point")), (DRIVE, ("none",))):
        image = np.asarray(Image.open(path).convert("RGB"))
        theirs.set_image(image)
        for kind in kinds:
            masks = theirs.predict(**ASKED[kind], multimask_output=False, return_logits=True)[0]
            answers.add(
                "scaled" if sizes else kind,
                path.name if not sizes else f"{path.name} (smaller network)",
                image,
                masks[0],
                weights=[layout],
                prompt=PROMPTS[kind],
                **(probe_of(path) if path == POLYP and layout != "p2sam_full" else {}),
            )
answers.write()
