"""AdaptiveSAM (Paranjape et al. 2023): SAM ViT-B at 256 px asked by the name of a class."""

from reproduce.contracts import Conduct
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="adaptivesam",
    version=1,
    title="AdaptiveSAM (bias tuning)",
    papers=("2308.03726",),
    source=(
        "JayParanjape/biastuning @ c3e8d50948d5be8882a0c3fba9af5cc68975fea4 model.py, "
        "data_transforms, eval/*/generate_predictions.py"
    ),
    prompts=("text",),
    layouts=("flat",),
    builder="reproduce.adapters.adaptivesam.network:build",
    preprocessing=(
        "As a tensor of bytes, the shorter side to 255, but the longer one to 256 at most "
        "(anti-aliased bilinear), padded with 0 right and below to 256x256, then SAM's mean and "
        "deviation, its first deviation 53.395 as in the release. The class is named to CLIP by "
        "its label alone; labels of the release's six data sets are known here."
    ),
    does=Conduct("adaptivesam-256"),
    memory_mib={"vit_b": 649},
    agreement=(
        "Compared with the authors' code on 6 predictions of real images (theirs at full size and "
        "with a smaller encoder), same seeded weights: largest logit difference 2.2e-06 (largest "
        "logit 2.6), largest Dice difference 0.0e+00."
    ),
)
