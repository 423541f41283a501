"""cvlab-stonybrook/SAMPath: `network/sam_network.py: PromptSAMLateFusion.forward`, argmax."""

import sys
from types import ModuleType

import albumentations
import cv2
import numpy as np
import torch
from authors import REAL, Answers, saved, weights

# The pathology encoder's own weights are replaced by the seeded ones below.
loading = ModuleType("network.hipt.hipt_prompt")
loading.load_ssl_weights = lambda network, path: network
sys.modules[loading.__name__] = loading
from network.get_network import get_hipt  # noqa: E402
from network.sam_network import PromptSAMLateFusion  # noqa: E402

answers = Answers("sampath", strip="model.")
network = PromptSAMLateFusion(
    "vit_b",
    checkpoint=saved("sam_vit_b"),
    num_classes=6,
    extra_encoder=get_hipt("none", neck=False),
    mask_HW=(1024, 1024),
)
state = {key.removeprefix("model."): value for key, value in weights("sampath").items()}
network.load_state_dict(state, strict=True)
network.eval()
path = REAL / "biomedparse" / "demo" / "18_pathology_colon.png"
image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
for side, name in ((1024, "BCSS"), (1536, "CRAG")):
    network.mask_HW = (side, side)
    pixels = albumentations.Compose(
        [
            albumentations.Resize(side, side),
            albumentations.Normalize(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        ]
    )(image=image)["image"]
    tensor = torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None]
    with torch.no_grad():
        masks = torch.stack(network(tensor)[0])
    answers.add(
        "none",
        f"{path.name} ({name}, {side})",
        image,
        masks[:, 1:],
        # Larger images are brought to the network's side inside the forward pass.
        **({"input": tensor[0]} if side == 1024 else {}),
        label_map=np.asarray(torch.argmax(masks[:, 1:], dim=1)[0] + 1),
        take="class logits",
        grid="model_input",
        options={"image_side": side},
    )
answers.write()
