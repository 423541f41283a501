"""Any SAM with LoRA on q and v of its image encoder (the convention of SAMed and Sam_LoRA)."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="sam-lora",
    version=2,
    title="SAM with LoRA on q and v, merged",
    papers=(),
    source="MathieuNlp/Sam_LoRA @ 788decc0551307b3806928dbe48651a2d4383407 src/lora.py",
    prompts=("box",),
    untrained=("point",),
    layouts=("flat", "lora"),
    files=("SAM checkpoint", "LoRA file (w_a_000, w_b_000, ...)"),
    builder="reproduce.adapters.sam_lora.network:build",
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
    memory_mib={"vit_b": 612},
    agreement=(
        "Compared with the authors' code on 1 predictions of real images, the released LoRA on "
        "a seeded base: largest logit difference 2.1e-06 (largest logit 1.6), largest Dice "
        "difference 0.0e+00."
    ),
)
