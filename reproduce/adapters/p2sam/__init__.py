"""P2SAM's fine-tuned SAMs (Zhao et al. 2024): endoscopy and lung CT, with and without prompt."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="p2sam",
    version=1,
    title="P2SAM (its fine-tuned SAM)",
    papers=("2403.05433",),
    source=(
        "Zch0414/p2sam @ 192dffb0a739f8bc952c7ff4c62b3f29b8845d1e "
        "testing/test_utils/utils.py: run_medical (direct transfer), fine_tuning/engine.py"
    ),
    prompts=("none", "point", "box", "mask"),
    layouts=("model", "flat"),
    builder="reproduce.adapters.p2sam.network:build",
    preprocessing=(
        "SAM's own: longest side to 1024 with Pillow (bilinear), mean and deviation, padded right "
        "and below. The part-aware points that P2SAM makes from a reference frame are not made "
        "here. LoRA pairs are added to the weights that stand beside them, as the release does: "
        "its training saves those weights with the pairs already added."
    ),
    options={
        "label": Option("polyp", "name of the class in answers without a prompt"),
    },
    does=Conduct("sam-official"),
    memory_mib={"vit_b": 604},
    agreement=(
        "Compared with the authors' code on 12 predictions of real images (theirs at full size "
        "and with a smaller encoder), same seeded weights: largest logit difference 2.9e-06 "
        "(largest logit 2.5), largest Dice difference 2.3e-06."
    ),
)
