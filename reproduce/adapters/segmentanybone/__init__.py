"""SegmentAnyBone (Gu et al. 2024), its part without depth attention: bones in MRI, no prompt."""

from reproduce.contracts import Conduct
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="segmentanybone",
    version=1,
    title="SegmentAnyBone (without depth attention)",
    papers=("2401.12974",),
    source=(
        "mazurowski-lab/SegmentAnyBone @ 782b22140c17913317cbbbbf392deda14cfbbe4a demo.ipynb, "
        "predict_funs.py: evaluate_1_volume_withattention"
    ),
    prompts=("none",),
    dimensionality="3d",
    values="stored",
    layouts=("flat",),
    files=("bone_sam.pth",),
    builder="reproduce.adapters.segmentanybone.network:build",
    preprocessing=(
        "Volume cut off at its 1st and 99th percentile and brought to 0-1; each axial slice, its "
        "columns as rows (as a file stored to right, anterior, superior), brought to 0-255 by its "
        "own range, squashed to 1024 with Pillow (bilinear), cut off at 1 and 99 % of its values, "
        "dark ones brightened (gamma 0.8), ImageNet's mean and deviation. The mask of 256 px comes "
        "back by nearest neighbour. The depth attention of atten.pth is left out "
        "(attention_enabled=False): the notebook runs its V-Net with dropout on, each time another "
        "map."
    ),
    does=Conduct("segmentanybone-1024", answers="label", decided=0.5),
    memory_mib={"vit_t": 586},
    agreement=(
        "Compared with the authors' code on 3 real planes, same seeded weights: largest logit "
        "difference 2.7e-06 (largest logit 1.8), largest Dice difference 0.0e+00."
    ),
)
