"""ZAP-2.5DSAM (Guo et al. 2025): SAM over a cube's slices along three axes, tumours, clicks."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter
from reproduce.models.millimetre_data import OPTION

PLUGIN = DeclaredAdapter(
    name="zap",
    version=1,
    title="ZAP-2.5DSAM",
    papers=(),
    source=(
        "CaiGuoHS/ZAP-2.5DSAM @ f3c3163593ab39b0d031bb22c0d2826e6b573354 test.py, utils/util.py, "
        "modeling/image_encoder_zap.py"
    ),
    prompts=("point",),
    layouts=("flat", "decoder_dict"),
    dimensionality="3d",
    values="stored",
    files=("SAM checkpoint (vit_b)", "decoder file (last.pth.tar)"),
    builder="reproduce.adapters.zap.network:build",
    preprocessing=(
        "Trilinear to 1 mm, window and z-score of the training set, windows of 128 voxels with "
        "half an overlap, each seen along three axes as means of four slices enlarged fourfold. "
        "Windows without a click are 0 and count in the Gaussian mean; trilinear back."
    ),
    options={
        "data": OPTION,
        "image_size": Option(512, "side of a slice in the network", changes={"preprocessing": {}}),
    },
    does=Conduct("zap-windows-128", "windows-without-point-empty"),
    memory_mib={"vit_b": 781},
    agreement=(
        "Compared with the authors' test.py on 6 real CT slices of 40x40 with ViT-B, cubes of 32 "
        "voxels instead of 128 for time (and on a small network over several windows), same "
        "seeded weights, three clicks: largest logit difference 4.9e-06 (largest logit 3.5), "
        "largest Dice difference 0.0e+00."
    ),
)
