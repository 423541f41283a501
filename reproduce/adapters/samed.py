"""SAMed, SAMed_s and SAMed_h (Zhang and Liu 2023): LoRA in SAM, eight organs, no prompt."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="samed",
    version=1,
    title="SAMed, SAMed_s, SAMed_h",
    papers=("2304.13785",),
    source="hitachinsk/SAMed @ e351840481f51d0c7dee50007f29d02197b63d99 test.py, utils.py",
    prompts=("none",),
    layouts=("flat", "lora"),
    files=("SAM checkpoint (vit_b; SAMed_h: vit_h)", "LoRA file (epoch_159.pth)"),
    builder="reproduce.models.samed:build",
    preprocessing=(
        "One channel, CT window -125 to 275 HU already brought to 0-1 in the files; cubic zoom "
        "down to 224, cubic zoom up to 512, the channel three times, no mean and deviation. Nine "
        "mask tokens (background and eight organs), argmax at 512, label map back by nearest zoom."
    ),
    options={
        "image_size": Option(
            512,
            "side of the network's input in pixels (--img_size)",
            changes={"preprocessing": {}},
        ),
        "input_size": Option(
            224,
            "side in between (--input_size); None: straight to image_size",
            changes={"preprocessing": {}},
        ),
    },
    does=Conduct("samed-512-224-512", answers="label"),
    memory_mib={"vit_b": 465},
    agreement=(
        "Compared with the authors' code on 5 predictions (SAMed and SAMed_s) of real images, "
        "same seeded weights: largest logit difference 5.1e-06 (largest logit 3.0), largest "
        "Dice difference 2.5e-05."
    ),
)
