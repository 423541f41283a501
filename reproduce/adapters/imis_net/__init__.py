"""IMIS-Net (Cheng et al. 2024, IMIS-Bench): ViT-B with a decoder of 768 channels, box or points."""

from reproduce.contracts import Conduct
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="imis-net",
    version=1,
    title="IMIS-Net (IMIS-Bench)",
    papers=("2411.12814",),
    source=(
        "uni-medical/IMIS-Bench @ f4519c0f8f5a6e62e1a2bb9dde52be63c4a4fb30 model.py, test.py, "
        "dataloaders/data_utils.py"
    ),
    prompts=("box", "point"),
    layouts=("flat", "model_state_dict"),
    builder="reproduce.adapters.imis_net.network:build",
    plane="reproduce.adapters.imis_net.network:prompt_plane",
    preprocessing=(
        "Squashed to 1024x1024 by nearest neighbour (Pillow), SAM's mean and deviation. Prompts "
        "are made on masks resized in the same way; logits are resized to 1024 and from there to "
        "the image, both bilinear. Three candidates; the release takes the one with the highest "
        "predicted IoU. Prompts of words, which the release takes as well, are not asked here."
    ),
    does=Conduct("imis-1024-nearest", candidates=3),
    memory_mib={"vit_b": 754},
    agreement=(
        "Compared with the authors' code on 4 predictions of real images (box and point), same "
        "seeded weights: largest logit difference 1.7e-05 (largest logit 3.6), largest Dice "
        "difference 5.3e-06."
    ),
)
