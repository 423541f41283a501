"""SegVol (Du et al. 2023): a whole CT volume first, then windows around what was found."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="segvol",
    version=1,
    title="SegVol",
    papers=("2311.13385",),
    source=(
        "BAAI-DCAI/SegVol @ 5768c9795794a327a2629ce7f137ab03d5ea8378 inference_demo.py, "
        "data_process/demo_data_process.py, utils/monai_inferers_utils.py"
    ),
    prompts=("solid-box", "text"),
    dimensionality="3d",
    values="stored",
    layouts=("model/module", "flat"),
    builder="reproduce.adapters.segvol.network:build",
    preprocessing=(
        "Cut off at the percentiles 0.05 and 99.95 of the voxels above the mean, their mean and "
        "deviation, then 0-1 over the volume; filled up with 0 to 32x256x256, cut to what is above "
        "0. First the whole at 32x256x256 by nearest neighbour; then windows of that size, half a "
        "window apart, around what was found. The release takes the box of the reference at "
        "32x256x256, here the box is brought there. Clicks, which it draws anew in every window, "
        "are left out."
    ),
    options={
        "text": Option(
            False,
            "whether a box comes with its label as text (A computerized tomography of a ...), as "
            "in the release's demonstration",
            (False, True),
        ),
        "zoom": Option(
            True,
            "whether windows follow (use_zoom_in)",
            (False, True),
            changes={"postprocessing": {False: "segvol-whole"}},
        ),
    },
    does=Conduct("segvol-32-256", "segvol-whole-then-windows"),
    memory_mib={"vit_b": 1268},
    agreement=(
        "Compared with the authors' zoom_in_zoom_out on 16 real CT slices with the full network, "
        "asked by a box and by text (and on a small one by both together), same seeded weights: "
        "largest logit difference 3.1e-06 (largest logit 4.2), largest Dice difference 0.0e+00."
    ),
)
