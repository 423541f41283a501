"""MobileSAM (Zhang et al. 2023): SAM with a TinyViT as image encoder."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="mobilesam",
    version=2,
    title="MobileSAM",
    papers=("2306.14289",),
    source="ChaoningZhang/MobileSAM @ 34bbbfdface3c18e5221aa7de6032d7220c6c6a1 mobile_sam/",
    prompts=("box", "point", "mask"),
    layouts=("flat",),
    builder="reproduce.adapters.mobilesam.network:build",
    preprocessing="SAM's: longest side to 1024, mean and deviation, padded right and below.",
    options={
        "multimask": Option(
            "single",
            "masks per prompt: the decoder's one for unambiguous prompts, or its three candidates",
            ("single", "three"),
            changes={"candidates": {"three": 3}},
        ),
    },
    does=Conduct("sam-official"),
    memory_mib={"vit_t": 344},
    agreement=(
        "Compared with the authors' code on 8 predictions of real images, same seeded weights: "
        "largest logit difference 2.9e-06 (largest logit 2.0), largest Dice difference 4.2e-06."
    ),
)
