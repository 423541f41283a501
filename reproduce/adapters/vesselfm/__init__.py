"""vesselFM (Wittmann et al. 2024): blood vessels in any volume, MONAI's DynUNet, no prompt."""

from reproduce.contracts import Conduct, Option
from reproduce.models.declaring import DeclaredAdapter

PLUGIN = DeclaredAdapter(
    name="vesselfm",
    version=1,
    title="vesselFM",
    papers=("2411.17386",),
    source=(
        "bwittmann/vesselFM @ fa21e8c92489f27de4d32178a7634f3fc0d6f339 vesselfm/seg/module.py, "
        "inference.py, configs"
    ),
    prompts=("none",),
    dimensionality="3d",
    values="stored",
    layouts=("flat",),
    builder="reproduce.adapters.vesselfm.network:build",
    preprocessing=(
        "Values scaled so that the 1st and 99th percentile of the volume become 0 and 1, without "
        "cutting off; windows of 128 voxels with half a window of overlap, logits averaged. The "
        "grid is the file's: no spacing is asked for."
    ),
    options={
        "clip": Option(
            False,
            "cut off what the percentiles leave outside 0-1 (inference.py; the evaluation of the "
            "paper, finetune.py, does not)",
            (False, True),
            changes={"preprocessing": {True: "vesselfm-percentiles-clipped"}},
        ),
    },
    does=Conduct("vesselfm-percentiles", "half-windows-averaged", answers="probability"),
    memory_mib={"dynunet": 1814},
    agreement=(
        "Compared with the authors' configuration and steps on a real volume of two windows, same "
        "seeded weights: largest logit difference 0.0e+00 (largest logit 80), largest Dice "
        "difference 0.0e+00."
    ),
)
