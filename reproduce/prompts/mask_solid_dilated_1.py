"""The whole mask of the object, one voxel larger."""

from reproduce.prompting.solid_masks import SolidMaskProfile

PLUGIN = SolidMaskProfile(
    name="mask-solid-dilated-1",
    version=1,
    description=(
        "The mask of the object over all its planes, larger by one voxel in every "
        "direction, corners included."
    ),
    source="ucsdbiag/Prompt-Robustness-MedSegFMs@4fa0e89 nnInteractive/predict_btcv.py:113-130",
    change="dilated",
)
