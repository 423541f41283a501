"""SAM-LST (Chai et al. 2023): a ResNet beside SAM's frozen encoder, eight organs, no prompt."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="sam-lst",
    version=1,
    title="SAM-LST (ladder side tuning)",
    papers=("2306.12737",),
    source=(
        "11yxk/SAM-LST @ 8272e46da292437a3b3ae9268a11e2743048290f my_sam_LST.py, utils.py; its "
        "test.py never loads the released file, here it is loaded"
    ),
    prompts=("none",),
    layouts=("module", "flat"),
    builder="reproduce.adapters.sam_lst.network:build",
    preprocessing=(
        "SAMed's: one channel, CT window -125 to 275 HU already brought to 0-1 in the files; cubic "
        "zoom down to 224, cubic zoom up to 512, the channel three times, no mean and deviation, "
        "for both encoders. Nine mask tokens, argmax at 512, label map back by nearest zoom."
    ),
    options={
        "input_size": Option(
            224,
            "side in between (--input_size); None: straight to the network's side",
            changes={"preprocessing": {}},
        ),
    },
    does=Conduct("samed-512-224-512", answers="label"),
    memory_mib={"vit_b": 513},
    agreement=(
        "Compared with the authors' code on 4 predictions of real images (theirs at full size and "
        "with a smaller encoder), same seeded weights: largest logit difference 2.1e-06 (largest "
        "logit 2.7), largest Dice difference 1.2e-05."
    ),
)
