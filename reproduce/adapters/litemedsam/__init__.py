"""LiteMedSAM (bowang-lab, CVPR 2024 challenge baseline): TinyViT at 256 px, one box per object."""

from reproduce.contracts import Conduct
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="litemedsam",
    version=2,
    title="LiteMedSAM",
    papers=(),
    source=(
        "bowang-lab/MedSAM (branch LiteMedSAM) @ b0fab476e54e631dd412b25e0db9fdf2a2b0f54c "
        "CVPR24_LiteMedSAM_infer.py: MedSAM_infer_npz_2D"
    ),
    prompts=("box",),
    untrained=("point",),
    layouts=("flat", "model"),
    builder="reproduce.adapters.litemedsam.network:build",
    preprocessing=(
        "Longest side to 256 by OpenCV's area resize, min-max to 0-1 per image, then padded with 0 "
        "right and below; boxes scaled by one factor and cut to whole pixels. Each object is "
        "answered by itself: the release writes overlapping objects over each other in the order "
        "of the file, and takes volumes from the middle slice outwards with boxes of its own "
        "predictions; neither is done here."
    ),
    does=Conduct("litemedsam-256"),
    memory_mib={"vit_t": 356},
    agreement=(
        "Compared with the authors' code on 5 predictions of real images, same seeded weights: "
        "largest logit difference 3.3e-06 (largest logit 3.4), largest Dice difference 0.0e+00."
    ),
)
