"""H-SAM (Cheng et al. 2024): LoRA in SAM and two decoders one after the other, no prompt."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="h-sam",
    version=1,
    title="H-SAM",
    papers=("2403.18271",),
    source="Cccccczh404/H-SAM @ 5bdf49147ee647bf6ea7a9f4cc9850c3ad3010dd test.py, utils.py",
    prompts=("none",),
    layouts=("flat", "lora"),
    files=("SAM checkpoint (vit_b or vit_l)", "LoRA file"),
    builder="reproduce.adapters.h_sam.network:build",
    preprocessing=(
        "As SAMed: one channel at 0-1, cubic zoom down to 224, cubic zoom up to the network's size "
        "(512 for the released weights, 224 otherwise), no mean and deviation; mean of the logits "
        "of both decoders, argmax, label map back by nearest zoom."
    ),
    options={
        "input_size": Option(224, "side in between (--input_size)", changes={"preprocessing": {}}),
        "stage": Option(3, "3: mean of both decoders; 2: the second one alone (--stage)", (2, 3)),
    },
    does=Conduct("samed-512-224-512", answers="label"),
    memory_mib={"vit_b": 669},
    agreement=(
        "Compared with the authors' code on 2 predictions of real images, same seeded weights: "
        "largest logit difference 3.0e-05 (largest logit 3.0), largest Dice difference 1.0e-05."
    ),
)
