"""G-SAM (Kato et al. 2024): SAM at 256 px with pooled attention and a ResNet-101, no prompt."""

from reproduce.contracts import Conduct
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="g-sam",
    version=1,
    title="G-SAM (Generalized SAM)",
    papers=("2408.12406",),
    source=(
        "usagisukisuki/G-SAM @ 31dfd1c8bf2a08f0ccf45bb14d2cb3b1d52352bb test.py, "
        "loader/Mydataloader.py, models/generalized_segment_anything"
    ),
    prompts=("none",),
    layouts=("flat", "module"),
    builder="reproduce.adapters.g_sam.network:build",
    preprocessing=(
        "Squashed to 256x256 with Pillow (bilinear), 0-1, mean 0.466, 0.471, 0.380 and deviation "
        "0.195, 0.194, 0.192. One mask, that of ISBI 2012's membranes; the weights of Cityscapes "
        "and Trans10k have a token for each class and are refused."
    ),
    does=Conduct("g-sam-256"),
    memory_mib={"vit_b": 785},
    agreement=(
        "Compared with the authors' code on 2 predictions of real images, same seeded weights: "
        "largest logit difference 1.5e-06 (largest logit 1.2), largest Dice difference 0.0e+00."
    ),
)
