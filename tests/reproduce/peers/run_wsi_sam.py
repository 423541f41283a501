"""HongLiuuuuu/WSI-SAM: `inference.py: run_inference`.

Its decoders read MobileSAM's mask decoder from a file that nobody released, before their own.
"""

import cv2
import inference
import numpy as np
import torch
from authors import REAL, Answers, probe_of, saved, weights

answers = Answers("mobile_sam", "wsi_sam")
read = torch.load
sam = weights("mobile_sam")


def loaded(path, **more):
    if str(path).startswith("pretrained_checkpoint"):
        part = "mask_decoder."
        return {k.removeprefix(part): v for k, v in sam.items() if k.startswith(part)}
    found = read(path, **more)
    return {"model": found} if "wsi_sam" in str(path) else found


torch.load = loaded
args = type("Arguments", (), {})()
args.model_type, args.device = "vit_tiny", "cpu"
args.checkpoint_SAM = saved("mobile_sam")
args.checkpoint_net_high, args.checkpoint_net_low = (
    saved("wsi_sam", "high."),
    saved("wsi_sam", "low."),
)
PATH = REAL / "biomedparse" / "demo" / "18_pathology_colon.png"
image = cv2.resize(cv2.cvtColor(cv2.imread(str(PATH)), cv2.COLOR_BGR2RGB), (2048, 2048))
views = image[512:1536, 512:1536], cv2.resize(image, (1024, 1024), interpolation=cv2.INTER_AREA)
high, low = (torch.from_numpy(np.ascontiguousarray(one.transpose(2, 0, 1))) for one in views)
for box in ([101, 200, 964, 697], [433, 310, 641, 555]):
    logits = inference.run_inference(high, low, box, args)
    answers.add(
        "box",
        f"{PATH.name} (enlarged to 2048)",
        image,
        logits[0, 0],
        prompt={"box": [value + 512 for value in box]},
        grid="model_input",
        **probe_of(PATH, "rgb 2048"),
    )
answers.write()
