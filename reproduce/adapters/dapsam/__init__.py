"""DAPSAM (Wei et al. 2024): SAM with adapters and a memory of prototypes, no prompt."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="dapsam",
    version=1,
    title="DAPSAM",
    papers=("2409.12522",),
    source=(
        "wkklavis/DAPSAM @ c7fd62e48436e16298d9fd6dcf2cd0a54c6767fb fundus/test.py, "
        "fundus/datasets/fundus/RIGA_dataloader.py, prostate/test.py, "
        "prostate/datasets/prostate/PROSTATE_dataloader.py"
    ),
    prompts=("none",),
    layouts=("flat",),
    builder="reproduce.adapters.dapsam.network:build",
    preprocessing=(
        "Fundus: squashed to 512x512 with Pillow (bicubic), z-score per image and channel; optic "
        "disc and cup are two masks that overlap, each cut at 0.5. Prostate: slices of 384x384 as "
        "stored, values above 0 cut at their 0.2th and 99.8th percentile, z-score, the channel "
        "three times; one mask."
    ),
    options={
        "recipe": Option(
            "fundus",
            "which of the two releases the weights are of: their input differs",
            ("fundus", "prostate"),
            changes={"preprocessing": {"prostate": "dapsam-384-percentiles"}},
        ),
    },
    does=Conduct("dapsam-512"),
    memory_mib={"vit_b": 484},
    agreement=(
        "Compared with the authors' code on 4 predictions of real images (theirs at full size and "
        "with a smaller encoder), same seeded weights: largest logit difference 3.1e-06 (largest "
        "logit 2.5), largest Dice difference 0.0e+00."
    ),
)
