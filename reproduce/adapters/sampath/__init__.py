"""SAM-Path (Zhang et al. 2023): SAM and a pathology ViT, tissue classes, no prompt."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="sampath",
    version=1,
    title="SAM-Path",
    papers=("2307.09570",),
    source=(
        "cvlab-stonybrook/SAMPath @ 369c19504f7547d318864f88f2096d6fd4430e79 "
        "network/sam_network.py, predict.py"
    ),
    prompts=("none",),
    layouts=("state_dict/model",),
    builder="reproduce.adapters.sampath.network:build",
    preprocessing=(
        "Squashed to the configured side (BCSS 1024, CRAG 1536) with OpenCV (bilinear), ImageNet's "
        "mean and deviation, then to 1024 for both encoders. Class 0 is what the reference does "
        "not label; it is never predicted."
    ),
    options={
        "image_side": Option(1024, "side of images and masks (image_hw): BCSS 1024, CRAG 1536")
    },
    does=Conduct("imagenet-mean-std", answers="label"),
    memory_mib={"vit_b": 2985},
    agreement=(
        "Compared with the authors' code on 2 predictions of real images, same seeded weights: "
        "largest logit difference 4.3e-06 (largest logit 2.5), largest Dice difference 8.5e-06."
    ),
)
