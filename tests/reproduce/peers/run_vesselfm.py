"""bwittmann/vesselFM: `module.py: test_step`'s network and windows on what its transforms make.

lightning, which `module.py` is written for, is not imported: the two lines of its test step are
asked of MONAI, as it does.
"""

from pathlib import Path

import numpy as np
import torch
import yaml
from authors import Answers, weights
from made import stack_of
from monai.inferers import SlidingWindowInfererAdapt
from monai.networks.nets import DynUNet
from vesselfm.seg.utils.data import generate_transforms

answers = Answers("vesselfm")
CONFIGS = Path("vesselfm/seg/configs")
config = yaml.safe_load((CONFIGS / "model" / "dyn_unet_base.yaml").read_text("utf-8"))
config.pop("_target_")
network = DynUNet(**config).eval()
network.load_state_dict(weights("vesselfm"))
data = yaml.safe_load((CONFIGS / "data" / "default_finetune.yaml").read_text("utf-8"))
transforms = generate_transforms(data["transforms"]["test"])
inferer = SlidingWindowInfererAdapt(roi_size=[128, 128, 128], sw_batch_size=1, overlap=0.5)
# A part that takes two windows; as their files, planes first.
STACK = {"of": "brats", "cut": [[0, 104], [0, 100], [10, 150]]}
volume = stack_of(STACK).astype(np.float32)
given = transforms({"Image": volume, "Mask": np.zeros(volume.shape, bool)})
with torch.no_grad():
    logits = inferer(given["Image"][None], network)
answers.add_stack(
    "none",
    "BraTS2021_01646 (104x100x140 voxels)",
    STACK,
    np.asarray(logits[0]),
    input=np.asarray(given["Image"][0]),
    options={},
    spacing=[1.5, 1.5, 1.5],
)
answers.write()
