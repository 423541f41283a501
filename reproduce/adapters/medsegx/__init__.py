"""MedSegX (Zhang et al. 2025): SAM ViT-B at 256 px with experts routed by modality and organ."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="medsegx",
    version=1,
    title="MedSegX",
    papers=("10.1038/s41551-025-01497-3",),
    source=(
        "MedSegX/MedSegX-code @ fcad7fff0ba10e80658cd33f94c0dfcaa370f4cb "
        "evaluate_internal.py, model/medsegx.py, data/datainfo.py"
    ),
    prompts=("box",),
    untrained=("point",),
    layouts=("flat", "model"),
    files=("SAM checkpoint (vit_b)", "MedSegX file (medsegx_vit_b.pth)"),
    builder="reproduce.adapters.medsegx.network:build",
    preprocessing=(
        "Squashed to 256x256 as a tensor (anti-aliased bilinear; MedSegDB's arrays have that size "
        "already), SAM's mean and deviation. What is segmented is part of the input: it chooses "
        "among the experts. The decoder's three candidates are kept; the released evaluation takes "
        "the one with the best Dice."
    ),
    options={
        "task": Option(
            None,
            "modality and organ as MedSegDB's folders name them (CT_Liver, MRI_ProstateTumor); "
            "None: the label of each target is such a name",
        ),
        "image_size": Option(
            256, "side of the network's input in pixels", changes={"preprocessing": {}}
        ),
    },
    does=Conduct("medsegx-256", candidates=3),
    memory_mib={"vit_b": 420},
    agreement=(
        "Compared with the authors' code on 18 predictions of real images (theirs at full size "
        "and with a smaller encoder), same seeded weights: largest logit difference 3.6e-06 "
        "(largest logit 2.0), largest Dice difference 1.1e-06."
    ),
)
