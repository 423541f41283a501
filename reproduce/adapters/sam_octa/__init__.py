"""SAM-OCTA (Wang et al. 2023): SAM with LoRA, vessels in OCTA projections, clicks."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="sam-octa",
    version=2,
    title="SAM-OCTA",
    papers=("2309.11758",),
    source="ShellRedia/SAM-OCTA @ 9edc56247a3e30c96e5c6f1e8fe01250b8338527 test_sam_octa.py",
    prompts=("point",),
    untrained=("box",),
    layouts=("module", "flat"),
    builder="reproduce.adapters.sam_octa.network:build",
    preprocessing=(
        "Three projections (OPL_BM, ILM_OPL, FULL) as channels, 0-255; longest side to 1024 as a "
        "tensor (antialiased bilinear), SAM's mean and deviation, padded right and below. The "
        "release calls foreground what is above 0.8 of the sigmoid."
    ),
    options={
        "longest_side": Option(
            1024,
            "side that the longer edge is resized to; the release takes 224 for vit_b",
            changes={"preprocessing": {}},
        ),
    },
    does=Conduct("sam-octa-1024", answers="probability"),
    memory_mib={"vit_b": 604},
    agreement=(
        "Compared with the authors' code on 2 predictions of real images, same seeded weights: "
        "largest probability difference 9.5e-07 (largest probability 0.8), largest Dice "
        "difference 0.0e+00."
    ),
)
