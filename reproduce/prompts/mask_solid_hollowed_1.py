"""The whole mask of the object, only its rim of one voxel."""

from reproduce.prompting.solid_masks import SolidMaskProfile

PLUGIN = SolidMaskProfile(
    name="mask-solid-hollowed-1",
    version=1,
    description=(
        "The rim of the object over all its planes, one voxel thick: the mask less the eroded mask."
    ),
    source="ucsdbiag/Prompt-Robustness-MedSegFMs@4fa0e89 nnInteractive/predict_btcv.py:154-173",
    change="hollowed",
)
