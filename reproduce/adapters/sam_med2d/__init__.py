"""SAM-Med2D (Cheng et al. 2023): SAM ViT-B at 256 px with adapter layers; boxes and points."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="sam-med2d",
    version=2,
    title="SAM-Med2D",
    papers=("2308.16184",),
    source="OpenGVLab/SAM-Med2D @ bfd2b93b1158100c8abd81f61766a2de92c1c175 test.py, DataLoader.py",
    prompts=("box", "point", "mask"),
    layouts=("model", "flat"),
    builder="reproduce.adapters.sam_med2d.network:build",
    plane="reproduce.adapters.sam_med2d.network:prompt_plane",
    preprocessing=(
        "Channels in OpenCV's order (BGR), normalised with SAM's mean and deviation of RGB; images "
        "smaller than 256 px both ways are padded with 0 around the middle, all others squashed to "
        "256x256 by nearest neighbour. The decoder's three candidates are kept; the released "
        "evaluation takes the one with the highest predicted IoU."
    ),
    options={
        "channels": Option(
            "bgr",
            "order of the channels the network sees",
            ("bgr", "rgb"),
            changes={"preprocessing": {}},
        ),
        "resize": Option(
            "nearest",
            "how larger images are squashed",
            ("nearest", "bilinear"),
            changes={"preprocessing": {}},
        ),
        "adapter": Option(True, "use the adapter layers (false: SAM-Med2D* of the README)"),
    },
    does=Conduct("sam-med2d-256-bgr-nearest", candidates=3),
    memory_mib={"vit_b": 1215},
    agreement=(
        "Compared with the authors' code on 36 predictions of real images, same seeded weights: "
        "largest logit difference 2.2e-06 (largest logit 2.4), largest Dice difference 9.1e-07."
    ),
)
