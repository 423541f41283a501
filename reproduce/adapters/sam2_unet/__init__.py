"""SAM2-UNet (Xiong et al. 2024): SAM 2's large trunk with adapters and a U-decoder, no prompt."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="sam2-unet",
    version=1,
    title="SAM2-UNet",
    papers=("2408.08870",),
    source=(
        "WZH0120/SAM2-UNet @ 01598e5e9912ffb23f965ecbebf4d1dfecbaa56e SAM2UNet.py, test.py, "
        "dataset.py: TestDataset"
    ),
    prompts=("none",),
    layouts=("flat",),
    builder="reproduce.adapters.sam2_unet.network:build",
    preprocessing=(
        "Squashed to 352x352 with Pillow (bilinear, anti-aliased), ImageNet's mean and deviation. "
        "Logits are resized to the image, and each map of probabilities is stretched to its own "
        "range and stored as 256 grey values."
    ),
    options={
        "map": Option(
            "stretched",
            "what is scored: the stored grey values (released code), or the logits before that",
            ("stretched", "logits"),
            changes={"postprocessing": {"logits": "none"}, "answers": {"logits": "logit"}},
        ),
    },
    does=Conduct("resize-352-imagenet", "stretched-0-255", answers="probability"),
    memory_mib={"large": 966},
    agreement=(
        "Compared with the authors' code on 2 predictions of real images, same seeded weights: "
        "largest logit difference 0.0e+00 (largest logit 27400), largest Dice difference 0.0e+00."
    ),
)
