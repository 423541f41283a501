"""MedSAM (Ma et al. 2024): SAM ViT-B fine-tuned on medical images, prompted with one box."""

from reproduce.contracts import Conduct
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="medsam",
    version=2,
    title="MedSAM",
    papers=("2304.12306",),
    source="bowang-lab/MedSAM @ d71e8a1a99ad751840a22a7fa3ecfb4166fb1488 MedSAM_Inference.py",
    prompts=("box",),
    untrained=("point",),
    layouts=("flat", "model", "module."),
    builder="reproduce.adapters.medsam.network:build",
    preprocessing=(
        "Squashed to 1024x1024 with skimage (cubic, anti-aliased), cut to whole numbers, then "
        "min-max to 0-1 per image. SAM's mean and deviation are not applied, nothing is padded."
    ),
    does=Conduct("medsam-minmax-1024", answers="probability"),
    memory_mib={"vit_b": 599},
    agreement=(
        "Compared with the authors' code on 2 predictions of real images, same seeded weights: "
        "largest probability difference 5.4e-07 (largest probability 0.9), largest Dice "
        "difference 0.0e+00."
    ),
)
