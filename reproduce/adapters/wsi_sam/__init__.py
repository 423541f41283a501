"""WSI-SAM (Liu et al. 2024): MobileSAM on a patch and on what lies around it, one box."""

from reproduce.contracts import Conduct
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="wsi-sam",
    version=1,
    title="WSI-SAM",
    papers=("2403.09257",),
    source=(
        "HongLiuuuuu/WSI-SAM @ fd96e5b6b5747c5eec98f19baa71004f066a34df inference.py, network.py"
    ),
    prompts=("box",),
    layouts=("flat", "model/high", "model/low"),
    files=("mobile_sam.pt", "net_high.pth", "net_low.pth"),
    builder="reproduce.adapters.wsi_sam.network:build",
    preprocessing=(
        "Images of 2048x2048 pixels: the patch is the middle, 1024x1024, and its surroundings are "
        "the whole, halved with OpenCV (area; the release is given both as files and does not say "
        "how the coarser one was made). SAM's mean and deviation. The box is cut to whole pixels, "
        "halved and moved for the surroundings. Nothing is predicted outside the middle."
    ),
    does=Conduct("wsi-sam-pair-1024"),
    memory_mib={"vit_t": 591},
    agreement=(
        "Compared with the authors' code on 2 predictions of a real image, same seeded weights: "
        "largest logit difference 1.4e-05 (largest logit 11.4), largest Dice difference 1.0e-06."
    ),
)
