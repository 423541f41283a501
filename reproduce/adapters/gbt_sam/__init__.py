"""GBT-SAM (Diana-Albelda et al. 2025): SAM ViT-B on four MRI sequences, four slices at a time."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="gbt-sam",
    version=1,
    title="GBT-SAM",
    papers=("2503.04325",),
    source=(
        "vpulab/gbt-sam @ edac4db4d6a797ae58291a3637c7ef8ecc35698c val.py, "
        "function.py: validation_sam, dataset.py"
    ),
    prompts=("box",),
    layouts=("state_dict", "flat"),
    dimensionality="3d",
    values="stored",
    builder="reproduce.adapters.gbt_sam.session:build",
    volume="reproduce.adapters.gbt_sam.session:prompt_volume",
    preprocessing=(
        "Four channels (T1, T1 with contrast, T2, FLAIR) as stored, without mean and deviation; "
        "cut to the box around all that is above 0, slices squashed to 1024x1024 (bilinear) and "
        "shown by fours from the first one on. Low-resolution logits go to the cut slice by "
        "nearest neighbour. Boxes are taken from masks squashed as the slices are; for those of "
        "the release the reader cuts the volume first (option cut of brats)."
    ),
    options={
        "image_size": Option(
            1024,
            "side of the network's input in pixels (-image_size)",
            changes={"preprocessing": {}},
        ),
    },
    does=Conduct("gbt-sam-1024-4-channels"),
    memory_mib={"vit_b": 1523},
    agreement=(
        "Compared with the authors' code on 2 predictions of real images, same seeded weights: "
        "largest logit difference 4.5e-06 (largest logit 100.0), largest Dice difference 0.0e+00."
    ),
)
