"""Medical SAM Adapter (Wu et al. 2023): SAM with adapters and a decoder of its own, one click."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="medical-sam-adapter",
    version=1,
    title="Medical SAM Adapter (MSA, Med-SA)",
    papers=("2304.12620",),
    source=(
        "SuperMedIntel/Medical-SAM-Adapter @ 0add836c5af274aff4441334e2c38b5a46b70210 "
        "function.py, dataset/__init__.py"
    ),
    prompts=("point",),
    untrained=("box",),
    layouts=("state_dict", "state_dict/module", "flat"),
    builder="reproduce.adapters.medical_sam_adapter.network:build",
    plane="reproduce.adapters.medical_sam_adapter.network:prompt_plane",
    preprocessing=(
        "Squashed with Pillow (bilinear) to the network's size, SAM's mean and deviation. The "
        "release scores at 256x256 (grid model_input), where a reference pixel is foreground only "
        "if bilinear resizing left it whole."
    ),
    options={
        "image_size": Option(
            1024,
            "side of the network's input in pixels (-image_size; the README's commands say 1024); "
            "clicks are drawn on masks of this size, and the checkpoint has to have it",
            changes={"preprocessing": {}},
        ),
        "out_size": Option(256, "side of the grid model_input, in pixels (-out_size)"),
        "channel": Option(0, "which of the decoder's masks: 0, or REFUGE's 0 disc and 1 cup"),
        "normalise": Option(
            True,
            "SAM's mean and deviation; False for weights trained before pull request 135 "
            "(May 2025), whose input is 0-1",
            changes={"preprocessing": {False: "medical-sam-adapter-1024-unit"}},
        ),
    },
    does=Conduct("medical-sam-adapter-1024"),
    memory_mib={"vit_b": 3010, "vit_b_256": 491},
    agreement=(
        "Compared with the authors' code on 3 predictions of real images, same seeded weights: "
        "largest logit difference 2.0e-06 (largest logit 1.8), largest Dice difference 1.2e-09."
    ),
)
