"""The whole mask of the object, one voxel smaller."""

from reproduce.prompting.solid_masks import SolidMaskProfile

PLUGIN = SolidMaskProfile(
    name="mask-solid-eroded-1",
    version=1,
    description=(
        "The mask of the object over all its planes, smaller by one voxel in every "
        "direction, corners included; perhaps nothing is left."
    ),
    source="ucsdbiag/Prompt-Robustness-MedSegFMs@4fa0e89 nnInteractive/predict_btcv.py:132-152",
    change="eroded",
)
